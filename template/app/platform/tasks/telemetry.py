"""How long tasks wait and take, and each attempt as a step of its trace."""

from collections.abc import Iterable
from time import perf_counter

from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import Histogram

from app.platform.tasks.attempt import Around, Attempt, Attempts, Outcome, Work
from app.platform.telemetry import Attribute
from app.platform.telemetry.metrics import Measuring, Metrics
from app.platform.telemetry.tracing import Recording, Tracing, Watching

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


def watch(part: object, telemetry: Watching) -> None:
    """Measure the part and, where traces are kept, record what it does."""
    _measure(part, telemetry)
    if telemetry.tracing.records:
        _trace(part, telemetry)


def _measure(part: object, telemetry: Measuring) -> None:
    if isinstance(part, Attempts):
        measured = MeasuredAttempts(part.around, telemetry.metrics)
        measured.expect(task.name for task in part.tasks)
        part.around = measured


class MeasuredAttempts:
    """Task names are what the code declares."""

    def __init__(self, around: Around, metrics: Metrics) -> None:
        self._around = around
        self._metrics = metrics
        self._wait = Histogram(
            "task_wait_seconds",
            "From the commit that calls for a task to its first attempt.",
            ["task"],
            buckets=SECONDS,
            registry=metrics.registry,
        )
        self._duration = Histogram(
            "task_duration_seconds",
            "One attempt at a task.",
            ["task", "outcome"],
            buckets=SECONDS,
            registry=metrics.registry,
        )

    def expect(self, tasks: Iterable[str]) -> None:
        """Count from zero, so that the first failure is seen as one."""
        for task in tasks:
            self._wait.labels(task)
            for outcome in Outcome:
                self._duration.labels(task, outcome.value)

    async def __call__(self, attempt: Attempt, work: Work) -> Outcome:
        began = perf_counter()
        outcome = await self._around(attempt, work)
        seconds = perf_counter() - began
        self._duration.labels(attempt.task, outcome.value).observe(seconds)
        if attempt.number == 1 and outcome.was_attempted:
            self._wait.labels(attempt.task).observe(max(0, attempt.waited_seconds))
        # A process that does nothing but tasks has nobody else to ask for this.
        self._metrics.refresh()
        return outcome


FAILED = frozenset({Outcome.RETRIED, Outcome.QUARANTINED, Outcome.DROPPED})


def _trace(part: object, telemetry: Recording) -> None:
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
