"""What every session promises: the deleted stay unseen, and readers do not write."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from app.platform.database.model import Model


class WritingSession(Session):
    """A session of a unit of work."""


class ReadingSession(Session):
    """A session that only looks."""


def sessions(
    engine: AsyncEngine, kind: type[Session]
) -> async_sessionmaker[AsyncSession]:
    # An expired attribute would load lazily, which asyncio cannot do.
    return async_sessionmaker(engine, sync_session_class=kind, expire_on_commit=False)


def _hide_deleted(state: ORMExecuteState) -> None:
    """Deleted rows are invisible unless asked for: `include_deleted=True`."""
    if not state.is_select or state.execution_options.get("include_deleted"):
        return
    if not state.is_column_load:
        state.statement = state.statement.options(_LIVING)


def _refuse_to_write(*_: Any) -> None:
    raise RuntimeError("A read session does not write: use a unit of work.")


_LIVING = with_loader_criteria(
    Model, lambda model: model.deleted_at.is_(None), include_aliases=True
)
event.listen(WritingSession, "do_orm_execute", _hide_deleted)
event.listen(ReadingSession, "do_orm_execute", _hide_deleted)
event.listen(ReadingSession, "before_flush", _refuse_to_write)
