"""What is written and said when models have changed, typed in either way."""

from functools import partial
from pathlib import Path

import pytest

from app.platform.database import DatabaseSettings
from tests.platform.test_cli import add_revision, copy_service, operate

THINGS = Path("app", "modules", "things")
SEE = "See docs/howto/database.md"

MODEL = '''"""Things."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Model, unique_among_living, words_index


class Kind(StrEnum):
    a = "a"
    b = "b"


class Thing(Model):
    __tablename__ = "things"
    __table_args__ = (
        unique_among_living("number"),
        CheckConstraint("total >= 0", name="plausible"),
        CheckConstraint("total < 9", name="small"),
        Index("ix_things_lower", text("lower(number)")),
        words_index("ix_things_words", "number"),
    )

    number: Mapped[str] = mapped_column(String(32))
    total: Mapped[int]
    weight: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(8), server_default="open")
    kind: Mapped[Kind]


class Part(Model):
    __tablename__ = "parts"

    size: Mapped[int]
    colour: Mapped[str]


class Tool(Model):
    __tablename__ = "tools"
'''
BESIDE = ("from app.platform.database import Base", "MODELS = [")
CHANGES = {
    'unique_among_living("number")': 'Index(None, "number", unique=True)',
    "total >= 0": "total >= 1",
    'CheckConstraint("total < 9", name="small")': 'Index(None, "total")',
    "    state:": "    more: Mapped[int]\n    status:",
    '"tools"': '"machines"',
    "int | None": "int",
    '    b = "b"': '    b = "b"\n    c = "c"',
    "size: Mapped[int]": "size: Mapped[str]",
    "    colour: Mapped[str]\n": "",
    "lower(number)": "upper(number)",
    'server_default="open"': 'server_default="new"',
}
SAID = [
    "Another type for parts.size may rewrite the table while nobody can use it,"
    " and may need postgresql_using.",
    "Code that runs still reads parts.colour: drop it one release after the last code"
    " that does.",
    "The CHECK ck_things_plausible of things has changed: drop it and create it anew,"
    " by hand.",
    "The CHECK ck_things_small of things needs op.drop_constraint, by hand.",
    "The index ix_things_number of things has changed: drop it and create it anew,"
    " by hand.",
    "The type kind is to have the values a, b, c: write ALTER TYPE by hand.",
    "To rename things.state to more, status, write op.alter_column: values get lost.",
    "To rename tools to machines, write op.rename_table: rows get lost.",
    f"While ix_things_lower is built, nobody writes to things. {SEE}, Indexes.",
    f"While ix_things_total is built, nobody writes to things. {SEE}, Indexes.",
    "things.more is required and has no server_default: rows that are there refuse it."
    f" {SEE}, Columns.",
    f"things.weight becomes required: rows that lack it refuse that. {SEE}, Columns.",
]
CHECK = """

from sqlalchemy import CheckConstraint

IdempotencyKey.__table__.append_constraint(
    CheckConstraint("status > 99", name="plausible")
)
"""
alembic = partial(operate, program="alembic")
DOWNGRADE = "\n\ndef downgrade():\n    pass\n"


@pytest.fixture
def service(tmp_path: Path, database_settings: DatabaseSettings) -> Path:
    """A service with one more module, whose tables are there."""
    service = copy_service(tmp_path)
    module = service / THINGS
    module.mkdir(parents=True)
    (module / "__init__.py").touch()
    (module / "models.py").write_text(MODEL)
    tables, (imports, models) = service / "app/tables.py", BESIDE
    known = tables.read_text().replace(models, f"{models}\n    things,")
    also = f"from app.modules.things import models as things\n{imports}"
    tables.write_text(known.replace(imports, also))
    operate(service, database_settings, "migration", "things", "create things")
    operate(service, database_settings, "migrate")
    return service


def written(service: Path, name: str) -> str:
    [revision] = service.glob(f"{THINGS}/migrations/*_{name}.py")
    return revision.read_text()


@pytest.mark.timeout(300)
class TestMigration:
    def test_does_or_announces_each_change(
        self, service: Path, database_settings: DatabaseSettings
    ) -> None:
        models = service / THINGS / "models.py"
        text = models.read_text()
        for old, new in CHANGES.items():
            text = text.replace(old, new)
        models.write_text(text)

        said = operate(service, database_settings, "migration", "things", "change")

        lines = said.stdout.splitlines()
        assert sorted(line for line in lines if line[-2:] not in {"..", "ne"}) == SAID
        assert "upper(number)" in written(service, "change")
        assert 'server_default="new"' in written(service, "change")

    def test_says_that_all_is_left_to_you(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        models = service / "app/platform/idempotency/models.py"
        models.write_text(models.read_text() + CHECK)

        said = operate(service, database_settings, "migration", "platform", "bound it")

        assert said.stdout == (
            "The CHECK ck_idempotency_keys_plausible of idempotency_keys needs"
            " op.create_check_constraint, by hand.\n"
            "Nothing is left to generate: write a revision for it with empty=1.\n"
        )


@pytest.mark.timeout(300)
class TestTheCommandAlembic:
    """As it is typed in the service's folder, with the service's environment."""

    def test_goes_to_and_fro_and_says_where_it_is(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        add_revision(service, "op.execute('SELECT 1')", DOWNGRADE)

        alembic(service, database_settings, "upgrade", "heads")
        current = alembic(service, database_settings, "current").stdout
        history = alembic(service, database_settings, "history").stdout
        alembic(service, database_settings, "downgrade", "platform@-1")

        assert "platform_9999 (head)" in current
        assert "platform_0001 -> platform_9999 (platform) (head)" in history
        assert operate(service, database_settings, "migrate").stdout == (
            "Applied to platform: Count to one.\n"
        )

    def test_writes_for_one_branch_what_make_migration_writes(
        self, service: Path, database_settings: DatabaseSettings
    ) -> None:
        models = service / THINGS / "models.py"
        models.write_text(models.read_text().replace("int | None", "int"))
        project = service / "pyproject.toml"
        folder = '  "%(here)s/app/modules/things/migrations",\n]\n\n# Every new'
        project.write_text(project.read_text().replace("]\n\n# Every new", folder))
        words = ("revision", "--autogenerate", "-m", "require it")

        refused = alembic(service, database_settings, *words, code=255)
        done = alembic(service, database_settings, *words, "--head", "things@head")

        assert "make migration module=NAME" in refused.stdout + refused.stderr
        assert "things.weight becomes required" in done.stdout
        assert "nullable=False" in written(service, "require_it")
        assert "drop_table" not in written(service, "require_it")

    def test_says_in_one_line_what_failed(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        add_revision(service, "op.execute('SELECT nonsense')")

        failed = alembic(service, database_settings, "upgrade", "heads", code=255)

        said = 'platform_9999.py failed: column "nonsense" does not exist'
        assert (failed.stdout + failed.stderr).endswith(f"FAILED: {said}\n")
