"""What the driver is told by itself ends as what a cursor of SQLAlchemy does."""

import asyncio
import enum
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import (
    BigInteger,
    DateTime,
    Enum,
    Executable,
    Float,
    Interval,
    LargeBinary,
    Numeric,
    String,
    TypeDecorator,
    Uuid,
    bindparam,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.database import Database
from app.platform.database.engine import rows
from app.platform.database.postgresql import Json, classify, code_of
from tests.platform.database.notes import Note


class Mood(enum.Enum):
    GOOD = "well"


class Shouted(TypeDecorator[str]):
    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Any) -> str | None:
        return value and value.lower()

    def process_result_value(self, value: str | None, _: Any) -> str | None:
        return value and value.upper()


VALUES: list[tuple[Any, Any]] = [
    (Uuid(), uuid4()),
    (DateTime(timezone=True), datetime.now(UTC)),
    (Interval(), timedelta(days=1, seconds=2)),
    (Numeric(10, 2), Decimal("1.50")),
    (Float(), 1.5),
    (LargeBinary(), b"\x00\xff"),
    (Json(), {"a": [1, None, "b"]}),
    (Enum(Mood, native_enum=False), Mood.GOOD),
    (Shouted(), "SHOUTED"),
    (BigInteger(), 2**62),
    (String(), None),
]
REFUSED: list[tuple[Executable, dict[str, Any]]] = [
    (select(bindparam("it", type_=String)), {"it": "a\x00b"}),
    (select(bindparam("it", type_=BigInteger)), {"it": 2**70}),
    (select(bindparam("it", type_=Uuid)), {"it": "no such thing"}),
    (select(bindparam("it", type_=Enum(Mood, native_enum=False))), {"it": "bad"}),
    (select(bindparam("it", type_=String)), {}),
    (select(literal(1) / bindparam("it", type_=BigInteger)), {"it": 0}),
    (select(func.no_such_function()), {}),
    (select(func.pg_terminate_backend(func.pg_backend_pid())), {}),
]


class TestValues:
    @pytest.mark.parametrize(("type_", "value"), VALUES)
    async def test_are_written_and_read_alike(
        self, database: Database, type_: Any, value: Any
    ) -> None:
        statement = select(bindparam("it", type_=type_).label("it"), literal(1))

        async with database.read_session() as session:
            found = await rows(session, statement, {"it": value})
            expected = (await session.execute(statement, {"it": value})).all()

        assert [tuple(row) for row in found] == [tuple(row) for row in expected]
        assert found[0][0] == value

    async def test_may_be_many(self, database: Database) -> None:
        async with database.read_session() as session:
            chosen = select(Note.id).where(Note.id.in_([uuid4(), uuid4()]))

            assert await rows(session, chosen, {}) == []


class TestFailure:
    @pytest.mark.parametrize(("statement", "values"), REFUSED)
    async def test_is_the_same_to_a_look_and_in_a_transaction(
        self, database: Database, statement: Executable, values: dict[str, Any]
    ) -> None:
        async def by_cursor(session: AsyncSession) -> None:
            (await session.execute(statement, values)).all()

        async def by_driver(session: AsyncSession) -> None:
            await rows(session, statement, values)

        async with database.read_session() as session:
            expected = await _failure_of(by_cursor(session))
        async with database.read_session() as session:
            looked = await _failure_of(by_driver(session))
        async with database.unit_of_work() as unit:
            changed = await _failure_of(by_driver(unit.session))
            await unit.session.rollback()

        for failure in (looked, changed):
            assert type(failure) is type(expected)
            assert code_of(failure) == code_of(expected)
            assert classify(failure) == classify(expected)
            assert "\x00" not in str(failure)
        async with database.read_session() as session:
            await rows(session, select(literal(1)), {})
        assert database.pools[0].sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]

    async def test_of_nobody_who_waits_leaves_no_connection_busy(
        self, database: Database
    ) -> None:
        async def look() -> None:
            async with database.read_session() as session:
                await rows(session, select(func.pg_sleep(0.01)), {})

        for number in range(60):
            task = asyncio.create_task(look())
            await asyncio.sleep(number % 15 / 1000)
            task.cancel()
            await asyncio.wait([task])

        # The pool holds 15: were one lost each time, none would be left.
        await asyncio.gather(*(look() for _ in range(15)))


async def _failure_of(asked: Any) -> Exception:
    try:
        await asked
    except Exception as error:
        return error
    raise AssertionError("It was not refused.")


class TestListeners:
    async def test_hear_of_each_statement(self, database: Database) -> None:
        engine = database.pools[0].sync_engine
        heard: list[str] = []
        begins, ends, fails = (
            lambda *_: heard.append("begins"),
            lambda *_: heard.append("ends"),
            lambda _: heard.append("fails"),
        )
        event.listen(engine, "before_cursor_execute", begins)
        event.listen(engine, "after_cursor_execute", ends)
        event.listen(engine, "handle_error", fails)

        async with database.read_session() as session:
            await rows(session, select(literal(1)), {})
            await _failure_of(rows(session, select(func.no_such_function()), {}))

        assert heard == ["begins", "ends", "begins", "fails"]

    async def test_refuse_a_change_in_a_read_session(self, database: Database) -> None:
        changed = select(Note.id).with_for_update()

        async with database.read_session() as session:
            with pytest.raises(RuntimeError, match="does not write"):
                await rows(session, changed, {})


class TestLook:
    async def test_is_no_transaction(self, database: Database) -> None:
        now = select(func.now())

        async with database.read_session() as session:
            [(first,)] = await rows(session, now, {})
            [(second,)] = await rows(session, now, {})

        assert first < second

    async def test_is_within_a_transaction_that_has_begun(
        self, database: Database
    ) -> None:
        async with database.unit_of_work() as unit:
            now = select(func.now())
            [(first,)] = await rows(unit.session, now, {})
            [(second,)] = await rows(unit.session, now, {})
            third = await unit.session.scalar(text("SELECT now()"))

            assert first == second == third
