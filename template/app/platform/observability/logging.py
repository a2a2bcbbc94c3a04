"""One line per event on standard output, from this code and from every library."""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import structlog
from pydantic_core import to_json
from structlog import DropEvent
from structlog.typing import EventDict, Processor

from app.platform.configuration import Refusal, Section
from app.platform.observability import context

REDACTED = "[redacted]"

_SECRET = re.compile(
    r"passw|passphrase|secret|token|authorization|cookie|credential"
    r"|api[-_]?key|private[-_]?key",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
# Deeper than this, a value is no longer read by people.
_DEPTH = 6


def redacted(fields: Mapping[str, Any], depth: int = _DEPTH) -> dict[str, Any]:
    """Copy the fields without the values of secret ones, at any level."""
    return {
        name: REDACTED if _is_secret(str(name)) else _redact(value, depth)
        for name, value in fields.items()
    }


def _redact(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\1:***@", value) if "://" in value else value
    if isinstance(value, Mapping):
        return redacted(value, depth - 1) if depth else "..."
    if isinstance(value, list | tuple):
        return [_redact(item, depth - 1) for item in value] if depth else "..."
    return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


MAX_EVENT = 200
_CONSTANT = frozenset({"service", "environment"})
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
            return malformed(name, logger.name, error)
        return result


def malformed(event: object, logger: str, error: Exception) -> str:
    """Say which event could not be written, in words that cannot fail."""
    line = {
        "level": "error",
        "event": "log.malformed",
        "logger": logger,
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

    def __init__(self, name: str = "app") -> None:
        self.name = name

    def info(self, line: str) -> None:
        """Write it, or else be silent: there is nobody left to tell."""
        # Whoever read it has gone, it is closed, or it never was open.
        with suppress(OSError, ValueError):
            try:
                print(f"{line}\n", end="", flush=True)
            except UnicodeEncodeError:
                plain = line.encode("ascii", "backslashreplace").decode()
                print(f"{plain}\n", end="", flush=True)

    debug = warning = error = critical = exception = log = msg = info


# They say once more what the access line and the 500 problem say.
_REPETITIVE = ("uvicorn.access",)
_LEVELS = {"exception": "error", "warn": "warning"}
_SEVERITY = logging.getLevelNamesMapping()
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


class LoggingSettings(Section):
    """`LOGGING__*` in the environment."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """What is less severe is not written."""
    format: Literal["json", "console"] = "json"
    """The console is for people: `make dev` asks for it."""

    def unsafe(self) -> Iterator[Refusal]:
        if self.format == "console":
            yield Refusal("format", "is for people: what collects logs reads json")


def install(settings: LoggingSettings, *, service: str, environment: str) -> None:
    """Send the events of structlog and of the standard library down the same path."""
    level = logging.getLevelNamesMapping()[settings.level]
    collect = _collect({"service": service, "environment": environment})
    render = _render(settings)
    structlog.configure(
        processors=[_drop_below(level), Rendering([*collect, *render])],
        # It leaves it to the chain to put arguments into words.
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=Output,
        cache_logger_on_first_use=False,
    )
    _adopt_libraries(level, collect, render)


def _drop_below(level: int) -> Processor:
    def drop(_: Any, method: str, event: EventDict) -> EventDict:
        if _SEVERITY[_LEVELS.get(method, method).upper()] < level:
            raise DropEvent
        return event

    return drop


def _collect(static: dict[str, str]) -> list[Processor]:
    def describe(logger: Any, method: str, event: EventDict) -> EventDict:
        """Put what every line has before what is special about this one."""
        record = event.get("_record")
        return {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": _LEVELS.get(method, method),
            "event": event.pop("event", ""),
            "logger": record.name if record else logger.name,
            **static,
            "request_id": context.request_id(),
            "trace_id": context.trace_id(),
            **context.caller().described(),
            **event,
        }

    in_words = structlog.stdlib.PositionalArgumentsFormatter()
    return [structlog.contextvars.merge_contextvars, in_words, describe]


def _hide_secrets(_: Any, __: str, event: EventDict) -> EventDict:
    return redacted(event)


def _render(settings: LoggingSettings) -> list[Processor]:
    if settings.format == "console":
        return [_hide_secrets, for_people, console()]
    return [structlog.processors.format_exc_info, _hide_secrets, render_json]


def _adopt_libraries(
    level: int, collect: list[Processor], render: list[Processor]
) -> None:
    handler = _StandardOutput()
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=collect, processors=[remove_meta, *render]
        )
    )
    logging.captureWarnings(capture=True)
    logging.root.handlers = [handler]
    logging.root.setLevel(level)
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name not in _REPETITIVE


class _StandardOutput(logging.Handler):
    """Writes where standard output is now, not where it was at start."""

    def emit(self, record: logging.LogRecord) -> None:
        output = Output(record.name)
        try:
            line = self.format(record)
        except Exception as error:
            # The promise: a library that logs badly goes on, and is seen to.
            line = malformed(record.msg, record.name, error)
        output.info(line)
