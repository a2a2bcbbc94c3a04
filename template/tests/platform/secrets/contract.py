"""What every manager of secrets keeps to, whoever it is."""

import sys
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from anyio import to_thread

from app.platform.errors import Unavailable
from app.platform.secrets import (
    Held,
    NoAnswerError,
    NotReadError,
    SecretsSettings,
)
from app.settings import DatabaseAlone
from dev.process import free_port
from tests.fixtures.service import Service
from tests.fixtures.third_party import Behaviour, Stub, answer, drip, drop, flood

# A value that nobody may read but who asks for it.
CANARY = "canary-8e03b7d1-with-thirty-two-letters"
URL = "postgresql+asyncpg://shop:{}@127.0.0.1:5432/shop"
ANOTHER = URL.format(CANARY)


class Kept(ABC):
    """A place of the test's own at a real manager, and the ways to it."""

    place: str
    url: str
    # How a sentence begins that says who may not read.
    blames: str

    @abstractmethod
    def settings(self, **changes: Any) -> SecretsSettings: ...

    @abstractmethod
    def elsewhere(self, url: str) -> SecretsSettings:
        """Lead to another server."""

    @abstractmethod
    def unknown(self) -> SecretsSettings:
        """Be somebody whom the manager does not know."""

    @abstractmethod
    def forbidden(self) -> SecretsSettings:
        """Be somebody whom it knows, and who may not read this."""

    @abstractmethod
    def variables(self) -> dict[str, str]:
        """Lead a service there."""

    @abstractmethod
    def put(self, **secrets: str) -> None: ...

    @abstractmethod
    def remove(self, name: str) -> None: ...


def program(name: str) -> Path:
    """A program of the packages that are installed here."""
    return Path(sys.executable).parent / name


GARBAGE = answer(body=f'{{"data": "{CANARY}"'.encode())
BEHAVIOURS = [GARBAGE, answer(500, CANARY.encode()), answer(302), drop, drip, flood]


class SecretsContract:
    """Kept by all. Subclasses give the `kept`."""

    def test_are_read_by_name(self, kept: Kept) -> None:
        names = {f"SECTION__NAME_{number}": str(number) for number in range(25)}
        kept.put(**names)

        assert kept.settings().opened().known() == names

    def test_are_refused_to_whom_nobody_knows(self, kept: Kept) -> None:
        kept.put(DATABASE__URL=CANARY)

        sentence = self.refused(kept.unknown(), kept.place)

        assert sentence.startswith(kept.blames)

    def test_are_refused_to_whom_may_not_read_them(self, kept: Kept) -> None:
        kept.put(DATABASE__URL=CANARY)

        sentence = self.refused(kept.forbidden(), kept.place)

        assert sentence.startswith(kept.blames)

    def test_are_missed_where_there_are_none(self, kept: Kept) -> None:
        sentence = self.refused(kept.settings(), kept.place)

        assert sentence.startswith("SECRETS__PATH leads to nothing")

    def test_are_not_had_of_a_manager_that_is_gone(self, kept: Kept) -> None:
        settings = kept.elsewhere(f"http://127.0.0.1:{free_port()}")

        with pytest.raises(NoAnswerError, match=r"SECRETS__\w+ g"):
            settings.opened().known()

    @pytest.mark.parametrize("behaviour", BEHAVIOURS)
    async def test_are_not_had_of_what_is_no_manager(
        self, kept: Kept, behaviour: Behaviour
    ) -> None:
        async with Stub.open() as stub:
            stub.behaviour = behaviour
            settings = kept.elsewhere(stub.url)
            settings = settings.model_copy(update={"timeout_seconds": 0.3})

            failed = await failure(settings)

        assert isinstance(failed, NoAnswerError)
        assert str(failed).startswith("SECRETS__")
        assert CANARY not in str(failed)

    def test_are_read_once_for_all_who_wait(
        self, kept: Kept, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept.put(DATABASE__URL="first")
        secrets = kept.settings().opened()
        secrets.known()
        ask, asked = secrets.ask, list[int]()

        def slowly() -> Held:
            asked.append(1)
            sleep(0.3)
            return ask()

        monkeypatch.setattr(secrets, "ask", slowly)
        kept.put(DATABASE__URL="second")
        with ThreadPoolExecutor(8) as threads:
            for _ in range(8):
                threads.submit(secrets.refresh)

        assert secrets.find("DATABASE__URL") == "second"
        # The first, and one for those who came while it was under way.
        assert len(asked) <= 2

    def refused(self, settings: SecretsSettings, place: str) -> str:
        """Say at once which setting is at fault and where, and no value."""
        patient = settings.model_copy(update={"start_seconds": 60})
        began = monotonic()
        with pytest.raises(NotReadError) as refused:
            patient.opened().known()

        sentence = str(refused.value)
        assert monotonic() - began < 30
        assert sentence.startswith("SECRETS__")
        assert place in sentence
        assert CANARY not in sentence
        return sentence


async def failure(settings: SecretsSettings) -> Exception | None:
    try:
        await to_thread.run_sync(settings.opened().known)
    except NotReadError as error:
        return error
    return None


class SettingsContract:
    """What a service makes of them. Subclasses give the `kept`."""

    @pytest.fixture(autouse=True)
    def led_there(self, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in kept.variables().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SECRETS__START_SECONDS", "0")
        monkeypatch.delenv("DATABASE__URL", raising=False)

    def test_are_taken_of_the_manager_and_shown_to_nobody(self, kept: Kept) -> None:
        kept.put(DATABASE__URL=ANOTHER)

        settings = DatabaseAlone.load()

        assert settings.database.url.get_secret_value() == ANOTHER
        assert CANARY not in f"{settings!r}{settings}{settings.model_dump()}"
        assert CANARY not in settings.model_dump_json()

    def test_are_overridden_by_the_environment(
        self, kept: Kept, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept.put(DATABASE__URL=ANOTHER)
        monkeypatch.setenv("DATABASE__URL", URL.format("own"))

        url = DatabaseAlone.load().database.url
        kept.put(DATABASE__URL=ANOTHER + "2")
        DatabaseAlone.load().secrets.opened().refresh()

        assert url.get_secret_value() == URL.format("own")

    def test_end_a_start_that_misses_one(self, kept: Kept) -> None:
        kept.put(MAIL__URL="smtp://mail:25")

        with pytest.raises(SystemExit) as ended:
            DatabaseAlone.load()

        assert "\n  DATABASE__URL is missing" in str(ended.value)
        assert kept.place in str(ended.value)

    def test_end_a_start_with_what_cannot_be_used(self, kept: Kept) -> None:
        kept.put(DATABASE__URL=CANARY)

        with pytest.raises(SystemExit) as ended:
            DatabaseAlone.load()

        assert "\n  DATABASE__URL must begin with" in str(ended.value)
        assert CANARY not in str(ended.value)

    def test_follow_the_manager(self, kept: Kept) -> None:
        kept.put(DATABASE__URL=URL.format("first"))
        settings = DatabaseAlone.load()
        url, secrets = settings.database.url, settings.secrets.opened()

        kept.put(DATABASE__URL=URL.format("second"))
        before = url.get_secret_value()
        secrets.refresh()

        assert before == URL.format("first")
        assert url.get_secret_value() == URL.format("second")

    def test_stay_when_the_new_ones_cannot_be_used(
        self, kept: Kept, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept.put(DATABASE__URL=URL.format("first"), MAIL__SENDER="ignored")
        settings = DatabaseAlone.load()
        url, secrets = settings.database.url, settings.secrets.opened()

        kept.put(DATABASE__URL=CANARY)
        secrets.refresh()
        wrong = secrets.failure
        kept.remove("DATABASE__URL")
        secrets.refresh()

        assert wrong is not None
        assert wrong.startswith("DATABASE__URL must begin with")
        assert secrets.failure is not None
        assert secrets.failure.startswith("DATABASE__URL is missing")
        assert url.get_secret_value() == URL.format("first")
        told = capsys.readouterr()
        assert "secrets.not_read" in told.out
        assert CANARY not in told.out + told.err

    async def test_stay_while_the_manager_is_gone(
        self, kept: Kept, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept.put(DATABASE__URL=URL.format("first"))
        settings = DatabaseAlone.load()
        secrets = settings.secrets.opened()
        ask = secrets.ask
        await secrets.check()

        monkeypatch.setattr(
            secrets, "ask", kept.elsewhere("http://127.0.0.1:1").opened().ask
        )
        secrets.refresh()

        assert settings.database.url.get_secret_value() == URL.format("first")
        assert secrets.age_seconds > 0
        with pytest.raises(Unavailable, match="those of before"):
            await secrets.check()
        monkeypatch.setattr(secrets, "ask", ask)
        secrets.refresh()
        await secrets.check()


class ReadinessContract:
    async def test_a_replica_says_whether_they_can_be_read(
        self, service: Service
    ) -> None:
        ready = await service.client.get("/readyz")

        told = ready.json()["dependencies"]["secrets"]
        assert told == {"status": "ok", "required": False, "reason": None}
