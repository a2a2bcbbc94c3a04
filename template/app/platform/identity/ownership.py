"""The rows that are there for who asks: its own, and for admins everybody's."""

from sqlalchemy import BindParameter, bindparam, event
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from app.platform.database.database import LivingSession
from app.platform.database.model import Owned
from app.platform.observability import context

# The value is asked for when the statement is sent, so that it is built once for all.
_CALLER: BindParameter[str] = bindparam(
    "caller_id", callable_=lambda: context.caller().id
)
_OWN = with_loader_criteria(
    Owned, lambda model: model.owner_id == _CALLER, include_aliases=True
)


def _hide_others(state: ORMExecuteState) -> None:
    """Add to every query of rows with an owner whose they are."""
    if context.caller().sees_all or state.is_column_load:
        return
    if state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(_OWN)


def install() -> None:
    """Let it hold for every session of the process."""
    if not event.contains(LivingSession, "do_orm_execute", _hide_others):
        event.listen(LivingSession, "do_orm_execute", _hide_others)
