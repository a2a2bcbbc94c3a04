"""The ports, as dependencies of a request."""

from collections.abc import AsyncIterator, Callable
from inspect import signature
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.cache import Cache
from app.platform.database import UnitOfWork
from app.platform.http import HttpClient


async def _unit_of_work(request: Request) -> AsyncIterator[UnitOfWork]:
    async with request.state.platform.database.unit_of_work() as unit:
        yield unit


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.state.platform.database.read_session() as session:
        yield session


async def _cache(request: Request) -> Cache:
    cache: Cache = request.state.platform.cache
    return cache


async def _http(request: Request) -> HttpClient:
    http: HttpClient = request.state.platform.http
    return http


def made(kind: Callable[..., object]) -> Any:
    """
    Depend on an object of a class, made from the parameters of its constructor.

    `Depends(kind)` would call the class on another thread, as FastAPI does with all
    that is not a coroutine: that costs more than most requests take.
    """

    async def make(**values: Any) -> object:
        return kind(**values)

    make.__signature__ = signature(kind)  # type: ignore[attr-defined]
    return Depends(make)


# By default a dependency is closed after the response has gone out. The scope makes
# the commit come first: a client is never told of what was then rolled back.
UnitOfWorkDep = Annotated[UnitOfWork, Depends(_unit_of_work, scope="function")]
ReadSessionDep = Annotated[AsyncSession, Depends(_read_session, scope="function")]
CacheDep = Annotated[Cache, Depends(_cache)]
HttpDep = Annotated[HttpClient, Depends(_http)]
