"""The keys that sign.

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


def downgrade() -> None:
    op.drop_table("signing_keys")
