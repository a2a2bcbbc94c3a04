import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.platform.database import Database
from tests.platform.database.notes import Note, store

MINUTE = timedelta(minutes=1)


class TestStreaming:
    async def test_refuses_to_write(self, database: Database) -> None:
        async with database.streaming(may_idle=MINUTE) as session:
            session.add(Note(text="a"))

            with pytest.raises(RuntimeError, match="use a unit of work"):
                await session.flush()

    async def test_is_refused_what_writes_unseen(self, database: Database) -> None:
        async with database.streaming(may_idle=MINUTE) as session:
            with pytest.raises(DBAPIError, match="read-only"):
                await session.scalar(select(func.lo_create(0)))

    async def test_sees_one_state_of_the_data(self, database: Database) -> None:
        await store(database, "a")

        async with database.streaming(may_idle=MINUTE) as session:
            before = (await session.scalars(select(Note.text))).all()
            await store(database, "b")
            after = (await session.scalars(select(Note.text))).all()

        assert before == after == ["a"]

    async def test_hides_what_is_deleted(self, database: Database) -> None:
        [note] = await store(database, "a")
        async with database.unit_of_work() as unit:
            kept = await unit.session.get_one(Note, note.id)
            kept.deleted_at = kept.created_at

        async with database.streaming(may_idle=MINUTE) as session:
            rows = await session.stream_scalars(select(Note))

            assert [row async for row in rows] == []

    async def test_does_not_wait_for_the_last_row(self, database: Database) -> None:
        slow = select(func.generate_series(1, 100_000), func.pg_sleep(0.005))

        async with asyncio.timeout(60), database.streaming(may_idle=MINUTE) as session:
            rows = await session.stream(slow)
            number, _ = await anext(rows)
            await rows.close()

        assert number == 1

    async def test_ends_when_its_reader_pauses_for_too_long(
        self, database: Database
    ) -> None:
        with pytest.raises(DBAPIError):
            async with database.streaming(may_idle=timedelta(seconds=0.1)) as session:
                await session.scalar(select(1))
                await asyncio.sleep(1)
                await session.scalar(select(1))


class TestEnded:
    @pytest.mark.parametrize("kind", ["read_session", "streaming", "unit_of_work"])
    async def test_says_what_to_take_instead(
        self, database: Database, kind: str
    ) -> None:
        options = {"may_idle": MINUTE} if kind == "streaming" else {}
        async with getattr(database, kind)(**options) as opened:
            session = opened.session if kind == "unit_of_work" else opened

        with pytest.raises(RuntimeError, match="StreamSessionDep"):
            await session.scalar(select(1))

        assert database.pools[0].pool.checkedout() == 0  # type: ignore[attr-defined]
