import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import DateTime, MetaData, delete, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.platform.database import Database, DatabaseSettings
from app.platform.database.database import purge
from tests.fixtures.database import Stage

# Each row takes a millisecond, as in a large table on a slow disk: one statement has
# no time for all of them.
STATEMENT_SECONDS = 1.0
MANY = 2000
SLOW = """
    CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.001); RETURN OLD; END $$
"""
SLOWLY = """
    CREATE TRIGGER take_time BEFORE DELETE ON leaves
    FOR EACH ROW EXECUTE FUNCTION take_time()
"""


class Base(DeclarativeBase):
    metadata = MetaData()


class Leaf(Base):
    __tablename__ = "leaves"

    id: Mapped[int] = mapped_column(primary_key=True)
    fell_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@pytest.fixture
async def garden(
    database_settings: DatabaseSettings, stage: Stage
) -> AsyncIterator[Database]:
    """A database whose server has little patience."""
    async with (
        Database.open(database_settings, stage=stage) as patient,
        patient.unit_of_work() as unit,
    ):
        await unit.session.execute(
            text("CREATE TABLE leaves (id int PRIMARY KEY, fell_at timestamptz)")
        )
        for statement in ("CREATE INDEX ON leaves (fell_at)", SLOW, SLOWLY):
            await unit.session.execute(text(statement))
    limits = {"statement_timeout_seconds": STATEMENT_SECONDS}
    hasty = database_settings.model_copy(update=limits)
    async with Database.open(hasty, stage=stage) as database:
        yield database


async def fall(database: Database, leaves: range, *, days_ago: int) -> None:
    async with database.unit_of_work() as unit:
        await unit.session.execute(
            text(
                "INSERT INTO leaves SELECT id, now() - make_interval(days => :days) "
                "FROM generate_series(CAST(:first AS int), CAST(:last AS int)) id"
            ),
            {"days": days_ago, "first": leaves.start, "last": leaves.stop - 1},
        )


async def lying(database: Database) -> int:
    async with database.read_session() as session:
        return await session.scalar(select(func.count()).select_from(Leaf)) or 0


class TestPurge:
    async def test_leaves_what_is_not_old(self, garden: Database) -> None:
        await fall(garden, range(10), days_ago=3)
        await fall(garden, range(10, 15), days_ago=1)

        purged = await purge(garden, Leaf.fell_at, older_than=timedelta(days=2))

        assert purged == 10
        assert await lying(garden) == 5

    async def test_ends_where_one_statement_could_not(self, garden: Database) -> None:
        await fall(garden, range(MANY), days_ago=3)
        with pytest.raises(DBAPIError, match="statement timeout"):
            async with garden.unit_of_work() as unit:
                await unit.session.execute(delete(Leaf))

        purged = await purge(garden, Leaf.fell_at, batch=100, within_seconds=300)

        assert purged == MANY
        assert await lying(garden) == 0

    async def test_keeps_what_it_has_done_when_the_time_is_up(
        self, garden: Database
    ) -> None:
        await fall(garden, range(100), days_ago=3)

        stopped = await purge(garden, Leaf.fell_at, batch=1, within_seconds=0.01)
        left = await lying(garden)
        rest = await purge(garden, Leaf.fell_at, batch=7)

        assert 0 < stopped < 100
        assert left == rest == 100 - stopped

    async def test_shares_the_work_with_others(self, garden: Database) -> None:
        await fall(garden, range(200), days_ago=3)

        purged = await asyncio.gather(
            *(purge(garden, Leaf.fell_at, batch=10) for _ in range(3))
        )

        assert sum(purged) == 200
        assert await lying(garden) == 0
