from app.platform.tasks.attempt import Outcome
from tests.fixtures.metrics import Seen
from tests.platform.tasks.tracing_queue import Queue


class TestAttempts:
    def test_are_counted_from_zero(self, seen: Seen) -> None:
        seen.watch(Queue())

        assert _counted(seen, Outcome.QUARANTINED) == 0

    async def test_are_counted_by_their_outcome(self, seen: Seen) -> None:
        queue = Queue()
        seen.watch(queue)

        await queue.attempt(1, Outcome.RETRIED)
        await queue.attempt(2, Outcome.DONE)

        assert _counted(seen, Outcome.RETRIED) == 1
        assert _counted(seen, Outcome.DONE) == 1
        assert seen.value("task_wait_seconds_sum", task="post.deliver") == 7


def _counted(seen: Seen, outcome: Outcome) -> float | None:
    name = "task_duration_seconds_count"
    return seen.value(name, task="post.deliver", outcome=outcome.value)
