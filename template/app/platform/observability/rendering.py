"""How an event becomes one line of JSON, whatever its fields contain."""

import json
import sys
from typing import Any

from pydantic_core import to_json
from structlog.typing import EventDict


def render_json(_: Any, __: str, event: EventDict) -> str:
    """
    Keep every event on one line of ASCII.

    Line ends and terminal escapes in a value cannot forge a second event.
    """
    try:
        line = to_json(
            event, serialize_unknown=True, ensure_ascii=True, inf_nan_mode="null"
        )
    except ValueError:
        # Bytes that are no text, or half of a surrogate pair: spell them out.
        return json.dumps(event, default=repr, skipkeys=True)
    return line.decode()


class Output:
    """Standard output as structlog's logger: each call writes one line."""

    __slots__ = ("name",)

    def __init__(self, name: str = "app") -> None:
        self.name = name

    def info(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    debug = warning = error = critical = exception = log = msg = info
