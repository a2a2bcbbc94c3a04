"""How an event becomes one line, whatever its fields contain."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from pydantic_core import to_json
from structlog import DropEvent
from structlog.typing import EventDict, Processor

from app.platform.observability.redaction import redacted

MAX_EVENT = 200
_CONSTANT = frozenset({"service", "environment"})
_METHODS = (
    *("debug", "info", "msg", "warning", "warn", "error", "exception"),
    *("critical", "fatal", "log"),
)
_ALL_IS_WELL = frozenset({"debug", "info"})
_TO_SEARCH_FOR = frozenset({"logger", "request_id", "trace_id"})


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


class Rendering:
    """
    A chain of processors that never raises in whoever logs.

    An event that cannot be written leaves a line that says so.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._processors = processors

    def __call__(self, logger: Any, method: str, event: EventDict) -> Any:
        name, result = event.get("event"), event
        try:
            for process in self._processors:
                result = process(logger, method, result)  # type: ignore[assignment]
        except DropEvent:
            raise
        except Exception as error:
            # The promise: whoever logs goes on, whatever a field's own code raises.
            return malformed(name, logger, error)
        return result


def logger_class(level: int) -> type[Any]:
    """Make a bound logger that leaves it to the chain to put arguments into words."""
    parent = structlog.make_filtering_bound_logger(level)

    def deferring(name: str) -> Callable[..., Any]:
        write = getattr(parent, name)
        # `log` is told the level before the event.
        first = 2 if name.endswith("log") else 1

        def deferred(self: Any, *given: Any, **fields: Any) -> Any:
            if len(given) > first:
                fields["positional_args"] = given[first:]
            return write(self, *given[:first], **fields)

        return deferred

    names = [*_METHODS, *(f"a{name}" for name in _METHODS)]
    return type("Logger", (parent,), {name: deferring(name) for name in names})


def malformed(event: object, logger: object, error: Exception) -> str:
    """Say which event could not be written, in words that cannot fail."""
    name = getattr(logger, "name", None)
    line = {
        "level": "error",
        "event": "log.malformed",
        "logger": name if isinstance(name, str) else "",
        "malformed_event": event[:MAX_EVENT] if isinstance(event, str) else "",
        "error": type(error).__name__,
    }
    return json.dumps(redacted(line))


def for_people(_: Any, __: str, event: EventDict) -> EventDict:
    """
    Leave out what is the same in every line, and what is not known.

    Where all is well, neither the logger nor the trace helps to read on.
    """
    clock = datetime.fromisoformat(event["timestamp"]).astimezone()
    known = {
        name: value
        for name, value in event.items()
        if value is not None and name not in _CONSTANT
    }
    if event["level"] in _ALL_IS_WELL:
        known = {name: known[name] for name in known if name not in _TO_SEARCH_FOR}
    return {**known, "timestamp": f"{clock:%H:%M:%S}"}


def console() -> structlog.dev.ConsoleRenderer:
    """Write lines with colours where a terminal reads them, or somebody asks for it."""
    asked = bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
    return structlog.dev.ConsoleRenderer(
        colors=asked and not os.environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=0,
        sort_keys=False,
    )


class Output:
    """Standard output as structlog's logger: each call writes one line."""

    __slots__ = ("name",)

    def __init__(self, name: str = "app") -> None:
        self.name = name

    def info(self, line: str) -> None:
        """Write it, or else be silent: there is nobody left to tell."""
        # Whoever read it has gone, it is closed, or it never was open.
        with suppress(OSError, ValueError):
            try:
                self._write(line)
            except UnicodeEncodeError:
                self._write(line.encode("ascii", "backslashreplace").decode())

    @staticmethod
    def _write(line: str) -> None:
        if sys.stdout is not None:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    debug = warning = error = critical = exception = log = msg = info
