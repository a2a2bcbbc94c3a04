"""Sessions in the database: asked at each request, and written now and then."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from app.platform.observability.context import Principal
from app.platform.sessions import Lasting
from app.platform.sessions.database import StoredSessions
from app.platform.sessions.models import StoredSession
from tests.fixtures.service import Service, Show, acting

PATH = "/v1/accounts/sessions"
ADA = Principal("ada", kind="user")
HOUR = timedelta(hours=1)
FEWEST = 20
LASTING = Lasting(HOUR, 24 * HOUR)
OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def sessions(service: Service) -> StoredSessions:
    sessions = StoredSessions(service.platform.database)
    async with service.platform.database.unit_of_work() as unit:
        await sessions.begin(unit, "1", ADA, LASTING)
    return sessions


async def seen_at(service: Service) -> datetime:
    async with service.platform.database.primary_session() as session:
        asked = select(StoredSession.seen_at).where(StoredSession.id == "1")
        found: datetime = (await session.scalars(asked)).one()
        return found


class TestFind:
    async def test_notes_now_and_then_that_it_was_used(
        self, service: Service, sessions: StoredSessions
    ) -> None:
        began = await seen_at(service)
        await sessions.find("1", idle=HOUR)
        assert await seen_at(service) == began
        database = service.platform.database
        async with database.unit_of_work() as unit:
            ago = update(StoredSession).values(seen_at=began - HOUR / 10)
            await unit.session.execute(ago)

        await sessions.find("1", idle=HOUR)

        assert await seen_at(service) >= began

    async def test_is_refused_and_not_forgotten_while_connections_break(
        self, service: Service, show: Show
    ) -> None:
        headers = await show(service.platform)
        statuses: list[int] = []
        async with acting(service, headers):
            # The pool replaces what it finds broken: not each round meets one at work.
            while 503 not in statuses or len(statuses) < FEWEST:
                async with service.platform.database.watching() as connection:
                    await connection.execute(text(OTHERS))
                asked = (service.client.get(PATH) for _ in range(4))
                answers = await asyncio.gather(*asked)
                statuses += [each.status_code for each in answers]
                refused = [each for each in answers if each.status_code == 503]
                assert all(each.headers["retry-after"] for each in refused)
            assert {*statuses} == {200, 503}

            assert (await service.client.get(PATH)).status_code == 200


class TestPurge:
    async def test_forgets_what_is_over(
        self, service: Service, sessions: StoredSessions
    ) -> None:
        assert await sessions.purge() == 0
        async with service.platform.database.unit_of_work() as unit:
            over = update(StoredSession).where(StoredSession.id == "1")
            await unit.session.execute(over.values(expires_at=datetime.now(UTC)))

        assert await sessions.purge() == 1
