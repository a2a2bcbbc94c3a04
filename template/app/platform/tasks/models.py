"""When each periodic task was last due."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base


class LastTick(Base):
    """The memory of all clocks: it outlives each of them."""

    __tablename__ = "ticks"

    task: Mapped[str] = mapped_column(String(200), primary_key=True)
    due_at: Mapped[datetime]
