"""The ports, as dependencies of a request."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.cache import Cache
from app.platform.database import UnitOfWork
from app.platform.http import HttpClient

# How long a client may take for a part of a response: then its rows are gone.
MAY_PAUSE = timedelta(seconds=30)


async def _unit_of_work(request: Request) -> AsyncIterator[UnitOfWork]:
    async with request.state.platform.database.unit_of_work() as unit:
        yield unit


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.state.platform.database.read_session() as session:
        yield session


async def _stream_session(request: Request) -> AsyncIterator[AsyncSession]:
    database = request.state.platform.database
    async with database.streaming(may_idle=MAY_PAUSE) as session:
        yield session


def _cache(request: Request) -> Cache:
    cache: Cache = request.state.platform.cache
    return cache


def _http(request: Request) -> HttpClient:
    http: HttpClient = request.state.platform.http
    return http


# By default a dependency is closed after the response has gone out. The scope makes
# the commit come first: a client is never told of what was then rolled back.
UnitOfWorkDep = Annotated[UnitOfWork, Depends(_unit_of_work, scope="function")]
ReadSessionDep = Annotated[AsyncSession, Depends(_read_session, scope="function")]
# It lasts as long as the body does, and ends when the client leaves.
StreamSessionDep = Annotated[AsyncSession, Depends(_stream_session, scope="request")]
CacheDep = Annotated[Cache, Depends(_cache)]
HttpDep = Annotated[HttpClient, Depends(_http)]
