import pytest
from opentelemetry.trace import StatusCode
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app.platform.database import Database
from app.platform.database.telemetry import summary
from tests.fixtures.metrics import Seen
from tests.platform.database.notes import Note, Notebook


class TestStatement:
    async def test_is_named_by_its_table_and_holds_no_value(
        self, seen: Seen, traced: str, database: Database
    ) -> None:
        seen.watch(database)

        async with database.unit_of_work() as unit:
            unit.session.add(Notebook(title="hunter2"))
            await unit.session.flush()
            query = select(Notebook).where(Notebook.title == "hunter2")
            await unit.session.scalars(query)
            await unit.session.execute(text("SELECT 'hunter2'"))

        assert seen.names() == [
            "INSERT test_notebooks",
            "SELECT test_notebooks",
            "SELECT",
        ]
        assert seen.attributes("SELECT test_notebooks") == {
            "db.system.name": "postgresql",
            "db.operation.name": "SELECT",
            "db.collection.name": "test_notebooks",
            "server.address": "127.0.0.1",
        }
        assert "hunter2" not in seen.text()

    async def test_that_is_refused_tells_why_in_a_word(
        self, seen: Seen, traced: str, database: Database
    ) -> None:
        seen.watch(database)

        with pytest.raises(IntegrityError):
            async with database.unit_of_work() as unit:
                unit.session.add_all([Note(text="hunter2"), Note(text="hunter2")])

        [span] = seen.spans()
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes is not None
        assert span.attributes["error.type"] == "UniqueViolationError"
        assert "hunter2" not in seen.text()

    async def test_costs_nothing_outside_a_trace(
        self, seen: Seen, database: Database
    ) -> None:
        seen.watch(database)

        await database.check()

        assert seen.spans() == []


class TestSummary:
    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("SELECT 1", ("SELECT", None)),
            ("select x from test_notes", ("SELECT", "test_notes")),
            ('INSERT INTO "test_notes" VALUES (1)', ("INSERT", "test_notes")),
            ("SELECT 'from secret'", ("SELECT", None)),
            ("DO $$ anything $$", ("OTHER", None)),
        ],
    )
    def test_knows_only_the_tables_of_the_service(
        self, statement: str, expected: tuple[str, str | None]
    ) -> None:
        assert summary(statement) == expected
