from datetime import timedelta

import pytest

from app import background
from app.composition import refuse_contradictions
from app.main import create_app
from app.platform.configuration import Limit, Section
from app.platform.tasks import TaskRouter, Tick
from app.settings import Settings

SECONDS = {"ms": 0.001, "hours": 3600, "days": 86_400}
ALL = [
    limit
    for field in Settings.model_fields.values()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    for limit in field.annotation.limits
]


def seconds(settings: Settings, name: str) -> float:
    section, _, field = name.lower().partition("__")
    value = float(getattr(getattr(settings, section), field))
    return value * unit(name)


def unit(name: str) -> float:
    return SECONDS.get(name.lower().rpartition("_")[2], 1)


def refusals() -> list[str]:
    """The sentences with which a start is refused."""
    with pytest.raises(SystemExit) as refused:
        Settings.load()
    _, *sentences = str(refused.value).split("\n  ")
    return sentences


class TestLimits:
    @pytest.mark.parametrize("limit", ALL, ids=lambda limit: " ".join(limit.lower))
    def test_refuse_what_contradicts_another(
        self, limit: Limit, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upper = sum(seconds(settings, name) for name in limit.upper)
        too_much = int(upper / unit(limit.lower[0])) + 1
        monkeypatch.setenv(limit.lower[0], str(too_much))

        # It may contradict more than one.
        [sentence] = [each for each in refusals() if each.endswith(f"{limit.reason}.")]

        assert sentence.startswith(f"{' + '.join(limit.lower)} ({too_much}")
        assert f" must be below {' + '.join(limit.upper)} (" in sentence

    def test_let_just_less_be(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statement = settings.database.statement_timeout_seconds
        monkeypatch.setenv("DATABASE__LOCK_TIMEOUT_SECONDS", str(statement - 0.001))

        assert Settings.load()

        monkeypatch.setenv("DATABASE__LOCK_TIMEOUT_SECONDS", str(statement))
        assert refusals() == [
            f"DATABASE__LOCK_TIMEOUT_SECONDS ({statement:g}) must be below "
            f"DATABASE__STATEMENT_TIMEOUT_SECONDS ({statement:g}), or "
            "nobody hears that a statement has waited for a lock."
        ]


class TestRefuseContradictions:
    def test_lets_the_tasks_of_the_service_be(self, settings: Settings) -> None:
        refuse_contradictions(settings)

    def test_ends_the_process_for_a_task_that_outlasts_its_interval(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endless = TaskRouter("endless")

        @endless.every(timedelta(seconds=1), timeout=timedelta(seconds=9))
        async def work(_: Tick, __: object, ___: object) -> None: ...

        monkeypatch.setattr(background, "tasks", endless)

        with pytest.raises(SystemExit) as refused:
            create_app(settings)

        heading, *sentences = str(refused.value).splitlines()
        assert heading.startswith("The service does not start")
        assert [sentence.split(" must ")[0] for sentence in sentences] == [
            "  The timeout of endless.work (9 s)"
        ]
