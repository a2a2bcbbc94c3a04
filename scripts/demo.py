"""`demo` and `smoke`: render a service, start it and use it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import tour
import tour_modules
from client import Failed
from dev.process import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
BESIDE = Path(sys.executable).parent
NEWEST_NEEDED = (3, 13)
START_SECONDS = 90
END_SECONDS = 60
LOG_TAIL_LINES = 30
MAILS = ".dev/mail"
# So a shell starts what it sends to the background without job control.
DEAF = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
DOCS = re.compile(r"API docs: +(http://\S+)/docs")
# A demo shows the service as it comes: on servers of its own.
FORGOTTEN = {
    "ENVIRONMENT", "PYTHONPATH", "SERVICE_NAME", "UV_PROJECT_ENVIRONMENT",
    "VIRTUAL_ENV",
}  # fmt: skip

# What renders a service into a folder and uses it; it serves while this is entered.
type Show = Callable[[Path], AbstractContextManager[str]]


def demo(show: Show) -> None:
    """Show everything, then serve until Ctrl-C; the folder stays, and is named."""
    folder = _new_folder("demo")
    try:
        with show(folder) as url:
            print(f"\nTry it yourself: {url}/docs\nThe code:        {folder}")
            print(f"Its log:         {_log(folder)}\n{_ending()}", flush=True)
            signal.pause()
    finally:
        print(f"It leaves {_megabytes(folder)} MB: rm -r {folder}", flush=True)


def smoke(show: Show) -> None:
    """Show everything, then leave neither a process nor a folder."""
    folder = _new_folder("smoke")
    try:
        with show(folder):
            pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\nsmoke: passed")


@contextmanager
def orders(folder: Path) -> Iterator[str]:
    """Place an order with the default service."""
    with _step(f"Rendering the defaults into {folder.relative_to(ROOT)}"):
        _render(folder)
    with _step("Installing its packages (make setup)"):
        _run("make", "setup", cwd=folder)
    with _started(folder, "Starting servers, API, worker and relay (make dev)") as url:
        with _step("Adding a catalog and accounts to try it with (make seed)"):
            _run("make", "seed", cwd=folder)
        tour.take_tour(url, mails=folder / MAILS)
        yield url


@contextmanager
def modules(folder: Path) -> Iterator[str]:
    """Use, and test, two modules of which nothing was written but what they hold."""
    begin = time.monotonic()
    for name, fields in tour_modules.DECLARED.items():
        print(f"{name}: {json.dumps(fields)}")
    print()
    with _step(f"Rendering the two into {folder.relative_to(ROOT)}"):
        declared = json.dumps(tour_modules.DECLARED)
        _render(folder, "--data=example=no", f"--data=modules={declared}")
    with _step("Installing its packages (make setup)"):
        _run("make", "setup", cwd=folder)
    with _step("Writing their migrations (make migrations)"):
        _run("make", "migrations", cwd=folder)
    with _started(folder, "Starting servers, API, worker and relay (make dev)") as url:
        print()
        tour_modules.take_tour(url, mails=folder / MAILS)
        print()
        with _step("Running their tests (make test ARGS=tests/modules)"):
            _run("make", "test", "ARGS=tests/modules --no-cov", cwd=folder)
        print(f"From nothing to here: {time.monotonic() - begin:.0f} s")
        yield url


def _ending() -> str:
    """In the background of a script neither this nor make hears Ctrl-C."""
    return f"kill {os.getpid()} ends it." if DEAF else "Ctrl-C ends it."


def _megabytes(folder: Path) -> int:
    sizes = (path.lstat().st_blocks for path in folder.rglob("*"))
    return round(sum(sizes) * 512 / 1_000_000)


def _new_folder(purpose: str) -> Path:
    folder = ROOT / "build" / f"{purpose}-{datetime.now():%Y%m%d-%H%M%S-%f}"  # noqa: DTZ005
    folder.mkdir(parents=True)
    return folder


def _render(folder: Path, *answers: str) -> None:
    """Take the defaults for the rest, but for an older Python than they ask for."""
    version = sys.version_info[:2]
    if version < NEWEST_NEEDED:
        answers += (f"--data=python_version={version[0]}.{version[1]}",)
    given = ("--defaults", "--quiet", "--vcs-ref=HEAD", *answers)
    _run(BESIDE / "copier", "copy", *given, ROOT, folder)


@contextmanager
def _started(folder: Path, step: str) -> Iterator[str]:
    """Start the service; the URL is that of one that says where it is."""
    with _step(step):
        process = _start(folder)
        try:
            url = _address(folder, process)
        except BaseException:
            _end(process)
            raise
    try:
        yield url
    except Failed as reason:
        raise Failed(f"{reason}\n\nIts log ends so:\n{_tail(folder)}") from None
    finally:
        with _step("\nEnding it"):
            code = _end(process)
    if code != 0:
        raise Failed(f"The service ended with exit code {code}.")


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} failed:\n{done.stdout}")


def _start(folder: Path) -> subprocess.Popen[bytes]:
    _log(folder).parent.mkdir(exist_ok=True)
    with _log(folder).open("wb") as log:
        return subprocess.Popen(
            [folder / ".venv/bin/python", "-m", "dev"],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )


def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until the service says where it is."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := DOCS.search(_log(folder).read_text()):
            return found[1]
        time.sleep(0.05)
    raise Failed(f"The service did not start:\n{_tail(folder)}")


def _end(process: subprocess.Popen[bytes]) -> int:
    """End it as Ctrl-C would; a second Ctrl-C must not leave it half ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in FORGOTTEN and "__" not in name.strip("_")
    }
    return kept | {"UV_PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}


def _log(folder: Path) -> Path:
    return folder / ".dev" / "demo.log"


def _tail(folder: Path) -> str:
    return "\n".join(_log(folder).read_text().splitlines()[-LOG_TAIL_LINES:])


@contextmanager
def _step(name: str) -> Iterator[None]:
    print(f"{name:<64}", end="", flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - begin:5.1f} s", flush=True)


def _main(command: str, show: str = "orders") -> None:
    # A shell starts what it sends to the background deaf for Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        {"demo": demo, "smoke": smoke}[command](
            {"orders": orders, "modules": modules}[show]
        )
    except Failed as reason:
        sys.exit(f"\n{command}: failed: {reason}")
    except KeyboardInterrupt:
        sys.exit(0 if command == "demo" else 130)


if __name__ == "__main__":
    _main(*sys.argv[1:])
