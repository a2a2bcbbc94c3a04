"""A service with routes of every kind, to stand behind a gateway: `python -m edge`."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

from fastapi import Request, WebSocket
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app import api
from app.main import create_app
from app.platform.web.routing import ANYBODY, Caching, Policy, Router
from app.platform.web.server import DrainingServer
from app.settings import Settings

router = Router(prefix="/edge", policy=Policy(access=ANYBODY))
SHORT = Caching.public(
    s_maxage=timedelta(seconds=1), stale_while_revalidate=timedelta(seconds=60)
)
asked: Counter[str] = Counter()


@router.get("/public/{key}", policy=Policy(caching=SHORT))
async def get_public(key: str) -> dict[str, str | int]:
    """Say how often it was asked, which a cache hides."""
    asked[key] += 1
    return {"key": key, "asked": asked[key]}


@router.get("/slow/{key}", policy=Policy(caching=SHORT))
async def get_slowly(key: str) -> dict[str, int]:
    """Take a while, but the first time."""
    asked[key] += 1
    if asked[key] > 1:
        await asyncio.sleep(1)
    return {"asked": asked[key]}


@router.get("/personal")
async def get_own(request: Request) -> dict[str, str | None]:
    """Tell callers who they say they are."""
    return {"of": request.headers.get("authorization")}


@router.get("/private", policy=Policy(caching=Caching("private, max-age=60")))
async def get_private(request: Request) -> dict[str, str | None]:
    """Let a browser keep it, and nobody else."""
    return {"of": request.headers.get("authorization")}


@router.get("/seen")
async def get_seen(request: Request) -> dict[str, str | None]:
    """Say how a request came through."""
    names = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "host")
    said = {name: request.headers.get(name) for name in names}
    client = request.client.host if request.client else None
    return said | {"client": client, "scheme": request.url.scheme}


@router.post("/uploads", policy=Policy(max_body_bytes=3 * 1024 * 1024))
async def add_upload(request: Request) -> int:
    """Count its bytes."""
    return len(await request.body())


@router.get("/events", response_class=EventSourceResponse)
async def tell() -> AsyncIterator[ServerSentEvent]:
    """Tell one thing, and then nothing for long."""
    yield ServerSentEvent(data="first")
    await asyncio.sleep(60)


@router.websocket("/talk")
async def talk(socket: WebSocket) -> None:
    """Say what is said."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


api.router.include_router(router)

if __name__ == "__main__":
    settings = Settings.load()
    DrainingServer(create_app(settings), settings.server).run()
