"""A client of what every route shares, beside what telemetry saw of its requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from app.platform import web
from app.platform.observability import logging
from app.platform.observability.logging import LoggingSettings
from app.platform.web import WebSettings
from app.platform.web.telemetry import OBSERVERS
from tests.fixtures.metrics import Seen
from tests.platform.web import live
from tests.platform.web.live import Served
from tests.platform.web.service import router

type Telling = tuple[Seen, httpx.AsyncClient]


@pytest.fixture
async def telling(seen: Seen) -> AsyncIterator[Telling]:
    """A service that has what every route shares, and tells of it."""
    app, state = _create_app(router), _state(seen)

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    transport = httpx.ASGITransport(with_state)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield seen, client


@pytest.fixture
async def talking(seen: Seen) -> AsyncIterator[Served]:
    """The same with WebSockets, on the server that is deployed."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        yield _state(seen)

    async with Served(_create_app(live.router, lifespan=lifespan)).running() as served:
        yield served


def _create_app(router: APIRouter, **options: Any) -> FastAPI:
    logging.install(LoggingSettings(), service="test", environment="test")
    app = FastAPI(**options)
    web.install(app, WebSettings(), OBSERVERS)
    app.include_router(router, prefix="/v1")
    return app


def _state(seen: Seen) -> dict[str, object]:
    return {
        "platform": SimpleNamespace(telemetry=seen.telemetry),
        "readiness": SimpleNamespace(stopping=False),
    }


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what a server does after its client has heard the last."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
