"""The telemetry port: who is told how long things take and how they end."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

type Attribute = str | int | float | bool
# A content type, and what is of it.
type Page = tuple[str, bytes]
# Told of each part of a process as it is opened; what it does not know it leaves alone.
type Watcher = Callable[[object, Any], None]


class Telemetry(Protocol):
    """Watches the parts of a process from outside: they need not know of it."""

    def watch(self, part: object) -> None:
        """Measure a part, from now on."""

    def span(
        self, name: str, **attributes: Attribute
    ) -> AbstractContextManager[object]:
        """
        Show the block as one step of the trace. It costs little when nobody looks.

        Never give it what a customer sent.
        """

    def page(self, accept: str) -> Page | None:
        """Write the numbers of this process, as whoever asks accepts them."""
