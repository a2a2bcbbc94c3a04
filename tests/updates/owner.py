"""An owner who has changed more than sixty files of a service, by a script."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.edits import append, delete, move, replace, write

EDITED_MODULES = 48
MODULE = "app/modules/notes"
WISHES = "app/modules/orders/migrations/wishes.py"
DELETED = ("docs/runbooks/outbox.md", "docs/adapters/telemetry-opentelemetry.md")

MODELS = '''"""The tables of the notes module."""

from sqlalchemy.orm import Mapped

from app.platform.database import Model


class Note(Model):
    __tablename__ = "notes"

    text: Mapped[str]
'''
SETTINGS = '''"""What may be set for notes."""

from app.platform.configuration import Section


class NotesSettings(Section):
    """`NOTES__*` in the environment."""

    longest_characters: int = 1000
    """How much a note may hold."""
'''
CREATE_NOTES = '''"""Notes."""

import sqlalchemy as sa
from alembic import op

revision = "notes_0001"
down_revision = None
branch_labels = ("notes",)
depends_on = None

NOW = sa.text("now()")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("deleted_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )


def downgrade() -> None:
    op.drop_table("notes")
'''
EXTEND_ORDERS = '''"""What a customer asks for beside the goods."""

import sqlalchemy as sa
from alembic import op

revision = "orders_wishes"
down_revision = "orders_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("wishes", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "wishes")
'''
TESTS = """from app.modules.notes.models import Note


def test_a_note_has_its_text() -> None:
    assert Note(text="Mine.").text == "Mine."
"""


def work(service: Path) -> set[str]:
    """Do what owners do, and return every piece of it that must survive."""
    marks = {*edit_modules(service), *edit_seams(service), *edit_documents(service)}
    add_module(service)
    register_module(service)
    extend_orders(service)
    for name in DELETED:
        delete(name)(service)
    move("docs/howto/routes.md", "docs/howto/streams.md")(service)
    return marks


def edit_modules(service: Path) -> Iterator[str]:
    """Lines at the top, lines in the middle, and functions at the end."""
    for number, name in enumerate(modules(service)):
        mark = f"owner_{number:02}"
        text = (service / name).read_text()
        (service / name).write_text(EDITS[number % len(EDITS)](text, mark))
        yield mark


def modules(service: Path) -> list[str]:
    """The first Python files that are long enough to be edited in three places."""
    found = sorted(path for path in service.glob("app/platform/**/*.py"))
    long = [path for path in found if path.read_text().count("\n") > 20]
    names = [str(path.relative_to(service)) for path in long]
    return [name for name in names if "/migrations/" not in name][:EDITED_MODULES]


def at_the_top(text: str, mark: str) -> str:
    return f"# {mark}\n{text}"


def in_the_middle(text: str, mark: str) -> str:
    starts = [found.start() for found in re.finditer(r"(?m)^(class|def|async) ", text)]
    # Decorators belong to what follows them.
    plain = [start for start in starts if text[:start].endswith("\n\n\n")] or [0]
    middle = plain[len(plain) // 2]
    return f"{text[:middle]}# {mark}\n{text[middle:]}"


def at_the_end(text: str, mark: str) -> str:
    return f'{text}\n\ndef {mark}() -> str:\n    return "mine"\n'


EDITS = (at_the_top, in_the_middle, at_the_end)


def edit_seams(service: Path) -> Iterator[str]:
    """A dependency, a setting, a section of the settings, tables, lines of prose."""
    add_dependency = replace(
        "pyproject.toml",
        "]\n\n[dependency-groups]",
        '  "certifi>=2024.1",\n]\n\n[dependency-groups]',
    )
    add_dependency(service)
    append(".env.example", "\nNOTES__LONGEST_CHARACTERS=2000\n")(service)
    append(".gitignore", "notes/\n")(service)
    replace("Makefile", "# `make` alone lists", "# Mine: `make` alone lists")(service)
    append("Makefile", "\nnotes: ## Mine\n\t@echo notes\n")(service)
    append("README.md", "\n## Notes\n\nThis chapter is the owner's.\n")(service)
    yield from ("certifi>=2024.1", "notes: NotesSettings", "    notes,\n")
    yield from ("NOTES__LONGEST", "notes/\n", "\t@echo notes", "is the owner's.")


def edit_documents(service: Path) -> Iterator[str]:
    documents = ("runbooks/migrations", "howto/database", "runbooks/database")
    for name in (*documents, "decisions", "howto/containers"):
        append(f"docs/{name}.md", f"\nThe owner says of {name}: yes.\n")(service)
        yield f"The owner says of {name}"


def add_module(service: Path) -> None:
    write(f"{MODULE}/__init__.py", '"""Notes, which are the owner\'s."""\n')(service)
    write(f"{MODULE}/models.py", MODELS)(service)
    write(f"{MODULE}/settings.py", SETTINGS)(service)
    write(f"{MODULE}/migrations/0001_notes.py", CREATE_NOTES)(service)
    write("tests/modules/notes/__init__.py", "")(service)
    write("tests/modules/notes/test_models.py", TESTS)(service)


def register_module(service: Path) -> None:
    """Name the module in the seams, between the lines of the template."""
    before = "from app.modules.orders.settings"
    line = "from app.modules.notes.settings import NotesSettings\n"
    replace("app/settings.py", before, line + before)(service)
    append("app/settings.py", "    notes: NotesSettings = SECTION\n")(service)
    before = "from app.modules.orders import models as orders\n"
    line = "from app.modules.notes import models as notes\n"
    replace("app/tables.py", before, line + before)(service)
    replace("app/tables.py", "    orders,\n", "    notes,\n    orders,\n")(service)
    before = '  "%(here)s/app/modules/orders/migrations",\n'
    line = f'  "%(here)s/{MODULE}/migrations",\n'
    replace("pyproject.toml", before, line + before)(service)


def extend_orders(service: Path) -> None:
    """A column in a table of the template, with a revision of one's own."""
    column = "    wishes: Mapped[str | None] = mapped_column(default=None)\n\n"
    before = "    confirmation: Mapped"
    models = "app/modules/orders/models.py"
    replace(models, before, column + before)(service)
    write(WISHES, EXTEND_ORDERS)(service)
