import pytest
from sqlalchemy import String, Text, text

from app import tables
from app.platform.database import Database, DatabaseSettings
from app.platform.database.branches import SchemaBehind, SchemaCheck
from app.platform.database.model import defined_in
from tests.fixtures.database import Stage


class TestSchemaCheck:
    async def test_refuses_a_database_that_was_never_migrated(
        self, empty_database: DatabaseSettings
    ) -> None:
        async with Database.open(empty_database, stage=Stage()) as database:
            with pytest.raises(SchemaBehind, match="platform_"):
                await SchemaCheck(database)()

    async def test_refuses_a_branch_that_is_missing(self, database: Database) -> None:
        await _change(
            database, "DELETE FROM alembic_branches WHERE branch = 'platform'"
        )

        with pytest.raises(SchemaBehind, match="platform_"):
            await SchemaCheck(database)()

    async def test_accepts_a_database_that_is_ahead(self, database: Database) -> None:
        await _change(
            database,
            "UPDATE alembic_branches SET version_num = 'newer',"
            " applied = applied || '\"newer\"' WHERE branch = 'platform'",
        )

        await SchemaCheck(database)()

    async def test_accepts_the_version_of_the_code(self, database: Database) -> None:
        check = SchemaCheck(database)

        await check()
        await check()


async def _change(database: Database, statement: str) -> None:
    async with database.unit_of_work() as unit:
        await unit.session.execute(text(statement))


class TestPlatform:
    def test_says_of_each_text_how_long_it_may_be(self) -> None:
        """What has a length can be a key, and be indexed, in any database."""
        own = (
            table
            for table in tables.metadata.sorted_tables
            if defined_in(table).startswith("app.platform.")
        )
        for column in (column for table in own for column in table.columns):
            kind = column.type

            assert (
                not isinstance(kind, String) or isinstance(kind, Text) or kind.length
            ), f"Give {column} a length, or make it a Text."
