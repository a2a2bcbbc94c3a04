"""Keys of programs are made and used, and what is secret of them is kept nowhere."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.modules.apikeys.models import Secret
from app.modules.apikeys.repository import ApiKeyRepository
from app.modules.apikeys.service import MOST_KEYS
from app.platform.database.postgresql import from_now
from app.platform.observability.context import ADMIN
from tests.fixtures.service import Service, Show, acting
from tests.modules.apikeys.conftest import (
    BELIEVED,
    PATH,
    Json,
    Make,
    bearing,
    changed,
    row_of,
    status_of,
)


class TestMake:
    @pytest.mark.parametrize(
        "draft",
        [
            {},
            {"name": ""},
            {"name": "x", "days": 0},
            {"name": "x", "days": 367},
            {"name": "x", "scopes": ["a b"]},
            {"name": "x", "owner_id": "eve"},
            {"name": "x", "key": "sk_dev_0_0"},
        ],
    )
    async def test_refuses_what_makes_no_sense(
        self, service: Service, draft: Json
    ) -> None:
        assert (await service.client.post(PATH, json=draft)).status_code == 422

    async def test_refuses_scopes_that_the_maker_lacks(
        self, service: Service, show: Show
    ) -> None:
        draft = {"name": "x", "scopes": ["a", ADMIN]}
        async with acting(service, await show(service.platform, "a")):
            refused = await service.client.post(PATH, json=draft)

        assert refused.status_code == 403
        assert refused.json()["type"] == "/problems/scope-not-held"

    async def test_lets_an_admin_give_any(self, service: Service) -> None:
        draft = {"name": "x", "scopes": ["a"]}

        assert (await service.client.post(PATH, json=draft)).status_code == 201

    async def test_ends_when_there_are_enough(
        self, service: Service, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert MOST_KEYS > 1
        monkeypatch.setattr("app.modules.apikeys.service.MOST_KEYS", 0)

        with pytest.raises(AssertionError, match="too-many-keys"):
            await make()

    async def test_shows_the_key_once_and_keeps_a_digest(
        self,
        service: Service,
        make: Make,
        show: Show,
        ada: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        made = await make(scopes=["b", "a"])

        secret = made.pop("key").rpartition("_")[2]
        async with acting(service, await show(service.platform, id_=ada)):
            listed = await service.client.get(PATH)
        assert listed.json()["items"] == [made]
        assert made["scopes"] == "a b"
        assert secret not in listed.text
        assert secret not in repr(vars(await row_of(service, made)))
        assert secret not in capsys.readouterr().out


class TestUse:
    async def test_acts_for_the_owner_with_the_keys_scopes(
        self, service: Service, make: Make, ada: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        key = await make(scopes=["a"])

        assert await status_of(service, bearing(key)) == BELIEVED
        assert await status_of(service, bearing(key)) == BELIEVED
        row = await row_of(service, key)
        assert row.owner_id.endswith(ada)
        log = capsys.readouterr().out
        assert row.owner_id in log
        assert key["key"] not in log

    async def test_manages_no_keys(self, service: Service, make: Make) -> None:
        key = await make(scopes=["a"])
        one = f"{PATH}/{key['id']}"
        async with acting(service, bearing(key)):
            answers = [
                await service.client.post(PATH, json={"name": "x"}),
                await service.client.get(PATH),
                await service.client.post(f"{one}/rotations", json={}),
                await service.client.delete(one),
            ]

        types = {answer.json()["type"] for answer in answers}
        assert types == {"/problems/key-cannot-manage-keys"}

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda key: key[:-1],
            lambda key: key[:30],
            lambda _: "sk_",
            lambda key: key + "A",
            lambda key: key.replace("sk_dev_", "sk_prod_"),
            lambda key: key.replace("sk_dev_", "SK_DEV_"),
            lambda key: key[:24] + key[24:].swapcase(),
            lambda key: key[:7] + key[7:23].upper() + key[23:],
            lambda key: Secret.new("development").text[:24] + key[24:],
            lambda key: key[:24] + Secret.new("development").text[24:],
            lambda key: key + "x" * 9000,
            lambda key: key + "\u00e9",
            lambda key: f"{key} {key}",
        ],
    )
    async def test_is_refused_if_it_is_not_quite_the_key(
        self, service: Service, make: Make, spoil: Callable[[str], str]
    ) -> None:
        shown = spoil((await make())["key"])
        header = (b"authorization", f"Bearer {shown}".encode("latin-1"))

        async with acting(service, {}):
            refused = await service.client.get(PATH, headers=[header])

        assert refused.status_code == 401
        assert len(refused.content) <= 8192

    @pytest.mark.parametrize("other", ["Bearer x", "Basic YTpi"])
    async def test_is_refused_beside_another_proof(
        self, service: Service, make: Make, other: str
    ) -> None:
        both = [("Authorization", other), *bearing(await make()).items()]
        async with acting(service, {}):
            refused = await service.client.get(PATH, headers=both)

        assert refused.status_code == 400

    async def test_is_looked_for_in_no_other_place(
        self, service: Service, make: Make
    ) -> None:
        key = (await make())["key"]
        async with acting(service, {"X-API-Key": key, "Cookie": f"key={key}"}):
            refused = await service.client.get(f"{PATH}?api_key={key}")

        assert refused.status_code == 401

    async def test_is_noted_once_a_minute(
        self, service: Service, make: Make, impatient: None
    ) -> None:
        key = await make()
        await status_of(service, bearing(key))
        first = (await row_of(service, key)).last_used_at
        await status_of(service, bearing(key))
        second = (await row_of(service, key)).last_used_at
        await changed(service, key, last_used_at=from_now(-timedelta(minutes=2)))
        await status_of(service, bearing(key))

        third = (await row_of(service, key)).last_used_at
        assert first is not None
        assert first == second
        assert third is not None
        assert third > first

    async def test_goes_on_when_it_cannot_be_noted(
        self, service: Service, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*_: object) -> None:
            raise OSError("read only")

        key = await make()
        monkeypatch.setattr(ApiKeyRepository, "touch", fail)

        assert await status_of(service, bearing(key)) == BELIEVED

    async def test_is_remembered_for_so_many_only(
        self, service: Service, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.modules.apikeys.guard.REMEMBERED", 1)
        keys = [await make() for _ in range(2)]

        for key in (*keys, *keys):
            assert await status_of(service, bearing(key)) == BELIEVED
