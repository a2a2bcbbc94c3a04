from datetime import UTC, datetime, timedelta

from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.tasks import TaskRouter, Tick


class Baked(Event):
    loaf: str


class Burnt(Event):
    pass


tasks = TaskRouter("bakery")


@tasks.on(Baked, retry_for=timedelta(minutes=2))
async def sell(_: Baked, __: UnitOfWork, ___: object) -> None: ...


@tasks.every(timedelta(hours=1))
async def sweep(_: Tick, __: UnitOfWork, ___: object) -> None: ...


class TestTaskRouter:
    def test_starts_the_tasks_of_an_event_and_no_others(self) -> None:
        names = [task.name for task in tasks.started_by(Baked(loaf="rye"))]

        assert names == ["bakery.sell"]
        assert not list(tasks.started_by(Burnt()))

    def test_knows_what_is_periodic(self) -> None:
        [(task, interval)] = tasks.periodic()

        assert (task.name, interval) == ("bakery.sweep", timedelta(hours=1))

    def test_retries_what_is_periodic_until_it_is_due_again(self) -> None:
        [(task, interval)] = tasks.periodic()

        assert task.retry_for == interval

    def test_contains_what_it_includes(self) -> None:
        all_tasks = TaskRouter()

        all_tasks.include(tasks)

        assert [task.name for task in all_tasks] == ["bakery.sell", "bakery.sweep"]
        assert all_tasks.find("bakery.sell") is not None
        assert all_tasks.find("bakery.nap") is None

    def test_names_what_may_still_run_when_its_next_tick_comes(self) -> None:
        hasty = TaskRouter("hasty")
        hasty.every(timedelta(seconds=2), timeout=timedelta(seconds=2))(sweep)

        assert not list(tasks.contradictions())
        assert list(hasty.contradictions()) == [
            "The timeout of hasty.sweep (2 s) must be below its interval (2 s), or it "
            "runs twice at once."
        ]


class TestDue:
    def test_is_the_same_throughout_an_interval(self) -> None:
        [(task, _)] = tasks.periodic()
        noon = datetime(2030, 1, 31, 12, tzinfo=UTC)

        assert task.due(noon) == noon
        assert task.due(noon + timedelta(minutes=59, seconds=59)) == noon
        assert task.due(noon + timedelta(hours=1)) == noon + timedelta(hours=1)
