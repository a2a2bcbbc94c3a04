"""The `.dev` folder: the data of this machine's servers, and who runs them now."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dev import servers
from dev.process import Data, NotStartedError

FOLDER = Path(".dev")
NOTE = FOLDER / "running.json"


@contextmanager
def kept_servers() -> Iterator[dict[str, str]]:
    """Servers on the kept data, which other commands can find meanwhile."""
    if _in_progress() is not None:
        raise NotStartedError("The servers of this folder run already: one `make dev`.")
    with servers.running(FOLDER, Data.KEPT) as urls:
        FOLDER.mkdir(exist_ok=True)
        NOTE.write_text(json.dumps({"pid": os.getpid(), "urls": urls}))
        try:
            yield urls
        finally:
            NOTE.unlink(missing_ok=True)


@contextmanager
def shared_servers() -> Iterator[dict[str, str]]:
    """The servers of a `make dev` in progress; without one, the same for a while."""
    if (urls := _in_progress()) is not None:
        yield urls
        return
    with kept_servers() as urls:
        yield urls


@contextmanager
def fresh_servers() -> Iterator[dict[str, str]]:
    """Empty servers that leave nothing behind."""
    with (
        TemporaryDirectory(prefix="dev-") as folder,
        servers.running(Path(folder), Data.DISPOSABLE) as urls,
    ):
        yield urls


def _in_progress() -> dict[str, str] | None:
    try:
        note = json.loads(NOTE.read_text())
        os.kill(note["pid"], 0)
    except (OSError, ValueError):
        return None
    return {str(name): str(url) for name, url in note["urls"].items()}
