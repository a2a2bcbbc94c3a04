"""The entry point of the API: `python -m app.main`, or its factory for development."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI

from app import api
from app.composition import (
    GATES,
    GUARD,
    OBSERVERS,
    Platform,
    checks,
    open_platform,
    refuse_contradictions,
    start_logging,
)
from app.platform import idempotency, web
from app.platform.process import framed
from app.platform.readiness import Readiness
from app.platform.web.server import DrainingServer
from app.settings import Settings

DESCRIPTION = "/openapi.json"


class State(TypedDict):
    """What every request finds under `request.state`."""

    platform: Platform
    readiness: Readiness


def create_app(settings: Settings | None = None) -> FastAPI:
    """Assemble the service without opening a single connection."""
    settings = settings or Settings.load()
    refuse_contradictions(settings)
    start_logging(settings)
    shown = settings.web.documents(settings.environment)
    app = FastAPI(
        title=settings.service_name,
        lifespan=lambda _: running(settings),
        # web serves them itself, with their scripts.
        docs_url=None,
        redoc_url=None,
        openapi_url=DESCRIPTION if shown else None,
        telemetry=web.UNWATCHED,
    )
    web.install(app, settings.web, OBSERVERS, GATES)
    idempotency.install(app, settings.idempotency)
    app.include_router(api.router)
    web.secure(app, api.router, GUARD)
    return app


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[State]:
    """Hold open what requests use, from the first to the last."""
    async with (
        open_platform(settings) as platform,
        framed(
            settings.admin, settings.readiness, checks(platform), platform.telemetry
        ) as frame,
    ):
        yield {"platform": platform, "readiness": frame.readiness}


if __name__ == "__main__":
    settings = Settings.load()
    DrainingServer(create_app(settings), settings.server).run()
