"""Sessions.

Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.platform.database.postgresql import INSTANT, Json

revision: str = "sessions_0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = ("sessions",)
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    now = sa.func.now()
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("principal_id", sa.String(255), nullable=False),
        sa.Column("principal", Json(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, server_default=now, nullable=False),
        sa.Column("seen_at", INSTANT, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    for column in ("principal_id", "expires_at"):
        op.create_index(f"ix_sessions_{column}", "sessions", [column])


def downgrade() -> None:
    op.drop_table("sessions")
