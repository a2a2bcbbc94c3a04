"""Accounts and security events.

Revises:
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "accounts_0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = ("accounts",)
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)
UNIQUE: Any = {"unique": True, "postgresql_where": sa.text("deleted_at IS NULL")}


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.String(length=1000), nullable=False),
        sa.Column("verified_at", INSTANT, nullable=True),
        *_common(),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_index("ix_accounts_email", "accounts", ["email"], **UNIQUE)
    op.create_table(
        "audit_events",
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        *_common(),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
    )
    for column in ("account_id", "created_at"):
        op.create_index(f"ix_audit_events_{column}", "audit_events", [column])


def downgrade() -> None:
    for table in ("audit_events", "accounts"):
        op.drop_table(table)


def _common() -> list[sa.Column[Any]]:
    now = sa.text("now()")
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=now, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=now, nullable=False),
        sa.Column("deleted_at", INSTANT, nullable=True),
    ]
