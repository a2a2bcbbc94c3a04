"""Outbox, inbox and quarantine.

Revises:
"""

from collections.abc import Sequence
from typing import Any

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
    _notify_of_next()
    # Every message leaves several dead rows behind: vacuum by their number, and not by
    # their share of a table that may have been large for a while.
    vacuum_often(op.execute, "outbox", rows=5000)
    vacuum_often(op.execute, "inbox", share=0.02)


def downgrade() -> None:
    op.drop_table("quarantine")
    op.drop_table("inbox")
    op.drop_table("outbox")
    wake_no_more(op.execute, "outbox")
    op.execute("DROP FUNCTION notify_outbox_of_next()")


def _message() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("destination", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=True),
        sa.Column("payload", Json(), nullable=False),
        sa.Column("headers", Json(), nullable=False),
    ]


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        *_message(),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True)),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("crashes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("first_attempt_at", INSTANT, nullable=True),
        sa.Column("due_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_destination_due_at", "outbox", ["destination", "due_at"])
    op.create_index(
        "ix_outbox_key",
        "outbox",
        ["destination", "key", "position"],
        postgresql_where=sa.column("key").is_not(None),
    )


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("handled_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
    )
    op.create_index("ix_inbox_handled_at", "inbox", ["handled_at"])


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        *_message(),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("quarantined_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )


def _notify_of_next() -> None:
    # When the first message of a key is gone, by whatever hand, the next falls due.
    op.execute("""
        CREATE FUNCTION notify_outbox_of_next() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
            UPDATE outbox SET due_at = now() WHERE NOT sent AND position > OLD.position
            AND id = (
                SELECT id FROM outbox
                WHERE destination = OLD.destination AND key = OLD.key
                ORDER BY position LIMIT 1
            );
            PERFORM pg_notify('outbox', '');
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER notify_outbox_of_next AFTER DELETE ON outbox
        FOR EACH ROW WHEN (OLD.key IS NOT NULL)
        EXECUTE FUNCTION notify_outbox_of_next()
    """)
