"""A version that edits, adds, deletes and moves files, beside and across an owner."""

from pathlib import Path

from tests.edits import append, delete, move, replace, write
from tests.updates.owner import at_the_end, at_the_top
from tests.updates.projects import released
from tests.updates.test_hooks import MIGRATIONS, insert_settings

COMPUTED = "questions/computed.yml"
PACKAGE = "template/app/platform/announcements"
MODELS = '''"""What is to be announced."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base


class Announcement(Base):
    __tablename__ = "announcements"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    text: Mapped[str]
'''
REVISION = '''"""Announcements."""

import sqlalchemy as sa
from alembic import op

revision: str = "platform_0002"
down_revision: str | None = "platform_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_announcements"),
    )


def downgrade() -> None:
    op.drop_table("announcements")
'''
SCRIPT = '''"""2.0.0: a runbook has a better name."""

from moves import move

move("docs/runbooks/migrations.md", "docs/runbooks/ddl.md")
'''


def release(template: Path, edited: list[str]) -> Path:
    """Release 2.0.0: what an owner's work must get along with."""
    edit_modules(template, edited)
    return released(
        template,
        "v2.0.0",
        replace("template/Makefile", "# `make` alone lists", "# Ours: `make` lists"),
        replace("template/README.md.jinja", "You need git", "Ours. You need git"),
        replace("template/app/settings.py.jinja", "Everything the", "Ours: what the"),
        replace("template/.env.example.jinja", "# Copy to", "# Ours. Copy to"),
        replace(COMPUTED, "      - httpx>=", "      - idna>=3.10\n      - httpx>="),
        replace(
            COMPUTED,
            '+ ["platform.idempotency"]',
            '+ ["platform.announcements", "platform.idempotency"]',
        ),
        write(f"{PACKAGE}/__init__.py", '"""What is to be announced."""\n'),
        write(f"{PACKAGE}/models.py", MODELS),
        write("template/app/platform/migrations/0002_announcements.py", REVISION),
        append("template/docs/runbooks/outbox.md", "\nOurs.\n"),
        delete("template/docs/howto/orders_own_service.md"),
        delete("template/docs/howto/database.md"),
        append("questions/ownership.yml", "  - /docs/howto/database.md\n"),
        move("template/docs/runbooks/migrations.md", "template/docs/runbooks/ddl.md"),
        write("hooks/migrations/v2_0_0.py", SCRIPT),
        insert_settings(MIGRATIONS),
    )


def edit_modules(template: Path, edited: list[str]) -> None:
    """Edit every second of the owner's files, at its other end."""
    for number, name in list(enumerate(edited))[::2]:
        file = template / "template" / name
        edit = at_the_top if number % 3 == 2 else at_the_end
        file.write_text(edit(file.read_text(), f"ours_{number:02}"))
