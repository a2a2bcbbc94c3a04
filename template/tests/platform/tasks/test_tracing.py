from app.platform.tasks.attempt import Outcome
from tests.fixtures.metrics import Seen
from tests.platform.tasks.tracing_queue import Queue


class TestAttempts:
    async def test_are_steps_of_the_trace(self, seen: Seen, traced: str) -> None:
        queue = Queue()
        seen.watch(queue)

        await queue.attempt(2, Outcome.RETRIED)

        assert seen.attributes("process post.deliver") == {
            "messaging.operation.type": "process",
            "messaging.destination.name": "post.deliver",
            "task.attempt": 2,
            "task.outcome": "retried",
        }
