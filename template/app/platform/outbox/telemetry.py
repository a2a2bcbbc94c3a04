"""What is on its way to where and for how long, and as steps of its trace."""

import asyncio
import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import structlog
from opentelemetry.trace import Span, SpanKind
from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, extract, func, select

from app.platform.database import Database, Stage, UnitOfWork
from app.platform.events import Event
from app.platform.observability.context import TRACEPARENT, TraceContext
from app.platform.outbox.models import TASKS, OutboxMessage, QuarantinedMessage
from app.platform.outbox.relay import Refused, Relay
from app.platform.telemetry import Attribute, Page
from app.platform.telemetry.metrics import Metrics, written
from app.platform.telemetry.tracing import Tracing, Watching, fail

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 2.0
UNKNOWN = float("nan")
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
type Due = dict[str, Sequence[Any]]


class Settings(Protocol):
    @property
    def poll_seconds(self) -> float: ...


class Instruments(Watching, Protocol):
    @property
    def settings(self) -> Settings: ...


def watch(part: object, telemetry: Instruments) -> None:
    """Measure the part and, where traces are kept, record what it does."""
    tracing = telemetry.tracing
    if isinstance(part, Relay):
        _count_relayed(part, telemetry.metrics)
        part.beside.append(Backlog(part, telemetry.settings, telemetry.metrics).run)
        if tracing.records:
            _trace_publishing(part, tracing)
    elif isinstance(part, Database) and tracing.records:
        _trace_staging(part, tracing)


class Backlog:
    """Asks the database now and then; numbers it cannot have are not numbers (NaN)."""

    def __init__(self, relay: Relay, settings: Settings, metrics: Metrics) -> None:
        self._database = relay.database
        self._poll_seconds = settings.poll_seconds
        # Also those to which nobody publishes here, once they have a message.
        self._destinations = set(relay.publishers)
        self._pending = Gauge(
            "outbox_pending_messages",
            "Messages that are due.",
            ["destination"],
            registry=metrics.registry,
        )
        self._lag = Gauge(
            "outbox_lag_seconds",
            "How long that one of them has been due which waits longest.",
            ["destination"],
            registry=metrics.registry,
        )
        self._age = Gauge(
            "task_queue_age_seconds",
            "Age of the oldest message that the broker has and no worker has begun.",
            registry=metrics.registry,
        )
        self._backlog = Gauge(
            "task_backlog_messages",
            "Messages that workers have to work off: due, with the broker, or begun.",
            registry=metrics.registry,
        )
        self._quarantined = Gauge(
            "task_quarantined_messages",
            "Messages that failed too often and wait for a person.",
            registry=metrics.registry,
        )
        self._show({}, UNKNOWN, (UNKNOWN, UNKNOWN, UNKNOWN))

    async def run(self) -> None:
        while True:
            await self.read()
            await asyncio.sleep(self._poll_seconds)

    async def read(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                async with self._database.read_session() as session:
                    due = (await session.execute(_DUE)).all()
                    afterwards = (await session.execute(_AFTERWARDS)).one()
        except Exception as error:
            # The promise: whoever relays messages goes on, seen or unseen.
            log.warning("backlog.unknown", error=type(error).__name__)
            self._show({}, UNKNOWN, (UNKNOWN, UNKNOWN, UNKNOWN))
        else:
            self._show({row[0]: row[1:] for row in due}, 0, afterwards)

    def _show(self, due: Due, otherwise: float, afterwards: Sequence[float]) -> None:
        self._destinations |= due.keys()
        for destination in self._destinations:
            pending, lag = due.get(destination, (otherwise, otherwise))
            self._pending.labels(destination).set(pending)
            self._lag.labels(destination).set(lag)
        gauges = self._age, self._backlog, self._quarantined
        for gauge, value in zip(gauges, afterwards, strict=True):
            gauge.set(value)


def _age_of(moment: ColumnElement[datetime]) -> ColumnElement[float]:
    return func.coalesce(extract("epoch", func.now() - moment), 0)


_DUE = (
    select(
        OutboxMessage.destination,
        func.count(),
        _age_of(func.min(OutboxMessage.due_at)),
    )
    .where(OutboxMessage.due_at <= func.now())
    .group_by(OutboxMessage.destination)
)
_OLDEST = (
    select(OutboxMessage.created_at)
    .where(
        OutboxMessage.destination == TASKS,
        OutboxMessage.due_at > func.now(),
        OutboxMessage.sent,
        OutboxMessage.attempts == 0,
    )
    .order_by(OutboxMessage.id)
    .limit(1)
)
# A row stays until its task is done, whichever broker has the message.
_BACKLOG = select(func.count()).where(
    OutboxMessage.destination == TASKS,
    OutboxMessage.sent | (OutboxMessage.due_at <= func.now()),
)
_AFTERWARDS = select(
    _age_of(_OLDEST.scalar_subquery()),
    _BACKLOG.scalar_subquery(),
    select(func.count()).select_from(QuarantinedMessage).scalar_subquery(),
)


def _count_relayed(relay: Relay, metrics: Metrics) -> None:
    relayed = Counter(
        "outbox_relayed",
        "Messages that their destination took.",
        ["destination"],
        registry=metrics.registry,
    )
    publish = relay.publish

    async def counted(destination: str, messages: Sequence[OutboxMessage]) -> Refused:
        refused = await publish(destination, messages)
        relayed.labels(destination).inc(len(messages) - len(refused))
        return refused

    for destination in relay.publishers:
        relayed.labels(destination)
    relay.publish = counted


def _trace_staging(database: Database, tracing: Tracing) -> None:
    """What follows an event is caused by its being stored."""
    stage: Stage = database.stage

    async def traced(unit: UnitOfWork, events: Sequence[Event]) -> None:
        if not events:
            await stage(unit, events)
            return
        attributes: dict[str, Attribute] = {
            "messaging.operation.type": "create",
            "messaging.destination.name": "outbox",
            "messaging.batch.message_count": len(events),
        }
        with tracing.span("create outbox", SpanKind.PRODUCER, attributes):
            await stage(unit, events)

    database.stage = traced


def _trace_publishing(relay: Relay, tracing: Tracing) -> None:
    """Show a batch in the trace of each message that it carries."""
    publish = relay.publish

    async def traced(destination: str, messages: Sequence[OutboxMessage]) -> Refused:
        with ExitStack() as spans:
            for message in messages:
                _begin(message, len(messages), tracing, spans)
            return await publish(destination, messages)

    relay.publish = traced


@contextmanager
def _ended(span: Span) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        fail(span, error)
        raise
    finally:
        span.end()


def _begin(
    message: OutboxMessage, batch: int, tracing: Tracing, spans: ExitStack
) -> None:
    cause = TraceContext.parse(message.headers.get(TRACEPARENT, ""))
    if cause is None or not cause.sampled:
        return
    attributes: dict[str, Attribute] = {
        "messaging.operation.type": "send",
        "messaging.destination.name": message.name,
        "messaging.batch.message_count": batch,
    }
    name = f"send {message.name}"
    if span := tracing.begin(name, SpanKind.PRODUCER, attributes, cause=cause):
        spans.enter_context(_ended(span))


def count_children(**_: Any) -> None:
    """Have processes that are forked from now on count into files, while this lives."""
    counting = ExitStack()
    counting.enter_context(counting_into_files())
    # Children do not come so far: they end without a clean-up.
    atexit.register(counting.close)


@contextmanager
def counting_into_files() -> Iterator[None]:
    with TemporaryDirectory(prefix="metrics-") as directory:
        os.environ[DIRECTORY] = directory
        _choose_values()
        try:
            yield
        finally:
            del os.environ[DIRECTORY]
            _choose_values()


def counted(own: Callable[[str], Page | None]) -> Callable[[str], Page]:
    """Show what all processes of a worker have counted, this one among them."""
    registry = CollectorRegistry()
    directory = os.environ[DIRECTORY]
    registry.register(Living(Path(directory)))
    MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]

    def page(accept: str) -> Page:
        # What it finds anew when it is asked, it writes into its files.
        own(accept)
        return written(registry, accept)

    return page


class Living(Collector):
    """Forgets what the dead were doing; what they have done still counts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        for file in self._directory.glob("gauge_live*.db"):
            if not _lives(int(file.stem.rpartition("_")[2])):
                file.unlink(missing_ok=True)
        return ()

    def describe(self) -> Iterable[Metric]:
        return ()


def _choose_values() -> None:
    """Do again what the library does when it is imported: look at the environment."""
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
