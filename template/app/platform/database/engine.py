"""The connection pool, from the first connection to the last."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.platform.database.postgresql import connector, hide_values, role_timeouts
from app.platform.database.settings import DatabaseSettings, described

NO_MORE: Mapping[str, str] = MappingProxyType({})


def create_pool(
    settings: DatabaseSettings, url: str, server_settings: Mapping[str, str] = NO_MORE
) -> AsyncEngine:
    """
    Bound everything: connections, the wait for one, and each statement.

    No ping before use: it would double the round trips of a read. A connection that
    turns out dead empties the pool instead, and the request is told to come back.
    """
    limits = _limits(settings)
    limits["server_settings"] = {**role_timeouts(settings), **server_settings}
    engine = create_async_engine(
        described(url),
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.checkout_timeout_seconds,
        pool_recycle=settings.recycle_after_seconds,
        pool_use_lifo=True,
        # Values do not belong into logs.
        hide_parameters=True,
        connect_args={
            "async_creator_fn": connector(settings, url, limits=limits),
            "prepared_statement_cache_size": settings.prepared_statements,
        },
    )
    hide_values(engine)
    return engine


def create_session_engine(settings: DatabaseSettings) -> AsyncEngine:
    """One connection past any pooler, without time limits: for migrations."""
    engine = create_async_engine(
        described(settings.session_url),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"async_creator_fn": connector(settings, settings.session_url)},
    )
    hide_values(engine)
    return engine


def _limits(settings: DatabaseSettings) -> dict[str, Any]:
    return {
        "command_timeout": settings.command_timeout_seconds,
        "statement_cache_size": settings.prepared_statements,
    }
