import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from traceback import format_exception
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import BigInteger, Enum, Uuid, bindparam, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from app.platform.database import Database, DatabaseSettings
from app.platform.database.engine import create_pool, create_session_engine, rows
from app.platform.database.postgresql import (
    classify,
    listening,
    take_and_delete,
    take_and_update,
    try_lock,
    upsert,
)
from app.platform.database.postgresql_text import insertion
from tests.fixtures.tls import HOST, TlsServer
from tests.platform.database.notes import Note, Notes, store

type Way = Callable[[DatabaseSettings], Awaitable[None]]


async def pool(settings: DatabaseSettings) -> None:
    engine = create_pool(settings, settings.url)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    await engine.dispose()


async def migrations(settings: DatabaseSettings) -> None:
    engine = create_session_engine(settings)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def listener(settings: DatabaseSettings) -> None:
    heard = asyncio.Event()
    async with listening(settings, "news", heard.set), asyncio.timeout(10):
        engine = create_session_engine(settings)
        async with engine.begin() as connection:
            await connection.execute(text("NOTIFY news"))
        await heard.wait()


async def ask_for_tls(reader: StreamReader, writer: StreamWriter) -> None:
    """Agree to what a client of PostgreSQL asks in clear text."""
    await reader.readexactly(8)
    writer.write(b"S")
    await writer.drain()


def elsewhere(
    settings: DatabaseSettings, port: int, ssl: str = "verify-full"
) -> DatabaseSettings:
    url = make_url(settings.url.get_secret_value())
    there = url.set(host=HOST, port=port, password="hush", query={"ssl": ssl})
    text = SecretStr(there.render_as_string(hide_password=False))
    return settings.model_copy(update={"url": text})


@pytest.mark.parametrize("way", [pool, migrations, listener])
class TestConnector:
    async def test_tells_an_impostor_nothing(
        self, database_settings: DatabaseSettings, impostor: TlsServer, way: Way
    ) -> None:
        async with impostor.serve(ask_for_tls) as port:
            with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
                await way(elsewhere(database_settings, port))

        assert not impostor.heard

    async def test_works_with_a_server_that_proves_itself(
        self, database_settings: DatabaseSettings, proven: TlsServer, way: Way
    ) -> None:
        async with self._encrypted(database_settings, proven) as port:
            await way(elsewhere(database_settings, port))

        assert b"user" in proven.heard

    async def test_hears_no_variable_of_libpq(
        self,
        database_settings: DatabaseSettings,
        monkeypatch: pytest.MonkeyPatch,
        way: Way,
    ) -> None:
        for name in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE", "PASSFILE"):
            monkeypatch.setenv(f"PG{name}", "nonsense")
        for name in ("SSLMODE", "SSLNEGOTIATION", "TARGETSESSIONATTRS", "GSSLIB"):
            monkeypatch.setenv(f"PG{name}", "nonsense")

        await way(database_settings)

    @staticmethod
    def _encrypted(
        settings: DatabaseSettings, server: TlsServer
    ) -> AbstractAsyncContextManager[int]:
        url = make_url(settings.url.get_secret_value())
        return server.serve(ask_for_tls, behind=(str(url.host), url.port or 5432))


VALUE = "ada@example.com"
# What is wrong, a statement, and the type of its value.
STATUS = Enum("a", native_enum=False, name="e", validate_strings=True)
INSERT = "INSERT INTO test_notes (id, text, version) SELECT gen_random_uuid(), "
# What is wrong, a statement, and the type of its value.
WRONG: list[tuple[str, str, Any]] = [
    (
        "ix_test_notes_text",
        f"{INSERT} 'x' || :value, 1 FROM generate_series(1, 2)",
        None,
    ),
    ("null value in column", f"{INSERT} :value, NULL", None),
    ("invalid input syntax for type uuid", "SELECT CAST(text(:value) AS uuid)", None),
    ("invalid input syntax for type json", "SELECT CAST(text(:value) AS json)", None),
    ("time zone", "SELECT now() AT TIME ZONE text(:value)", None),
    ("invalid input for query argument", "SELECT :value", BigInteger),
    ("invalid input for query argument", "SELECT :value", Uuid),
    ("LookupError", "SELECT :value", STATUS),
    ("AttributeError", "SELECT :value", Uuid(native_uuid=False)),
]


class TestReplacing:
    async def test_closed_connections_are_met_by_nobody(
        self, database: Database, database_settings: DatabaseSettings
    ) -> None:
        """As after a failover, or a server's own limit for idle sessions."""
        gone = asyncio.Event()
        async with database.read_session() as session:
            raw = await (await session.connection()).get_raw_connection()
            driver: Any = raw.driver_connection
            driver.add_termination_listener(lambda _: gone.set())
        admin, pid = create_session_engine(database_settings), driver.get_server_pid()
        async with admin.connect() as connection, asyncio.timeout(10):
            await connection.execute(text(f"SELECT pg_terminate_backend({pid})"))
            await gone.wait()

        async with database.read_session() as session:
            [(looked,)] = await rows(session, select(func.pg_backend_pid()), {})
        async with database.unit_of_work() as unit:
            changed = await unit.session.scalar(select(func.pg_backend_pid()))

        assert looked == changed != pid


class TestHideValues:
    @pytest.mark.parametrize(("what", "statement", "kind"), WRONG)
    async def test_keeps_a_customers_value_out_of_every_error(
        self, database: Database, what: str, statement: str, kind: Any
    ) -> None:
        query = text(statement).bindparams(bindparam("value", type_=kind))

        with pytest.raises(Exception, match=what) as raised:
            async with database.unit_of_work() as unit:
                await unit.session.execute(query, {"value": VALUE})

        whole = "".join(format_exception(raised.value))
        assert VALUE not in whole
        assert "DETAIL" not in whole


class TestTryLock:
    async def test_says_at_once_that_another_has_it(self, database: Database) -> None:
        async with database.unit_of_work() as first, database.unit_of_work() as second:
            assert await first.session.scalar(select(try_lock("a")))
            assert not await second.session.scalar(select(try_lock("a")))
            assert await second.session.scalar(select(try_lock("b")))

    async def test_ends_with_the_transaction(self, database: Database) -> None:
        async with database.unit_of_work() as first:
            assert await first.session.scalar(select(try_lock("a")))

        async with database.unit_of_work() as second:
            assert await second.session.scalar(select(try_lock("a")))


def _row(words: str) -> dict[str, Any]:
    return {"id": uuid7(), "text": words, "version": 1}


class TestInsertion:
    async def test_tells_which_were_new(self, database: Database) -> None:
        first, second, third = (_row(text) for text in "abc")

        async with database.unit_of_work() as unit:
            for given, added in (
                ([first], [first]),
                ([first], []),
                ([first, second, third], [second, third]),
            ):
                new = insertion(Note, given, ignore=True)
                keys = {key for (key,) in await rows(unit.session, *new)}
                assert keys == {row["id"] for row in added}


class TestUpsert:
    async def test_changes_what_it_names_of_the_row_that_is_there(
        self, database: Database
    ) -> None:
        row = _row("a")
        async with database.unit_of_work() as unit:
            new = row | {"text": "b", "version": 7}
            for each in (row, new):
                stored = upsert(Note, each, change=["text"])
                assert (await unit.session.execute(stored)).all()

            note = await Notes(unit.session).get(row["id"])
            assert (note.text, note.version) == ("b", 1)

    async def test_stores_nothing_where_the_row_does_not_answer(
        self, database: Database
    ) -> None:
        row = _row("a")
        async with database.unit_of_work() as unit:
            await unit.session.execute(upsert(Note, row, change=["text"]))
            new = row | {"text": "b"}

            other = upsert(Note, new, change=["text"], when=Note.text == "c")
            assert not (await unit.session.execute(other)).all()


class TestTake:
    """What is due is taken by one of those who ask."""

    async def test_leaves_out_what_another_holds(self, database: Database) -> None:
        await store(database, "a", "b", "c")
        due, one = select(Note).order_by(Note.id), select(Note).limit(1)

        async with database.unit_of_work() as first, database.unit_of_work() as second:
            held = await take_and_update(
                first.session, one.order_by(Note.id), {"text": "d"}, Note.text
            )
            taken = await take_and_delete(second.session, due, Note.text)

        assert [row.text for row in held] == ["d"]
        assert sorted(row.text for row in taken) == ["b", "c"]


class TestClassify:
    @pytest.mark.parametrize(
        ("statement", "failure"),
        [
            ("SELECT 1 LIMIT -1", "value"),
            ("DO $$ BEGIN RAISE deadlock_detected; END $$", "passing"),
            ("DO $$ BEGIN RAISE lock_not_available; END $$", "locked"),
            ("SELECT 1 / 0", None),
        ],
    )
    async def test_tells_what_it_means(
        self, database: Database, statement: str, failure: str | None
    ) -> None:
        with pytest.raises(DBAPIError) as raised:
            async with database.unit_of_work() as unit:
                await unit.session.execute(text(statement))

        assert classify(raised.value) == failure
