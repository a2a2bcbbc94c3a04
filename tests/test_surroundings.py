"""A service is the same whatever shell, home and folder surround it."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import copy, typed
from tests.promises.processes import die_with_parent, free_port, kill_group
from tests.suites.rendering import developer

# Every section of the settings, and what other programs mean by such names.
SECTIONS = {
    "ACCOUNTS": "root",
    "ADMIN": "ada@example.com",
    "AUDIT": "nobody",
    "BROKER": "[amqp]",
    "CACHE": "/var/cache",
    "DATABASE": "{",
    "HTTP": "[1]",
    "IDEMPOTENCY": '{"retention": true}',
    "IDENTITY": "anonymous",
    "LOGGING": "yes",
    "MAIL": "/var/mail/ada",
    "ORDERS": "3",
    "RATELIMITS": "many",
    "READINESS": "[]",
    "SERVER": "https://ci.example",
    "TASKS": "null",
    "TELEMETRY": "0",
    "WEB": "firefox",
}
# What libraries would read by themselves.
LIBRARIES = {
    "ALL_PROXY": "socks5://127.0.0.1:1",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "CELERY_CONFIG_MODULE": "nonsense",
    "FORCE_COLOR": "1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "OTEL_SDK_DISABLED": "true",
    "PGHOST": "nowhere.invalid",
    "PGPASSFILE": "/nowhere",
    "PGPORT": "1",
    "PGSSLMODE": "verify-full",
    "PGTARGETSESSIONATTRS": "nonsense",
    "PGUSER": "nobody",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "WEB_CONCURRENCY": "many",
}
LOCALE = {"LANG": "C", "LANGUAGE": "C", "LC_ALL": "C", "TZ": "Asia/Kathmandu"}
GIT = """\
[color]
	ui = always
[core]
	quotepath = true
[status]
	short = true
[diff]
	noprefix = true
[commit]
	gpgsign = true
"""
TESTS = (
    "tests/platform/configuration tests/platform/broker tests/platform/tasks"
    " tests/platform/database/test_postgresql.py tests/platform/telemetry"
    " tests/modules tests/platform/test_cli.py tests/test_main.py"
    " tests/test_settings.py"
)
START_SECONDS = 120


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("surroundings")
    config = folder / "gitconfig"
    config.write_text(GIT)
    home = folder / "home"
    home.mkdir(mode=0o555)
    uv = os.environ.get("UV", "uv")
    cache = subprocess.run(
        [uv, "cache", "dir"], capture_output=True, text=True, check=True
    )
    # Root may write everywhere but there.
    writable = os.access(home, os.W_OK) and Path("/proc").is_dir()
    return {
        **developer(Path(sys.executable)),
        **SECTIONS,
        **LIBRARIES,
        **LOCALE,
        "GIT_CONFIG_GLOBAL": str(config),
        "HOME": "/proc" if writable else str(home),
        "UV_CACHE_DIR": cache.stdout.strip(),
    }


@pytest.fixture(scope="module")
def service(
    folder: Path,
    surroundings: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A service in a folder whose own `.env` names another database."""
    parent = tmp_path_factory.mktemp("parent")
    version = "{}.{}".format(*sys.version_info)
    service = copy(
        folder, parent / "service", python_version=version, platform_tests=True
    )
    for place in (parent, parent.parent):
        place.joinpath(".env").write_text(
            "DATABASE__URL=postgresql+asyncpg://nobody@127.0.0.1:1/nowhere\n"
            "ENVIRONMENT=production\n"
        )
    # Whoever installs does want to be told of a proxy.
    proxies = {name for name in surroundings if name.endswith("_PROXY")}
    without = {k: v for k, v in surroundings.items() if k not in proxies}
    run(service, without, "make", "setup")
    return service


def run(service: Path, environment: dict[str, str], *command: str) -> str:
    done = typed(command, service, environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.timeout(900)
class TestHostileSurroundings:
    def test_have_a_word_for_every_section(self, service: Path) -> None:
        page = (service / "docs/settings.md").read_text()

        assert set(re.findall(r"^\| `([A-Z]+)__", page, re.MULTILINE)) == {*SECTIONS}

    def test_leave_its_tests_alone(
        self, service: Path, surroundings: dict[str, str]
    ) -> None:
        # Not even its own file is for tests.
        own = service / ".env"
        own.write_text("DATABASE__URL=postgresql+asyncpg://nobody@127.0.0.1:1/no\n")
        try:
            said = run(service, surroundings, "make", "test", f"ARGS={TESTS}")
        finally:
            own.unlink()

        assert " passed" in said

    def test_do_not_say_which_database_is_migrated(
        self, service: Path, surroundings: dict[str, str]
    ) -> None:
        command = ("-m", "dev", "exec", "python", "-m", "app.cli", "quarantine", "list")

        run(service, surroundings, "make", "migrate")

        said = run(service, surroundings, ".venv/bin/python", *command)

        assert said == "Nothing in quarantine matches.\n"

    def test_let_it_be_developed(
        self, service: Path, surroundings: dict[str, str], tmp_path: Path
    ) -> None:
        port = free_port()
        environment = surroundings | {"UVICORN_PORT": str(port)}

        with started(service, environment, tmp_path / "log") as process:
            ready = f"http://127.0.0.1:{port}/readyz"
            assert answered(ready, process), (tmp_path / "log").read_text()

    def test_may_hold_a_slip_that_is_explained(
        self, service: Path, surroundings: dict[str, str]
    ) -> None:
        own = service / ".env"
        own.write_text("DATABASE__POOLSIZE=3\n")
        command = (".venv/bin/python", "-m", "app.cli", "migrate")

        refused = typed(command, service, surroundings)

        own.unlink()
        assert refused.returncode == 1
        assert "DATABASE__POOLSIZE is no setting: DATABASE__POOL_SIZE" in refused.stdout


@contextmanager
def started(
    service: Path, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`make dev`, until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [".venv/bin/python", "-m", "dev"],
            cwd=service,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(START_SECONDS)
        finally:
            kill_group(process.pid)


def answered(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether it says 200 within the time that a start may take."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with direct.open(url, timeout=5) as response:
                return response.status == 200
        except OSError:
            time.sleep(0.2)
    return False
