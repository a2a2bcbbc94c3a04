"""Keys of programs are rotated, end with their time and are revoked."""

import asyncio
import sys
from datetime import timedelta
from time import monotonic
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.modules.apikeys.models import Secret
from app.platform.audit.models import AuditEvent
from app.platform.database.postgresql import from_now
from tests.fixtures.service import Service, Show, acting
from tests.modules.apikeys.conftest import (
    BELIEVED,
    PATH,
    Make,
    bearing,
    changed,
    row_of,
    status_of,
)


class TestEnd:
    async def test_comes_with_its_time(
        self, service: Service, make: Make, impatient: None
    ) -> None:
        key = await make(days=1)
        assert await status_of(service, bearing(key)) == BELIEVED

        await changed(service, key, expires_at=from_now(timedelta(0)))

        assert await status_of(service, bearing(key)) == 401

    async def test_comes_soon_after_it_is_revoked_under_use(
        self,
        service: Service,
        make: Make,
        show: Show,
        ada: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("app.modules.apikeys.guard.PROOF_SECONDS", 0.5)
        key = await make()
        assert await status_of(service, bearing(key)) == BELIEVED
        async with acting(service, await show(service.platform, id_=ada)):
            revoked = await service.client.delete(f"{PATH}/{key['id']}")
            again = await service.client.delete(f"{PATH}/{key['id']}")

        assert (revoked.status_code, again.status_code) == (204, 404)
        deadline = monotonic() + 20
        while await status_of(service, bearing(key)) == BELIEVED:
            assert monotonic() < deadline
        assert await status_of(service, bearing(key)) == 401

    async def test_is_not_anothers_to_decide(
        self, service: Service, make: Make, show: Show
    ) -> None:
        key = await make()
        async with acting(service, await show(service.platform)):
            answers = [
                await service.client.delete(f"{PATH}/{key['id']}"),
                await service.client.post(f"{PATH}/{key['id']}/rotations", json={}),
            ]
            listed = await service.client.get(PATH)

        assert {answer.status_code for answer in answers} == {404}
        assert listed.json() == {"items": []}
        assert await status_of(service, bearing(key)) == BELIEVED


class TestRotation:
    async def test_lets_both_be_good_for_a_while(
        self,
        service: Service,
        make: Make,
        client: httpx.AsyncClient,
        impatient: None,
        ada: str,
    ) -> None:
        old = await make(scopes=["a"], days=30)

        # An admin may, and the key stays Ada's.
        rotated = await client.post(
            f"{PATH}/{old['id']}/rotations", json={"overlap_hours": 1}
        )

        new = rotated.json()
        assert (new["name"], new["scopes"]) == ("nightly", "a")
        assert (await row_of(service, new)).owner_id.endswith(ada)
        assert new["expires_at"] > old["expires_at"]
        assert (await row_of(service, old)).expires_at.isoformat() < old["expires_at"]
        for key in (old, new):
            assert await status_of(service, bearing(key)) == BELIEVED
        await changed(service, old, expires_at=from_now(timedelta(0)))
        assert await status_of(service, bearing(old)) == 401
        assert await status_of(service, bearing(new)) == BELIEVED

    async def test_without_overlap_ends_the_old_one(
        self, service: Service, make: Make, client: httpx.AsyncClient, impatient: None
    ) -> None:
        old = await make()

        await client.post(f"{PATH}/{old['id']}/rotations", json={"overlap_hours": 0})

        assert await status_of(service, bearing(old)) == 401


class TestAudit:
    async def test_has_a_row_of_all_that_becomes_of_a_key(
        self, service: Service, make: Make, show: Show, ada: str, impatient: None
    ) -> None:
        old = await make()
        rotations = f"{PATH}/{old['id']}/rotations"
        new = (await service.client.post(rotations, json={})).json()
        async with acting(service, await show(service.platform, id_=ada)):
            await service.client.delete(f"{PATH}/{new['id']}")
        for _ in range(3):
            assert await status_of(service, bearing(new)) == 401

        owner = (await row_of(service, old)).owner_id
        rows = await noted(service)

        assert [(row.kind, row.about) for row in rows] == [
            ("api_key_made", old["prefix"]),
            ("api_key_made", new["prefix"]),
            ("api_key_rotated", old["prefix"]),
            ("api_key_revoked", new["prefix"]),
            ("api_key_refused", new["prefix"]),
        ]
        assert {row.principal_id for row in rows} == {owner}
        assert all(row.request_id for row in rows)
        made, *rotated, revoked, refused = (row.caller_id for row in rows)
        assert made == revoked == owner
        assert owner not in rotated
        assert refused == "anonymous"

    async def test_has_one_row_a_minute_of_keys_that_nobody_has(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for seconds, environment in ((0.0, "production"), (60.0, "development")):
            monkeypatch.setattr("app.modules.apikeys.guard.REFUSAL_SECONDS", seconds)
            unknown = Secret.new(environment).text
            assert await status_of(service, bearing(unknown)) == 401

        [row] = await noted(service)

        assert row.kind == "api_key_refused"
        assert (row.principal_id, row.about) == (None, None)

    async def test_is_no_reason_to_fail(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*_: object, **__: object) -> None:
            raise OSError("read only")

        monkeypatch.setattr("app.platform.audit.note", fail)
        monkeypatch.setattr("app.modules.apikeys.guard.REFUSAL_SECONDS", 0.0)

        unknown = Secret.new("development").text
        assert await status_of(service, bearing(unknown)) == 401


async def noted(service: Service) -> list[AuditEvent]:
    """List what is noted of keys, the oldest first."""
    async with service.platform.database.read_session() as session:
        query = select(AuditEvent).where(AuditEvent.kind.startswith("api_key_"))
        return [*await session.scalars(query.order_by(AuditEvent.id))]


class TestCommands:
    @pytest.fixture
    def run(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
        url = service.platform.settings.database.url.get_secret_value()
        monkeypatch.setenv("DATABASE__URL", url)

        async def run(*words: str) -> Any:
            return await asyncio.to_thread(CliRunner().invoke, cli, ["apikeys", *words])

        return run

    async def test_make_list_and_revoke(
        self, service: Service, run: Any, ada: str, impatient: None
    ) -> None:
        said = (await run("create", ada, "--scope", "a", "--days", "1")).output
        made = said.split()[-1]
        prefix = made.split("_")[2]
        assert await status_of(service, bearing(made)) == BELIEVED
        [line] = (await run("list", ada)).output.splitlines()
        assert line.split("\t")[:3] == [prefix, "by an operator", "a"]

        assert "is revoked" in (await run("revoke", prefix)).output
        told = (await run("events", ada)).output.splitlines()
        what = [line.split("\t")[1:5] for line in told if "\t" in line]
        assert what == [
            ["api_key_revoked", ada, prefix, "service"],
            ["api_key_made", ada, prefix, "service"],
        ]

        assert await status_of(service, bearing(made)) == 401
        assert (await run("revoke", prefix)).exit_code == 2

    async def test_print_a_key_alone(self, run: Any, ada: str) -> None:
        command = [sys.executable, "-m", "app.cli", "apikeys", "create", ada]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdout=pipe, stderr=pipe
        )

        out, beside = await process.communicate()

        [key] = out.decode().splitlines()
        assert Secret.read(key, "development")
        assert b"api_key_made" in beside
        assert key.encode() not in beside
