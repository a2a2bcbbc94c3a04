"""What every session promises: the deleted stay unseen, and readers do not write."""

import re
from functools import lru_cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from app.platform.database.model import Model

_NO_WRITES = "A read session does not write: use a unit of work."
# Whatever is not one of these is DML, DDL, or changes the connection for the next.
_READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"})
_SAID = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$((?:[A-Za-z_]\w*)?)\$.*?\$\1\$"
    r"|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"",
    re.DOTALL,
)
_WRITES_WITHIN = re.compile(
    r"\bINTO\b|\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b|\bFOR\s+(?:KEY\s+)?SHARE\b"
    r"|(?:[()]|\bEXPLAIN|\bANALYZE|\bVERBOSE)\s*"
    r"(?:DELETE\s+FROM|UPDATE\s+\w|CREATE\s|REFRESH\s|EXECUTE\s)",
    re.IGNORECASE,
)


class WritingSession(Session):
    """A session of a unit of work."""


class ReadingSession(Session):
    """A session that only looks."""


def writing_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return _sessions(engine, WritingSession)


def reading_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """One round trip for a read: no BEGIN before it and no ROLLBACK behind it."""
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(autocommit.sync_engine, "before_cursor_execute", _refuse_to_change)
    return _sessions(autocommit, ReadingSession)


@lru_cache(maxsize=2048)
def changes_something(statement: str) -> bool:
    """
    Tell whether a statement is more than a look, whoever wrote it.

    It may lock rows or hide a change in a WITH. What a function does is not seen.
    """
    words = _SAID.sub(" x ", statement)
    first = re.search(r"\w+", words)
    if first is None or first[0].upper() not in _READS:
        return True
    return _WRITES_WITHIN.search(words) is not None


def _sessions(
    engine: AsyncEngine, kind: type[Session]
) -> async_sessionmaker[AsyncSession]:
    # An expired attribute would load lazily, which asyncio cannot do.
    return async_sessionmaker(engine, sync_session_class=kind, expire_on_commit=False)


def _hide_deleted(state: ORMExecuteState) -> None:
    """Deleted rows are invisible unless asked for: `include_deleted=True`."""
    looks = state.is_select and not state.is_column_load
    changes = state.is_update or state.is_delete
    if state.execution_options.get("include_deleted") or not (looks or changes):
        return
    state.statement = state.statement.options(_LIVING)


def _refuse_to_flush(*_: Any) -> None:
    raise RuntimeError(_NO_WRITES)


def _refuse_to_change(_: Any, __: Any, statement: str, *___: Any) -> None:
    if changes_something(statement):
        raise RuntimeError(_NO_WRITES)


_LIVING = with_loader_criteria(
    Model, lambda model: model.deleted_at.is_(None), include_aliases=True
)
event.listen(WritingSession, "do_orm_execute", _hide_deleted)
event.listen(ReadingSession, "do_orm_execute", _hide_deleted)
event.listen(ReadingSession, "before_flush", _refuse_to_flush)
