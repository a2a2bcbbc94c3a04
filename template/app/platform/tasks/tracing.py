"""Each attempt at a task is a step of the trace that called for it."""

from opentelemetry.trace import SpanKind, Status, StatusCode

from app.platform.tasks.attempt import Around, Attempt, Attempts, Work
from app.platform.tasks.outcome import Outcome
from app.platform.telemetry import Attribute
from app.platform.telemetry.tracing import Recording, Tracing

FAILED = frozenset({Outcome.RETRIED, Outcome.QUARANTINED, Outcome.DROPPED})


def watch(part: object, telemetry: Recording) -> None:
    if isinstance(part, Attempts):
        part.around = TracedAttempts(part.around, telemetry.tracing)


class TracedAttempts:
    """Tells which task, which attempt, and its outcome; never with what."""

    def __init__(self, around: Around, tracing: Tracing) -> None:
        self._around = around
        self._tracing = tracing

    async def __call__(self, attempt: Attempt, work: Work) -> Outcome:
        attributes: dict[str, Attribute] = {
            "messaging.operation.type": "process",
            "messaging.destination.name": attempt.task,
            "task.attempt": attempt.number,
        }
        name = f"process {attempt.task}"
        with self._tracing.span(name, SpanKind.CONSUMER, attributes) as span:
            outcome = await self._around(attempt, work)
            if span is not None:
                span.set_attribute("task.outcome", outcome.value)
                if outcome in FAILED:
                    span.set_status(Status(StatusCode.ERROR))
            return outcome
