from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.platform.tasks import TaskRouter, Tick
from app.platform.tasks.celery import CeleryTasksSettings, create_celery

SETTINGS = CeleryTasksSettings(broker_url=SecretStr("memory://"), attempt_seconds=10)


def options(*, redeliver_after_seconds: float) -> dict[str, float]:
    return {"visibility_timeout": redeliver_after_seconds}


async def work(_: Tick, __: object, ___: object) -> None: ...


class TestCreateCelery:
    def test_refuses_a_task_that_may_outlast_its_attempt(self) -> None:
        tasks = TaskRouter("slow")
        tasks.every(timedelta(hours=1), timeout=timedelta(seconds=10))(work)

        with pytest.raises(ValueError, match=r"slow\.work"):
            create_celery(SETTINGS, tasks, options)

    def test_keeps_time_for_periodic_tasks(self) -> None:
        tasks = TaskRouter("clock")
        tasks.every(timedelta(hours=1), timeout=timedelta(seconds=1))(work)

        celery = create_celery(SETTINGS, tasks, options)

        assert celery.conf.beat_schedule["clock.work"]["args"] == ["clock.work"]

    def test_takes_back_what_a_dead_worker_held_when_its_attempt_is_over(self) -> None:
        celery = create_celery(SETTINGS, TaskRouter(), options)

        assert celery.conf.broker_transport_options == {"visibility_timeout": 10}
        assert celery.conf.task_time_limit == 10
