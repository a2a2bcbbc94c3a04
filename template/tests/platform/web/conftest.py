"""A service that has nothing but what every route shares."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.types import Receive, Scope, Send

from app.platform import web
from app.platform.observability import logging
from app.platform.observability.logging import LoggingSettings
from app.platform.web import WebSettings
from tests.platform.web.service import router

type Serve = Callable[..., AbstractAsyncContextManager[AsyncClient]]


def create_app(settings: WebSettings | None = None, *routers: APIRouter) -> FastAPI:
    logging.install(LoggingSettings(), service="test", environment="test")
    app = FastAPI(docs_url=None, redoc_url=None)
    web.install(app, settings or WebSettings())
    for each in routers or (router,):
        app.include_router(each, prefix="/v1")
    return app


# It keeps nothing of a request: most tests can share one.
shared_app = cache(create_app)


@asynccontextmanager
async def serving(
    app: FastAPI | None = None, **state: Any
) -> AsyncIterator[AsyncClient]:
    application = app or shared_app()

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "state": dict(state)}, receive, send)

    transport = ASGITransport(with_state)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
def serve() -> Serve:
    return serving


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    async with serving() as client:
        yield client
