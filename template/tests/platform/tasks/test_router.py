from datetime import UTC, datetime, timedelta

import pytest

from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.tasks import TaskRouter, Tick
from app.platform.tasks.router import Cron, Schedule


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
        [(task, schedule)] = tasks.periodic()

        assert (task.name, schedule.interval) == ("bakery.sweep", timedelta(hours=1))

    def test_retries_what_is_periodic_until_it_is_due_again(self) -> None:
        [(task, schedule)] = tasks.periodic()

        assert task.retry_for == schedule.interval

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

    def test_holds_a_time_of_day_to_the_shortest_time_between_two(self) -> None:
        office = TaskRouter("office")
        hour = timedelta(hours=1)
        office.at("03:00", tz="Europe/Berlin", days="mon-fri", timeout=hour)(sweep)
        assert not list(office.contradictions())

        office.cron("0 9,10,17 * * *", tz="UTC", timeout=hour)(sweep)

        [(task, _)] = office.periodic()
        assert task.retry_for == hour
        assert list(office.contradictions()) == [
            "The timeout of office.sweep (3600 s) must be below its interval (3600 s), "
            "or it runs twice at once."
        ]

    @pytest.mark.parametrize("time", ["24:00", "3", "3 am", "03:00:00"])
    def test_refuses_what_is_no_time_of_day(self, time: str) -> None:
        with pytest.raises(ValueError, match=f'^"{time}" is no time of day: .*\\.$'):
            TaskRouter().at(time, tz="UTC")

    @pytest.mark.parametrize("tz", ["Europe/Bonn", "Europe", "../UTC", ""])
    def test_refuses_what_is_no_time_zone(self, tz: str) -> None:
        with pytest.raises(ValueError, match=f'^"{tz}" is no time zone: .*\\.$'):
            TaskRouter().at("03:00", tz=tz)

    @pytest.mark.parametrize(
        ("expression", "reason"),
        [
            ("0 3 * *", "it has five fields"),
            ("0 0 3 * * *", "it has five fields"),
            ("60 3 * * *", "Bad minute"),
            ("0 3 30 2 *", "Bad day-of-month"),
            ("0 3 */20 * 1L", "it matches no day"),
        ],
    )
    def test_refuses_what_is_no_cron_expression(
        self, expression: str, reason: str
    ) -> None:
        with pytest.raises(ValueError) as refused:  # noqa: PT011 - compared below
            TaskRouter().cron(expression, tz="UTC")

        sentence = f'"{expression}" is no cron expression: {reason}.'
        assert str(refused.value) == sentence

    def test_refuses_what_is_no_day_of_the_week(self) -> None:
        with pytest.raises(ValueError, match=r"fun.* is no cron expression: Bad day"):
            TaskRouter().at("03:00", tz="UTC", days="fun")


class TestInterval:
    def test_is_the_same_throughout_an_interval(self) -> None:
        [(_, schedule)] = tasks.periodic()
        noon = datetime(2030, 1, 31, 12, tzinfo=UTC)

        assert schedule.due(noon) == noon
        assert schedule.due(noon + timedelta(minutes=59, seconds=59)) == noon
        assert schedule.due(noon + timedelta(hours=1)) == noon + timedelta(hours=1)


def ticks(schedule: Schedule, date: str) -> list[str]:
    """What is due between noon in UTC of the day before and of this one."""
    noon = datetime.fromisoformat(f"{date} 12:00Z")
    asked = (noon - timedelta(minutes=minutes) for minutes in range(24 * 60, -1, -1))
    due = [schedule.due(moment) for moment in asked]
    assert due == sorted(due), "What is due goes back as time goes on."
    return [f"{tick:%d %H:%M}" for tick in dict.fromkeys(due)]


class TestCron:
    def test_is_the_same_until_it_is_due_again(self) -> None:
        schedule = Cron("0 3 * * mon-fri", "Europe/Berlin")
        friday = datetime(2026, 1, 16, 2, tzinfo=UTC)

        assert schedule.due(friday) == friday
        assert schedule.due(friday - timedelta(microseconds=1)) < friday
        assert schedule.due(friday + timedelta(days=3, seconds=-1)) == friday
        assert schedule.due(friday + timedelta(days=3)) == friday + timedelta(days=3)

    def test_goes_by_the_clocks_of_its_zone_in_summer_and_in_winter(self) -> None:
        schedule = Cron("0 3 * * *", "Europe/Berlin")

        assert ticks(schedule, "2026-01-16")[-1] == "16 02:00"
        assert ticks(schedule, "2026-07-16")[-1] == "16 01:00"

    @pytest.mark.parametrize("time", ["0 2", "30 2", "0,30 2"])
    def test_is_due_once_after_the_gap_if_it_does_not_exist(self, time: str) -> None:
        schedule = Cron(f"{time} * * *", "Europe/Berlin")

        assert ticks(schedule, "2026-03-29")[1:] == ["29 01:00"]

    def test_is_due_once_if_it_comes_twice(self) -> None:
        schedule = Cron("30 2 * * *", "Europe/Berlin")

        assert ticks(schedule, "2026-10-25") == ["24 00:30", "25 00:30"]

    def test_is_due_throughout_a_change_of_the_clocks_if_every_hour_is_meant(
        self,
    ) -> None:
        schedule = Cron("30 * * * *", "Europe/Berlin")

        assert len(ticks(schedule, "2026-03-29")) == 25
        assert len(ticks(schedule, "2026-10-25")) == 25

    @pytest.mark.parametrize(
        ("expression", "interval"),
        [
            ("* * * * *", timedelta(minutes=1)),
            ("59,0 23,0 * * sat,sun", timedelta(minutes=1)),
            ("0 0,23 1,31 * *", timedelta(hours=1)),
            ("0 3 * * mon", timedelta(days=7)),
            ("0 3 29 2 *", timedelta(days=4 * 365 + 1)),
        ],
    )
    def test_has_an_interval(self, expression: str, interval: timedelta) -> None:
        assert Cron(expression, "Europe/Berlin").interval == interval
