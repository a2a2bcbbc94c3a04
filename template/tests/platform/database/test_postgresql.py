from traceback import format_exception
from typing import Any

import pytest
from sqlalchemy import BigInteger, Enum, Uuid, bindparam, text

from app.platform.database import Database
from app.platform.database.postgresql import try_lock

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
            assert await try_lock(first.session, "a")
            assert not await try_lock(second.session, "a")
            assert await try_lock(second.session, "b")

    async def test_ends_with_the_transaction(self, database: Database) -> None:
        async with database.unit_of_work() as first:
            assert await try_lock(first.session, "a")

        async with database.unit_of_work() as second:
            assert await try_lock(second.session, "a")
