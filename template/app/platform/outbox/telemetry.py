"""What is on its way to the workers and for how long, and as steps of its trace."""

import asyncio
import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from uuid import UUID

import structlog
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind
from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Select, and_, extract, func, select

from app.platform.database import Database, Stage, UnitOfWork
from app.platform.events import Event
from app.platform.observability.context import TRACEPARENT, TraceContext
from app.platform.outbox.models import OutboxMessage, QuarantinedMessage
from app.platform.outbox.relay import Relay
from app.platform.telemetry import Attribute, Page
from app.platform.telemetry.metrics import Metrics, written
from app.platform.telemetry.tracing import Recording, Tracing, Watching, fail

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 2.0
UNKNOWN = float("nan")


class Settings(Protocol):
    @property
    def poll_seconds(self) -> float: ...


class Instruments(Watching, Protocol):
    @property
    def settings(self) -> Settings: ...


def watch(part: object, telemetry: Instruments) -> None:
    """Measure the part and, where traces are kept, record what it does."""
    _measure(part, telemetry)
    if telemetry.tracing.records:
        _trace(part, telemetry)


def _measure(part: object, telemetry: Instruments) -> None:
    if isinstance(part, Relay):
        _count_relayed(part, telemetry.metrics)
        backlog = Backlog(part.database, telemetry.settings, telemetry.metrics)
        part.beside.append(backlog.run)


class Backlog:
    """Asks the database now and then; numbers it cannot have are not numbers (NaN)."""

    def __init__(
        self, database: Database, settings: Settings, metrics: Metrics
    ) -> None:
        self._database = database
        self._poll_seconds = settings.poll_seconds
        self._gauges = _gauges(metrics.registry)
        self._show({})

    async def run(self) -> None:
        while True:
            await self.read()
            await asyncio.sleep(self._poll_seconds)

    async def read(self) -> None:
        numbers: dict[Any, Any] = {}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                async with self._database.read_session() as session:
                    found = await session.execute(_numbers())
                    numbers = dict(found.mappings().one())
        except Exception as error:
            # The promise: whoever relays messages goes on, seen or unseen.
            log.warning("backlog.unknown", error=type(error).__name__)
        self._show(numbers)

    def _show(self, numbers: Mapping[str, Any]) -> None:
        for name, gauge in self._gauges.items():
            gauge.set(numbers.get(name, UNKNOWN))


def _gauges(registry: CollectorRegistry) -> dict[str, Gauge]:
    return {
        "pending": Gauge(
            "outbox_pending_messages",
            "Messages that are due for the broker.",
            registry=registry,
        ),
        "lag": Gauge(
            "outbox_lag_seconds",
            "How long that one of them has been due which waits longest.",
            registry=registry,
        ),
        "age": Gauge(
            "task_queue_age_seconds",
            "Age of the oldest message that the broker has and no worker has begun.",
            registry=registry,
        ),
        "quarantined": Gauge(
            "task_quarantined_messages",
            "Messages that failed too often and wait for a person.",
            registry=registry,
        ),
    }


def _numbers() -> Select[float, float, float, float]:
    message = OutboxMessage
    due = message.due_at <= func.now()
    in_queue = and_(~due, message.sent, message.attempts == 0)
    waiting = select(message.created_at).where(in_queue)
    oldest = waiting.order_by(message.id).limit(1).scalar_subquery()
    earliest = select(func.min(message.due_at)).where(due).scalar_subquery()
    quarantined = select(func.count()).select_from(QuarantinedMessage)
    pending = select(func.count()).select_from(message).where(due)
    return select(
        pending.scalar_subquery().label("pending"),
        _age(earliest).label("lag"),
        _age(oldest).label("age"),
        quarantined.scalar_subquery().label("quarantined"),
    )


def _age(moment: ColumnElement[datetime]) -> ColumnElement[float]:
    return func.coalesce(extract("epoch", func.now() - moment), 0)


def _count_relayed(relay: Relay, metrics: Metrics) -> None:
    relayed = Counter(
        "outbox_relayed", "Messages given to the broker.", registry=metrics.registry
    )
    send = relay.send

    async def send_counted(ids: Sequence[UUID]) -> None:
        await send(ids)
        relayed.inc(len(ids))

    relay.send = send_counted


def _trace(part: object, telemetry: Recording) -> None:
    if not telemetry.tracing.records:
        return
    if isinstance(part, Database):
        part.stage = TracedStage(part.stage, telemetry.tracing)
    elif isinstance(part, Relay):
        part.send = TracedSend(part, telemetry.tracing)


class TracedStage:
    """What follows an event is caused by its being stored."""

    def __init__(self, stage: Stage, tracing: Tracing) -> None:
        self._stage = stage
        self._tracing = tracing

    async def __call__(self, unit: UnitOfWork, events: Sequence[Event]) -> None:
        if not events:
            await self._stage(unit, events)
            return
        attributes: dict[str, Attribute] = {
            "messaging.operation.type": "create",
            "messaging.destination.name": "outbox",
            "messaging.batch.message_count": len(events),
        }
        with self._tracing.span("create outbox", SpanKind.PRODUCER, attributes):
            await self._stage(unit, events)


class TracedSend:
    """Shows a batch in the trace of each message that it carried."""

    def __init__(self, relay: Relay, tracing: Tracing) -> None:
        self._send = relay.send
        self._database = relay.database
        self._tracing = tracing

    async def __call__(self, ids: Sequence[UUID]) -> None:
        # A worker may be done with a message before the batch is sent.
        spans = [self._begin(*each, len(ids)) for each in await self._causes(ids)]
        try:
            await self._send(ids)
        except BaseException as error:
            for span in spans:
                fail(span, error)
            raise
        finally:
            for span in spans:
                span.end()

    def _begin(self, task: str, cause: TraceContext, batch: int) -> Span:
        attributes: dict[str, Attribute] = {
            "messaging.operation.type": "send",
            "messaging.destination.name": task,
            "messaging.batch.message_count": batch,
        }
        name = f"send {task}"
        span = self._tracing.begin(name, SpanKind.PRODUCER, attributes, cause=cause)
        return span or INVALID_SPAN

    async def _causes(self, ids: Sequence[UUID]) -> list[tuple[str, TraceContext]]:
        query = select(OutboxMessage.task, OutboxMessage.context[TRACEPARENT].astext)
        async with self._database.read_session() as session:
            rows = await session.execute(query.where(OutboxMessage.id.in_(ids)))
        causes = ((task, TraceContext.parse(parent or "")) for task, parent in rows)
        return [(task, cause) for task, cause in causes if cause and cause.sampled]


DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


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
