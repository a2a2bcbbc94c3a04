"""The connection pool, from the first connection to the last."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.platform.database.postgresql import code_of, connector, role_timeouts
from app.platform.database.settings import DatabaseSettings, described


def create_pool(
    settings: DatabaseSettings, url: str, **server_settings: str
) -> AsyncEngine:
    """
    Bound everything: connections, the wait for one, and each statement.

    No ping before use: it would double the round trips of a read. A connection that
    turns out dead empties the pool instead, and the request is told to come back.
    """
    limits = {
        "command_timeout": settings.command_timeout_seconds,
        "statement_cache_size": settings.prepared_statements,
        "server_settings": role_timeouts(settings) | server_settings,
    }
    return _create(
        settings,
        url,
        limits,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.checkout_timeout_seconds,
        pool_recycle=settings.recycle_after_seconds,
        pool_use_lifo=True,
    )


def create_session_engine(settings: DatabaseSettings) -> AsyncEngine:
    """One connection past any pooler, without time limits: for migrations."""
    return _create(settings, settings.session_url, {}, poolclass=NullPool)


def _create(
    settings: DatabaseSettings, url: str, limits: dict[str, Any], **options: Any
) -> AsyncEngine:
    engine = create_async_engine(
        described(url),
        # Values do not belong into logs.
        hide_parameters=True,
        connect_args={
            "async_creator_fn": connector(settings, url, limits=limits),
            "prepared_statement_cache_size": settings.prepared_statements,
        },
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", _hide_values)
    return engine


def _hide_values(failure: ExceptionContext) -> None:
    """
    Take out of every error what may be a customer's value, before anybody logs it.

    What remains: the kind of the error, the constraint, the column, the SQL.
    """
    original = failure.original_exception
    encoded = not isinstance(original, _NOT_ENCODED)
    about_a_value = not encoded or code_of(original).startswith(_DATA)
    for error in (failure.sqlalchemy_exception, *_causes(original)):
        if error is not None:
            _shorten(error, about_a_value=about_a_value)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _shorten(error: Any, *, about_a_value: bool) -> None:
    if hasattr(error, "sqlstate"):
        error.detail = None
    said = error.args[0] if error.args else None
    if isinstance(error, LookupError):
        # It may be the value itself, without quotes.
        said = repr(said)
    if isinstance(said, str):
        said, _, _ = said.partition("\nDETAIL:")
        error.args = (_without_value(said) if about_a_value else said,)


def _without_value(message: str) -> str:
    """Cut where the server and the driver begin to quote."""
    head, colon, _ = message.partition(": ")
    return _QUOTED.sub("'...'", head + colon).rstrip(": ")


# The class of errors about values, in every database of the SQL standard.
_DATA = "22"
# What the driver or a type of SQLAlchemy raises.
_NOT_ENCODED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
