"""Branches of migrations that leave and return, on a database that lives through it."""

import asyncio
from pathlib import Path
from random import Random

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app.platform.database import Database, DatabaseSettings
from app.platform.database.branches import heads, lineage
from app.platform.database.schema import SchemaBehind, SchemaCheck
from tests.fixtures.database import Stage
from tests.platform.database.code import Code


@pytest.fixture
def code(tmp_path: Path, database_settings: DatabaseSettings) -> Code:
    return Code(tmp_path, database_settings)


class TestABranchThatLeaves:
    def test_does_not_stop_the_others(self, code: Code) -> None:
        code.write("loans", 1)
        code.migrate()

        del code.branches["loans"]
        code.write("fines", 1)
        logged = code.migrate()

        assert logged == ["migrations.branch_set_aside loans"]
        assert "fines_1" in code.applied()
        assert "loans_1" not in code.applied()
        assert "loans_1" in code.tables()

    def test_is_mentioned_once(self, code: Code) -> None:
        code.write("loans", 1)
        code.migrate()
        del code.branches["loans"]
        code.migrate()

        assert code.migrate() == []

    def test_leaves_what_it_depended_on_applied(self, code: Code) -> None:
        code.write("books", 1)
        code.write("loans", 1, depends="books_1")
        code.migrate()

        del code.branches["loans"]
        code.migrate()

        assert "books_1" in code.applied()

    def test_is_no_reason_not_to_be_ready(
        self, code: Code, database_settings: DatabaseSettings
    ) -> None:
        code.write("loans", 1)
        code.migrate()

        asyncio.run(_check(database_settings))
        del code.branches["loans"]
        code.migrate()

        asyncio.run(_check(database_settings))


class TestABranchThatReturns:
    def test_goes_on_from_where_it_was(self, code: Code) -> None:
        code.write("loans", 1)
        code.migrate()
        del code.branches["loans"]
        code.migrate()

        code.write("loans", 2)
        code.migrate()

        assert "loans_2" in code.applied()
        assert {"loans_1", "loans_2"} <= code.tables()

    def test_may_depend_on_one_that_moved_on(self, code: Code) -> None:
        code.write("books", 1)
        code.write("loans", 1, depends="books_1")
        code.migrate()
        del code.branches["loans"]
        code.write("books", 2)
        code.migrate()

        code.write("loans", 2, depends="books_2")
        code.migrate()

        assert {"books_2", "loans_2"} <= code.tables()
        assert "loans_2" in code.applied()


class TestABranchOfANewerVersion:
    def test_stops_an_older_one(
        self, code: Code, database_settings: DatabaseSettings
    ) -> None:
        code.write("loans", 1)
        code.write("loans", 2)
        code.migrate()
        (code.directory / "loans" / "2.py").unlink()

        with pytest.raises(CommandError, match="loans_2"):
            code.migrate()

        code.write("loans", 2)
        assert code.migrate() == []


class TestALife:
    @pytest.mark.parametrize("seed", range(3))
    def test_ends_at_one_head_for_each_branch(self, code: Code, seed: int) -> None:
        chance = Random(seed)
        latest = dict.fromkeys(("books", "loans", "fines", "rooms"), 0)

        for _ in range(6):
            here = chance.sample(sorted(latest), k=chance.randint(1, 4))
            code.branches = {branch: latest[branch] for branch in here}
            for branch in here:
                latest[branch] += 1
                code.write(branch, latest[branch])
            code.migrate()

            script = ScriptDirectory.from_config(code.config())
            ends = set(heads(script).values())
            # A revision that another depends on is applied with it, and not named.
            assert code.applied() <= ends <= lineage(script, code.applied())
        assert {f"{name}_{n}" for name, n in latest.items() if n} <= code.tables()


class TestAnInterruption:
    def test_is_remembered_up_to_where_it_came(
        self, code: Code, database_settings: DatabaseSettings
    ) -> None:
        code.write("loans", 1)
        code.write("zebras", 1, depends="loans_1")
        broken = code.directory / "zebras" / "1.py"
        broken.write_text(broken.read_text().replace("CREATE TABLE", "MAKE TABLE"))
        with pytest.raises(Exception, match="MAKE"):
            code.migrate()

        code.branches.clear()

        assert code.migrate() == ["migrations.branch_set_aside loans"]

    def test_leaves_readiness_waiting(
        self, code: Code, database_settings: DatabaseSettings
    ) -> None:
        command.downgrade(code.config(), "platform@base")

        with pytest.raises(SchemaBehind, match="platform_"):
            asyncio.run(_check(database_settings))


async def _check(settings: DatabaseSettings) -> None:
    async with Database.open(settings, stage=Stage()) as database:
        await SchemaCheck(database)()
