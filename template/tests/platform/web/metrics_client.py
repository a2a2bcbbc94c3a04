"""A client of what every route shares, beside what telemetry saw of its requests."""

from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.platform import web
from app.platform.observability import logging
from app.platform.observability.logging import LoggingSettings
from app.platform.web import WebSettings
from app.platform.web.telemetry import OBSERVERS
from tests.fixtures.metrics import Seen
from tests.platform.web.service import router

type Telling = tuple[Seen, httpx.AsyncClient]


@pytest.fixture
async def telling(seen: Seen) -> AsyncIterator[Telling]:
    """A service that has what every route shares, and tells of it."""
    logging.install(LoggingSettings(), service="test", environment="test")
    app = FastAPI()
    web.install(app, WebSettings(), OBSERVERS)
    app.include_router(router, prefix="/v1")
    platform = SimpleNamespace(telemetry=seen.telemetry)

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"platform": platform}}, receive, send)

    transport = httpx.ASGITransport(with_state)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield seen, client
