"""A service with one effect, and routes that promise to have it once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from app.platform import idempotency, web
from app.platform.database import Database
from app.platform.errors import Conflict
from app.platform.idempotency import (
    IdempotencySettings,
    idempotent,
    idempotent_when_asked,
)
from app.platform.observability import logging
from app.platform.observability.logging import LoggingSettings
from app.platform.web import WebSettings
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.routing import Router

router = Router()


class Effect(BaseModel):
    name: str
    seconds: float = 0


class NotToday(Conflict):
    """The effect is refused."""


@router.post("/effects", status_code=201, dependencies=[idempotent])
async def cause(
    effect: Effect, request: Request, response: Response, unit: UnitOfWorkDep
) -> dict[str, str]:
    key = str(uuid4())
    await unit.session.execute(
        text("INSERT INTO effects (id, name) VALUES (:id, :name)"),
        {"id": key, "name": effect.name},
    )
    await unit.session.execute(text(f"SELECT pg_sleep({effect.seconds})"))
    if request.headers.get("x-refuse"):
        raise NotToday("Not today.")
    response.headers["Location"] = f"/effects/{key}"
    response.headers["Set-Cookie"] = "seen=1"
    return {"id": key}


@router.post("/effects/optional", dependencies=[idempotent_when_asked])
async def cause_when_asked(
    effect: Effect, request: Request, response: Response, unit: UnitOfWorkDep
) -> dict[str, str]:
    return await cause(effect, request, response, unit)


@router.post("/effects/streamed", dependencies=[idempotent])
async def stream(unit: UnitOfWorkDep) -> StreamingResponse:
    await unit.session.execute(text("INSERT INTO effects (id, name) VALUES ('x', 'x')"))
    return StreamingResponse(iter([b"x"]))


@router.post("/effects/failed", dependencies=[idempotent])
async def answer_with_failure() -> Response:
    return Response(status_code=502)


@dataclass(frozen=True, slots=True)
class Effects:
    """The service's client, and the truth in the database."""

    client: httpx.AsyncClient
    database: Database

    async def cause(
        self, key: str | None, path: str = "/effects", **body: object
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.client.post(path, json={"name": "x", **body}, headers=headers)

    async def count(self, table: str = "effects") -> int:
        async with self.database.read_session() as session:
            return int(await session.scalar(text(f"SELECT count(*) FROM {table}")))

    async def expire(self) -> None:
        async with self.database.unit_of_work() as unit:
            await unit.session.execute(
                text("UPDATE idempotency_keys SET expires_at = now()")
            )


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
