"""The API with routes that upload, stream and talk, on the server that is deployed."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Self

import httpx
from fastapi import FastAPI, UploadFile, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.main import create_app
from app.platform.database import Position
from app.platform.errors import Conflict
from app.platform.web.dependencies import ReadSessionDep, StreamSessionDep
from app.platform.web.paging import EventStreamDep, Found, InvalidCursor
from app.platform.web.problems import problems
from app.platform.web.routing import ANYBODY, Concurrency, Policy, Router
from app.platform.web.server import DrainingServer, ServerSettings
from app.settings import Settings
from dev.process import HOST, free_port
from tests.platform.database.notes import Tiding, Tidings

MEGABYTE = 1024 * 1024
ROWS = 50_000
EXPORTS = Policy(concurrency=Concurrency("exports", limit=1))
UPLOADS = Policy(max_body_bytes=4 * MEGABYTE)
CHATS = Policy(max_message_bytes=16, idle_seconds=2, origins=("https://shop.example",))
router = Router(prefix="/live", policy=Policy(access=ANYBODY))


class Uploaded(BaseModel):
    bytes: int
    is_on_disk: bool


@router.post("/uploads", policy=UPLOADS)
async def upload(file: UploadFile) -> Uploaded:
    size = 0
    while chunk := await file.read(64 * 1024):
        size += len(chunk)
    return Uploaded(bytes=size, is_on_disk=not file._in_memory)  # noqa: SLF001


@router.get("/exports", policy=EXPORTS)
async def export(session: StreamSessionDep) -> StreamingResponse:
    numbers = await session.stream_scalars(select(func.generate_series(1, ROWS)))

    async def lines() -> AsyncIterator[str]:
        async for number in numbers:
            yield f"{number}\n"

    return StreamingResponse(lines(), media_type="text/csv")


@router.get("/exports/endless", policy=EXPORTS)
@router.get("/exports/short", policy=Policy(stream_seconds=0.3))
async def export_on(session: StreamSessionDep) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        while True:
            yield f"{await session.scalar(select(func.now()))}\n"
            await asyncio.sleep(0.02)

    return StreamingResponse(lines(), media_type="text/csv")


@router.get("/exports/late")
async def export_late(session: ReadSessionDep) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield "now\n"
        yield f"{await session.scalar(select(func.now()))}\n"

    return StreamingResponse(lines(), media_type="text/csv")


@router.get("/events", response_class=EventSourceResponse)
async def tell() -> AsyncIterator[ServerSentEvent]:
    number = 0
    while True:
        yield ServerSentEvent(data=number, id=str(number))
        number += 1
        await asyncio.sleep(0.02)


class TidingRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    text: str


async def look(session: AsyncSession, after: Position) -> Found[Tiding]:
    # Few at a time, so that a client is often cut off between two looks.
    return await Tidings(session).follow(select(Tiding), after=after, limit=3)


@router.get(
    "/tidings",
    response_class=EventSourceResponse,
    responses=problems(InvalidCursor),
)
async def tell_tidings(events: EventStreamDep) -> AsyncIterator[ServerSentEvent]:
    async for event in events.tell(look, TidingRead, every=timedelta(seconds=0.02)):
        yield event


@router.websocket("/chats/{room_id}", policy=CHATS)
async def chat(socket: WebSocket, room_id: int) -> None:
    if room_id == 0:
        raise Conflict("The room is closed.")
    await socket.accept()
    async for text in socket.iter_text():
        if text == "refuse":
            raise Conflict("Not that.")
        if text == "fail":
            raise LookupError("hunter2")
        await socket.send_text(text)


class Served:
    """An application on the server that is deployed, on a port of its own."""

    def __init__(self, app: FastAPI) -> None:
        self.port = free_port()
        self._server = DrainingServer(
            app, ServerSettings(port=self.port, drain_seconds=0, finish_seconds=2)
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        yield self
        self._server.should_exit = True
        await self._serving

    def terminate(self) -> None:
        self._server.handle_exit(signal.SIGTERM, None)

    async def wait(self) -> None:
        """Return when it has stopped, long before requests would be cut off."""
        async with asyncio.timeout(10):
            await asyncio.shield(self._serving)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{HOST}:{self.port}")

    def url(self, path: str) -> str:
        return f"ws://{HOST}:{self.port}{path}"


class Api(Served):
    """The service, with some routes more."""

    def __init__(self, settings: Settings, routes: Router = router) -> None:
        app = create_app(settings)
        app.include_router(routes, prefix="/v1")
        super().__init__(app)
