"""Outbox, inbox and quarantine.

Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.platform.database.postgresql import (
    INSTANT,
    Json,
    vacuum_often,
    wake_no_more,
    wake_on_insert,
)

revision: str = "outbox_0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = ("outbox",)
depends_on: Sequence[str] | None = None

NOW = sa.func.now()


def upgrade() -> None:
    _create_outbox()
    _create_inbox()
    _create_quarantine()
    wake_on_insert(op.execute, "outbox")
    # Every message leaves several dead rows behind: vacuum by their number, and not by
    # their share of a table that may have been large for a while.
    vacuum_often(op.execute, "outbox", rows=5000)
    vacuum_often(op.execute, "inbox", share=0.02)


def downgrade() -> None:
    op.drop_table("quarantine")
    op.drop_table("inbox")
    op.drop_table("outbox")
    wake_no_more(op.execute, "outbox")


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("payload", Json(), nullable=False),
        sa.Column("context", Json(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("crashes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("first_attempt_at", INSTANT, nullable=True),
        sa.Column("due_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("handled_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
    )
    op.create_index("ix_inbox_handled_at", "inbox", ["handled_at"])


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("payload", Json(), nullable=False),
        sa.Column("context", Json(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("quarantined_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
