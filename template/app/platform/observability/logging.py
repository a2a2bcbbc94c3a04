"""One line per event on standard output, from this code and from every library."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from app.platform.configuration import Refusal, Section
from app.platform.observability import context
from app.platform.observability.redaction import redacted
from app.platform.observability.rendering import (
    Output,
    Rendering,
    console,
    for_people,
    logger_class,
    malformed,
    render_json,
)

# They say once more what the access line and the 500 problem say.
_REPETITIVE = ("uvicorn.access",)
_LEVELS = {"exception": "error", "warn": "warning"}
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
        processors=[Rendering([*collect, *render])],
        wrapper_class=logger_class(level),
        logger_factory=Output,
        cache_logger_on_first_use=False,
    )
    _adopt_libraries(level, collect, render)


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
            **event,
        }

    in_words = structlog.stdlib.PositionalArgumentsFormatter()
    return [structlog.contextvars.merge_contextvars, in_words, describe]


def _redact(_: Any, __: str, event: EventDict) -> EventDict:
    return redacted(event)


def _render(settings: LoggingSettings) -> list[Processor]:
    if settings.format == "console":
        return [_redact, for_people, console()]
    return [structlog.processors.format_exc_info, _redact, render_json]


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
            line = malformed(record.msg, output, error)
        output.info(line)
