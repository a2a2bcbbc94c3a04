"""A message's way from the transaction to the broker, in the trace that began it."""

from collections.abc import Sequence
from uuid import UUID

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind
from sqlalchemy import select

from app.platform.database import Database, Stage, UnitOfWork
from app.platform.events import Event
from app.platform.observability.context import TRACEPARENT
from app.platform.observability.trace import TraceContext
from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.relay import Relay
from app.platform.telemetry import Attribute
from app.platform.telemetry.tracing import Recording, Tracing, fail


def watch(part: object, telemetry: Recording) -> None:
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
