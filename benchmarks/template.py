"""What the template itself takes: to render, update, prove, set up and test."""

import argparse
import os
import pstats
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.prepared import UV, say
from benchmarks.report import head
from tests.suites.rendering import developer
from variants import ROOT, snapshot

HEAD = "| command | seconds | processor seconds | what takes the processor most |"
GIT = ("git", "-c", "user.name=strata", "-c", "user.email=strata@example.invalid")
PACKAGE = re.compile(r"lib/python[\d.]+/(?:site-packages/)?(\w+)|/(tests|scripts)/")
SLOWEST = re.compile(r"^([\d.]+)s (?:call|setup) +\S*::(\S+)", re.MULTILINE)
SHOWN = 4


@dataclass(frozen=True, slots=True)
class Took:
    """One command, as often as it was run."""

    command: str
    seconds: list[float]
    processor: list[float]
    most: str


def measured(asked: argparse.Namespace) -> dict[str, str]:
    number = 1 if asked.quick else 3
    with TemporaryDirectory() as place:
        folder = Path(place)
        template, service = _released(folder), folder / "service"
        python = Path(sys.executable)
        copier = (python, "-m", "copier")
        copy = (*copier, "copy", "--defaults", "--quiet", "--vcs-ref=v1.0.0", template)
        found = [
            _profiled("copier copy", [[*copy, folder / f"{n}"] for n in range(number)])
        ]
        run([*copy, service], folder)
        _committed(service)
        update = [*copier, "update", "--defaults", "--quiet"]
        found.append(_profiled("copier update", [update], service))
        found.append(
            _profiled("make variants", [[python, "-m", "tests.variants"]] * number)
        )
        make = developer(python) | {"UV": str(UV)}
        found.append(_plain("make setup", ["make", "setup"], service, make))
        test = ["make", "test", f"ARGS=--durations={SHOWN}"]
        found.append(_plain("make test, the first", test, service, make))
    lines = [
        f"| `{took.command}` | {median(took.seconds):.1f} "
        f"| {median(took.processor):.1f} "
        f"| {took.most} |"
        for took in found
    ]
    setup = "`make setup` finds the packages in uv's cache: it does not download them."
    return {"The template's own speed": "\n".join([head(HEAD), *lines, "", setup])}


def _released(folder: Path) -> Path:
    """The template with two versions, which differ by a file."""
    template = snapshot(folder / "strata")
    run(["git", "init", "--quiet"], template)
    _committed(template)
    run([*GIT, "tag", "v1.0.0"], template)
    file = template / "template/app/main.py"
    file.write_text(file.read_text() + "\n")
    _committed(template)
    run([*GIT, "tag", "v1.0.1"], template)
    return template


def _committed(folder: Path) -> None:
    if not (folder / ".git").exists():
        run(["git", "init", "--quiet"], folder)
    run(["git", "add", "--all"], folder)
    run([*GIT, "commit", "--quiet", "--message=All", "--no-verify"], folder)


def _profiled(
    name: str, commands: Sequence[list[str | Path]], folder: Path = ROOT
) -> Took:
    """Run each as it is; then the last one under the profiler, which slows it."""
    say(name)
    took = [run(command, folder) for command in commands]
    if "update" in name:
        run(["git", "reset", "--quiet", "--hard"], folder)
        run(["git", "clean", "--quiet", "-fd"], folder)
    with TemporaryDirectory() as place:
        file = Path(place, "profile")
        python, *words = commands[-1]
        if "copy" in name:
            words[-1] = Path(place, "copy")
        run([python, "-m", "cProfile", "-o", file, *words], folder)
        most = _by_package(pstats.Stats(str(file)))
    return Took(name, *_split(took), most)


def _plain(
    name: str, command: list[str], folder: Path, environment: Mapping[str, str]
) -> Took:
    say(name)
    log = folder.parent / "log"
    took = [run(command, folder, environment, log)]
    slowest = SLOWEST.findall(log.read_text())[:SHOWN]
    most = ", ".join(f"`{test}` {float(seconds):.1f} s" for seconds, test in slowest)
    return Took(name, *_split(took), most or "uv, which installs and compiles")


def _by_package(stats: pstats.Stats) -> str:
    """Whose functions took the time, in shares; what waits for processes is waiting."""
    spent: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        match = PACKAGE.search(file)
        waits = any(word in function for word in ("poll", "select", "wait", "acquire"))
        name = next(filter(None, match.groups())) if match else "the interpreter"
        spent["waiting for processes" if waits else name] += own
    total = spent.total()
    return ", ".join(
        f"{name} {share / total:.0%}" for name, share in spent.most_common(SHOWN)
    )


def _split(took: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [each[0] for each in took], [each[1] for each in took]


def run(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> tuple[float, float]:
    """Seconds, and those of processors."""
    paths = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"} if folder == ROOT else {}
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment or os.environ | paths),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
    if log is not None:
        log.write_text(done.stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, used
