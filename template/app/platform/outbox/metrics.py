"""What is on its way to the workers, and for how long."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import ColumnElement, Select, and_, extract, func, select

from app.platform.database import Database
from app.platform.outbox.models import OutboxMessage, QuarantinedMessage
from app.platform.outbox.relay import Relay
from app.platform.telemetry.metrics import Measuring, Metrics

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 2.0
UNKNOWN = float("nan")


class Settings(Protocol):
    @property
    def poll_seconds(self) -> float: ...


class Instruments(Measuring, Protocol):
    @property
    def settings(self) -> Settings: ...


def watch(part: object, telemetry: Instruments) -> None:
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
