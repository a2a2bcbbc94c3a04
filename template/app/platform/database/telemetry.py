"""How busy the pools are, and each statement as a step of its trace."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from opentelemetry.trace import Span, SpanKind
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as NoneFree

from app.platform.database.database import Database
from app.platform.database.model import Base
from app.platform.telemetry.metrics import SECONDS, Metrics
from app.platform.telemetry.tracing import Tracing, Watching, fail

type Connect = Callable[[], PoolProxiedConnection]


def watch(part: object, telemetry: Watching) -> None:
    """Measure a database and, where traces are kept, record what it does."""
    if not isinstance(part, Database):
        return
    pools = [pool for each in part.pools if isinstance(pool := each.pool, QueuePool)]
    _count_connections(pools, telemetry.metrics)
    _time_waits(pools, telemetry.metrics)
    if telemetry.tracing.records:
        for each in part.pools:
            Statements(each.sync_engine, telemetry.tracing)


def _time_waits(pools: list[QueuePool], metrics: Metrics) -> None:
    seconds = Histogram(
        "db_client_connection_wait_seconds",
        "From asking a pool for a connection to having it.",
        buckets=SECONDS,
        registry=metrics.registry,
    )
    timeouts = Counter(
        "db_client_connection_timeouts",
        "Connections that were not to be had in time.",
        registry=metrics.registry,
    )

    def timed(connect: Connect) -> Connect:
        def connect_timed() -> PoolProxiedConnection:
            with seconds.time(), timeouts.count_exceptions(NoneFree):
                return connect()

        return connect_timed

    for pool in pools:
        # The pool has no event for this: it announces a connection once it is had.
        pool.connect = timed(pool.connect)  # type: ignore[method-assign]


def _count_connections(pools: list[QueuePool], metrics: Metrics) -> None:
    connections = Gauge(
        "db_client_connections",
        "Connections of the pools, by what they do.",
        ["state"],
        registry=metrics.registry,
        multiprocess_mode="livesum",
    )
    most = Gauge(
        "db_client_connections_max",
        "Connections that the pools may have.",
        registry=metrics.registry,
        multiprocess_mode="livesum",
    )
    most.set(sum(pool.size() + pool._max_overflow for pool in pools))  # noqa: SLF001

    def read() -> None:
        connections.labels("used").set(sum(pool.checkedout() for pool in pools))
        connections.labels("idle").set(sum(pool.checkedin() for pool in pools))

    metrics.on_refresh(read)


# A statement's text may hold values, so only words known beforehand are told.
_OPERATION = re.compile(
    # A statement that is several inserts is told from one that only looks.
    r"\s*(?:WITH\s+\w+\s+AS\s*\(\s*(?=INSERT))?"
    r"(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+\"?(\w+)\"?", re.IGNORECASE)
_OTHER = "OTHER"


class Statements:
    """Begins a span before each statement of an engine, and ends it after."""

    def __init__(self, engine: Engine, tracing: Tracing) -> None:
        self._tracing = tracing
        self._database = {"db.system.name": engine.dialect.name}
        if engine.url.host:
            self._database["server.address"] = engine.url.host
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)
        event.listen(engine, "handle_error", self._fail)

    def _begin(self, *given: Any) -> None:
        _, _, statement, _, execution, _ = given
        span = self._tracing.begin("", SpanKind.CLIENT, self._database)
        # The execution lives as long as the statement does.
        execution.span = span
        if span is not None:
            _describe(span, statement)

    def _end(self, *given: Any) -> None:
        _, _, _, _, execution, _ = given
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
