"""How long tasks wait and take, and each attempt as a step of its trace."""

from collections.abc import Iterable
from time import perf_counter

from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import Histogram

from app.platform.tasks.attempt import Around, Attempt, Attempts, Outcome, Work
from app.platform.telemetry import Attribute
from app.platform.telemetry.metrics import Metrics
from app.platform.telemetry.tracing import Tracing, Watching

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


FAILED = frozenset({Outcome.RETRIED, Outcome.QUARANTINED, Outcome.DROPPED})


def watch(part: object, telemetry: Watching) -> None:
    """Measure the part and, where traces are kept, record what it does."""
    if isinstance(part, Attempts):
        names = [task.name for task in part.tasks]
        part.around = _measured(part.around, names, telemetry.metrics)
        if telemetry.tracing.records:
            part.around = _traced(part.around, telemetry.tracing)


def _measured(around: Around, tasks: Iterable[str], metrics: Metrics) -> Around:
    """Count from zero, so that the first failure is seen as one."""
    wait = Histogram(
        "task_wait_seconds",
        "From the commit that calls for a task to its first attempt.",
        ["task"],
        buckets=SECONDS,
        registry=metrics.registry,
    )
    duration = Histogram(
        "task_duration_seconds",
        "One attempt at a task.",
        ["task", "outcome"],
        buckets=SECONDS,
        registry=metrics.registry,
    )
    for task in tasks:
        wait.labels(task)
        for outcome in Outcome:
            duration.labels(task, outcome.value)

    async def measured(attempt: Attempt, work: Work) -> Outcome:
        began = perf_counter()
        outcome = await around(attempt, work)
        seconds = perf_counter() - began
        duration.labels(attempt.task, outcome.value).observe(seconds)
        if attempt.number == 1 and outcome.was_attempted:
            wait.labels(attempt.task).observe(max(0, attempt.waited_seconds))
        # A process that does nothing but tasks has nobody else to ask for this.
        metrics.refresh()
        return outcome

    return measured


def _traced(around: Around, tracing: Tracing) -> Around:
    """Tell which task, which attempt, and its outcome; never with what."""

    async def traced(attempt: Attempt, work: Work) -> Outcome:
        attributes: dict[str, Attribute] = {
            "messaging.operation.type": "process",
            "messaging.destination.name": attempt.task,
            "task.attempt": attempt.number,
        }
        name = f"process {attempt.task}"
        with tracing.span(name, SpanKind.CONSUMER, attributes) as span:
            outcome = await around(attempt, work)
            if span is not None:
                span.set_attribute("task.outcome", outcome.value)
                if outcome in FAILED:
                    span.set_status(Status(StatusCode.ERROR))
            return outcome

    return traced
