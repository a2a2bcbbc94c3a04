"""What clients send in confidence is neither told nor kept."""

from collections.abc import AsyncIterator
from importlib import import_module
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.settings import Settings
from tests.fixtures.service import Service
from tests.platform.canaries import CANARY, OWN, push, push_real, router
from tests.platform.web.live import Api

TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname !~ '^(pg_|information_schema)'
"""


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with Api(settings, router).running() as api, api.client() as client:
        yield client


class TestSecret:
    async def test_is_in_no_answer_log_or_table(
        self,
        client: httpx.AsyncClient,
        settings: Settings,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        answers = await push(client)

        statuses = {answer.status_code for answer in answers}
        assert {201, 403, 422, 500} <= statuses, "It did not come far enough."
        for answer in answers:
            told = {**answer.headers}
            # The one that is given on purpose, to whoever has sent it.
            told.pop("set-cookie", None)
            assert CANARY not in f"{told}{answer.text}", answer.request.url
        log = capsys.readouterr().out
        assert log.count("/v1/canaries/") >= len(OWN)
        assert CANARY not in log
        kept = await rows(settings)
        assert any("/v1/canaries/kept" in row for row in kept)
        assert not [row for row in kept if CANARY in row]


class TestSecretsOfTheService:
    async def test_are_in_no_answer_log_table_or_cache(
        self,
        service: Service,
        settings: Settings,
        secrets: dict[str, str],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        answers = await push_real(service.client, secrets)

        log, kept = capsys.readouterr().out, await rows(settings)
        places = {
            "answer": [f"{each.headers}{each.text}" for each in answers],
            "log": log.splitlines(),
            "table": kept,
            "cache": await shared(settings),
        }
        for kind, secret in secrets.items():
            for place, told in places.items():
                assert not [each for each in told if secret in each], (kind, place)
        assert len(log.splitlines()) >= len(answers)


async def shared(settings: Settings) -> list[str]:
    """Read all that replicas share in the server of the cache, if there is one."""
    if not (url := getattr(getattr(settings, "cache", None), "url", None)):
        return []
    address = url.get_secret_value()
    # The client is called as its URLs begin; not every service has one.
    client = import_module(f"{urlsplit(address).scheme}.asyncio")
    async with client.from_url(address) as server:
        whole = {"string": "GET {}", "hash": "HGETALL {}", "zset": "ZRANGE {} 0 -1"}
        whole |= {"set": "SMEMBERS {}", "list": "LRANGE {} 0 -1"}
        found = {
            key: await server.execute_command(
                *(key if word == "{}" else word for word in whole[kind].split())
            )
            for kind in whole
            async for key in server.scan_iter(_type=kind)
        }
    assert found
    return [f"{key}{value}" for key, value in found.items()]


async def rows(settings: Settings) -> list[str]:
    """Read everything that the database holds."""
    engine = create_async_engine(settings.database.url.get_secret_value())
    async with engine.connect() as connection:
        tables = (await connection.scalars(text(TABLES))).all()
        found = [
            row
            for table in tables
            for row in await connection.scalars(text(f"SELECT t::text FROM {table} t"))
        ]
    await engine.dispose()
    return found
