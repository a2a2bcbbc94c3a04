"""A service with one effect, over the database of a test."""

from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from app.platform import idempotency, web
from app.platform.database import Database
from app.platform.idempotency import IdempotencySettings
from app.platform.observability import logging
from app.platform.observability.logging import LoggingSettings
from app.platform.web import WebSettings
from tests.platform.idempotency.effects import Effects
from tests.platform.idempotency.service import router


@pytest.fixture
async def effects(database: Database) -> AsyncIterator[Effects]:
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("CREATE TABLE effects (id text, name text)"))
    logging.install(LoggingSettings(), service="test", environment="test")
    app = FastAPI()
    web.install(app, WebSettings())
    idempotency.install(app, IdempotencySettings())
    app.include_router(router)

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        state = {"platform": SimpleNamespace(database=database)}
        await app({**scope, "state": state}, receive, send)

    transport = httpx.ASGITransport(with_state)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Effects(client, database)
