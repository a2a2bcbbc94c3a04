"""Subscriptions and deliveries.

Revises:
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "webhooks_0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = ("webhooks",)
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)
SUBSCRIPTIONS, DELIVERIES = "webhook_subscriptions", "webhook_deliveries"
INDEXES = (
    (SUBSCRIPTIONS, "owner_id", "id"),
    (DELIVERIES, "subscription_id", "id"),
    (DELIVERIES, "due_at"),
    (DELIVERIES, "created_at"),
)


def upgrade() -> None:
    op.create_table(
        SUBSCRIPTIONS,
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=True),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column("contact", sa.String(length=254), nullable=True),
        sa.Column("secret_number", sa.BigInteger(), nullable=False),
        sa.Column("previous_until", INSTANT, nullable=True),
        sa.Column("disabled_because", sa.String(length=16), nullable=True),
        sa.Column("failing_since", INSTANT, nullable=True),
        sa.Column("held_until", INSTANT, nullable=True),
        *_owned(),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_subscriptions"),
    )
    op.create_table(
        DELIVERIES,
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("attempts", postgresql.JSONB(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["webhook_subscriptions.id"],
            name="fk_webhook_deliveries_subscription_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    for table, *columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def downgrade() -> None:
    op.drop_table(DELIVERIES)
    op.drop_table(SUBSCRIPTIONS)


def _owned() -> list[sa.Column[Any]]:
    now = sa.text("now()")
    return [
        sa.Column("owner_id", sa.String(length=255), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=now, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=now, nullable=False),
        sa.Column("deleted_at", INSTANT, nullable=True),
    ]
