"""A server for every variable that the environment does not name yet."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dev.process import Data, Server

type Start = Callable[[Path, Data], Server]


@contextmanager
def provided(
    starts: Mapping[str, Start], directory: Path, data: Data
) -> Iterator[dict[str, str]]:
    """The URL behind each variable; what was started here ends with the block."""
    with ExitStack() as stack:
        urls = {}
        for variable, start in starts.items():
            url = os.environ.get(variable)
            if not url:
                part = variable.partition("__")[0].lower()
                server = start(directory / part, data)
                stack.callback(server.stop)
                url = server.url
            urls[variable] = url
        yield urls
