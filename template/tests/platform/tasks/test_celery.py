from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.platform.configuration import Address
from app.platform.tasks import TaskRouter, Tick
from app.platform.tasks.celery import CeleryTasksSettings, create_celery

SETTINGS = CeleryTasksSettings(attempt_seconds=10)


class Kind:
    """A broker that needs little."""

    url = SecretStr("memory://broker/1")
    address = Address(("broker",))
    refusals: tuple[type[Exception], ...] = ()

    def transport_options(self, *, redeliver_after_seconds: float) -> dict[str, Any]:
        return {"visibility_timeout": redeliver_after_seconds}

    def proof(self) -> dict[str, Any]:
        return {}

    def ping(self, channel: Any) -> None:
        return None


BROKER = Kind()


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
        celery = create_celery(SETTINGS, BROKER)

        assert celery.conf.broker_transport_options == {"visibility_timeout": 10}
        assert celery.conf.task_time_limit == 10

    def test_sends_where_the_settings_say(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL"):
            monkeypatch.setenv(f"CELERY_{name}", "memory://elsewhere/1")
        for name in ("CONFIG_MODULE", "LOADER", "RESULT_BACKEND"):
            monkeypatch.setenv(f"CELERY_{name}", "nonsense")

        celery = create_celery(SETTINGS, BROKER)

        assert celery.connection_for_read().hostname == "broker"
        assert celery.connection_for_write().hostname == "broker"
        assert celery.backend.as_uri() == "disabled://"
