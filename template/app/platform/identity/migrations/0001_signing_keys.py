"""The keys that sign, and the log-ins.

Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.platform.database.postgresql import INSTANT

revision: str = "identity_0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = ("identity",)
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("active_at", INSTANT, nullable=False),
        sa.Column("retires_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    op.create_table(
        "token_families",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("principal_id", sa.String(255), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_token_families"),
    )
    for column in ("principal_id", "expires_at"):
        op.create_index(f"ix_token_families_{column}", "token_families", [column])


def downgrade() -> None:
    for table in ("token_families", "signing_keys"):
        op.drop_table(table)
