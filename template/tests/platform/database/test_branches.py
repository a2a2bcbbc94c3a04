"""Branches of migrations that leave and return, on a database that lives through it."""

import asyncio
from random import Random

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app.platform.database.branches import SchemaBehind, SchemaUnfit, heads, lineage
from tests.platform.database.code import Code


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

    def test_is_no_reason_not_to_be_ready(self, code: Code) -> None:
        code.write("loans", 1)
        code.migrate()

        asyncio.run(code.check())
        del code.branches["loans"]
        code.migrate()

        asyncio.run(code.check())


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


class TestADatabaseThatIsAhead:
    """A newer version has migrated it: the rollback of a deploy finds it so."""

    def test_stops_neither_migrate_nor_readiness(self, code: Code) -> None:
        code.write("loans", 1)
        code.write("loans", 2)
        code.migrate()
        before = code.applied()
        code.lose("loans", 2)

        assert code.migrate() == ["migrations.ahead loans"]
        assert code.applied() == before
        asyncio.run(code.check())

    def test_still_takes_the_other_branches_on(self, code: Code) -> None:
        code.write("books", 1)
        code.write("loans", 1, depends="books_1")
        code.write("loans", 2)
        code.migrate()
        code.lose("loans", 2)

        code.write("books", 2)
        code.write("fines", 1, depends="loans_1")
        code.migrate()

        assert {"loans_2", "fines_1", "books_2"} <= code.applied()
        asyncio.run(code.check())

    @pytest.mark.parametrize("order", ["old first", "new first"])
    def test_suits_both_versions_in_turn(self, code: Code, order: str) -> None:
        code.write("books", 1)
        code.write("loans", 1)
        code.migrate()
        code.write("books", 2)
        code.write("loans", 2, depends="books_2")
        if order == "new first":
            code.migrate()
        code.lose("loans", 2)
        code.lose("books", 2)
        code.migrate()
        asyncio.run(code.check())

        code.write("books", 2)
        code.write("loans", 2, depends="books_2")

        assert code.migrate() == []
        assert {"books_2", "loans_2"} <= code.tables()
        assert "loans_2" in code.applied()
        asyncio.run(code.check())

    def test_survives_an_older_migrate_that_was_killed(self, code: Code) -> None:
        code.write("loans", 1)
        code.write("loans", 2)
        code.migrate()
        before = code.applied()
        # What is committed between setting aside and the end.
        code.execute("UPDATE alembic_branches SET set_aside = true")
        code.execute(
            "UPDATE alembic_version SET version_num = 'loans_1'"
            " WHERE version_num = 'loans_2'"
        )

        assert code.migrate() == []
        assert code.applied() == before

    def test_may_be_stepped_down_only_by_who_knows_it(self, code: Code) -> None:
        code.write("loans", 1)
        code.write("loans", 2)
        code.migrate()
        code.lose("loans", 2)

        with pytest.raises(CommandError, match="ahead of loans_1"):
            command.downgrade(code.config(), "loans@base")

        assert {"loans_1", "loans_2"} <= code.tables()
        assert "loans_2" in code.applied()

    def test_is_refused_by_code_that_cannot_work_with_it(self, code: Code) -> None:
        code.write("loans", 1)
        code.write("loans", 2, compatible=False)
        code.write("loans", 3)
        code.migrate()
        asyncio.run(code.check())
        before = code.applied()
        code.lose("loans", 3)
        code.lose("loans", 2)

        with pytest.raises(CommandError, match="deploy the newer version"):
            code.migrate()
        with pytest.raises(SchemaUnfit, match="deploy the newer version"):
            asyncio.run(code.check())

        assert code.applied() == before

    def test_is_no_excuse_for_what_it_lacks(self, code: Code) -> None:
        code.write("loans", 1)
        code.write("loans", 2)
        code.migrate()
        theirs = code.directory / "loans" / "2.py"
        theirs.write_text(theirs.read_text().replace("loans_2", "loans_other"))

        with pytest.raises(CommandError, match="code that has both"):
            code.migrate()
        with pytest.raises(SchemaUnfit, match="code that has both"):
            asyncio.run(code.check())


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
    def test_is_remembered_up_to_where_it_came(self, code: Code) -> None:
        code.write("loans", 1)
        code.write("zebras", 1, depends="loans_1")
        broken = code.directory / "zebras" / "1.py"
        broken.write_text(broken.read_text().replace("CREATE TABLE", "MAKE TABLE"))
        with pytest.raises(Exception, match="MAKE"):
            code.migrate()

        code.branches.clear()

        assert code.migrate() == ["migrations.branch_set_aside loans"]

    def test_leaves_readiness_waiting(self, code: Code) -> None:
        command.downgrade(code.config(), "platform@base")

        with pytest.raises(SchemaBehind, match="platform_"):
            asyncio.run(code.check())
