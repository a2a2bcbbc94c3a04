"""What clients send in confidence is neither told nor kept."""

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.settings import Settings
from tests.platform.canaries import CANARY, OWN, push, router
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
