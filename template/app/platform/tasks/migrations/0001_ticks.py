"""When each periodic task was last due.

Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.platform.database.postgresql import INSTANT

revision: str = "tasks_0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = ("tasks",)
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "ticks",
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("task", name="pk_ticks"),
    )


def downgrade() -> None:
    op.drop_table("ticks")
