"""A queue whose attempts end as the test says."""

from datetime import timedelta

from app.platform.events import Event
from app.platform.tasks import Task
from app.platform.tasks.attempt import Around, Attempt, Outcome, plainly


async def run(*_: object) -> None:
    """Do nothing."""


class Queue:
    """Whatever runs tasks."""

    tasks = (
        Task(
            name="post.deliver",
            event=Event,
            run=run,
            timeout=timedelta(seconds=1),
            retry_for=timedelta(hours=1),
        ),
    )

    def __init__(self) -> None:
        self.around: Around = plainly

    async def attempt(self, number: int, outcome: Outcome) -> None:
        async def work() -> Outcome:
            return outcome

        await self.around(Attempt("post.deliver", number, waited_seconds=7), work)
