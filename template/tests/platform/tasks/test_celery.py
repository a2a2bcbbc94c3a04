from datetime import timedelta

from pydantic import SecretStr

from app.platform.tasks import TaskRouter, Tick
from app.platform.tasks.celery import CeleryTasksSettings, create_celery

SETTINGS = CeleryTasksSettings(broker_url=SecretStr("memory://"), attempt_seconds=10)


def options(*, redeliver_after_seconds: float) -> dict[str, float]:
    return {"visibility_timeout": redeliver_after_seconds}


async def work(_: Tick, __: object, ___: object) -> None: ...


class TestCeleryTasksSettings:
    def test_names_a_task_that_may_outlast_its_attempt(self) -> None:
        tasks = TaskRouter("slow")
        tasks.every(timedelta(hours=1), timeout=timedelta(seconds=10))(work)

        assert list(SETTINGS.contradictions(tasks)) == [
            "The timeout of slow.work (10 s) must be below TASKS__ATTEMPT_SECONDS "
            "(10), or its attempts overlap."
        ]


class TestCreateCelery:
    def test_takes_back_what_a_dead_worker_held_when_its_attempt_is_over(self) -> None:
        celery = create_celery(SETTINGS, options)

        assert celery.conf.broker_transport_options == {"visibility_timeout": 10}
        assert celery.conf.task_time_limit == 10
