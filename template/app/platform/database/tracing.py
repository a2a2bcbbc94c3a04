"""Each statement is a step of its trace, named by what it does to which table."""

import re
from functools import lru_cache
from typing import Any

from opentelemetry.trace import Span, SpanKind
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from app.platform.database.database import Database
from app.platform.database.model import Base
from app.platform.telemetry.tracing import Recording, Tracing, fail

# A statement's text may hold values, so only words known beforehand are told.
_OPERATION = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH)\b", re.IGNORECASE)
_NAME = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+\"?(\w+)\"?", re.IGNORECASE)
_OTHER = "OTHER"


def watch(part: object, telemetry: Recording) -> None:
    if isinstance(part, Database):
        for pool in part.pools:
            Statements(pool.sync_engine, telemetry.tracing)


class Statements:
    """Begins a span before each statement of an engine, and ends it after."""

    def __init__(self, engine: Engine, tracing: Tracing) -> None:
        self._tracing = tracing
        self._database = {"db.system.name": "postgresql"}
        if engine.url.host:
            self._database["server.address"] = engine.url.host
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)
        event.listen(engine, "handle_error", self._fail)

    def _begin(
        self, _: Any, __: Any, statement: str, ___: Any, execution: Any, ____: Any
    ) -> None:
        span = self._tracing.begin("", SpanKind.CLIENT, self._database)
        # The execution lives as long as the statement does.
        execution.span = span
        if span is not None:
            _describe(span, statement)

    def _end(
        self, _: Any, __: Any, ___: str, ____: Any, execution: Any, _____: Any
    ) -> None:
        if execution.span is not None:
            execution.span.end()

    def _fail(self, failure: ExceptionContext) -> None:
        span: Span | None = getattr(failure.execution_context, "span", None)
        if span is not None:
            fail(span, failure.original_exception)
            span.end()


def _describe(span: Span, statement: str) -> None:
    operation, table = summary(statement)
    span.update_name(f"{operation} {table}" if table else operation)
    span.set_attribute("db.operation.name", operation)
    if table:
        span.set_attribute("db.collection.name", table)


@lru_cache(maxsize=512)
def summary(statement: str) -> tuple[str, str | None]:
    """Name the operation and the first table that is one of ours."""
    found = _OPERATION.match(statement)
    names = (match[1] for match in _NAME.finditer(statement))
    table = next((name for name in names if name in Base.metadata.tables), None)
    return found[1].upper() if found else _OTHER, table
