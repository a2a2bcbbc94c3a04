"""The HTTP entry point: settings in, application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypedDict

from fastapi import FastAPI

from app import api
from app.composition import (
    OBSERVERS,
    Platform,
    open_platform,
    refuse_contradictions,
    start_logging,
)
from app.platform import idempotency, web
from app.platform.cache import Cache
from app.platform.database.branches import SchemaCheck
from app.platform.errors import Unavailable
from app.platform.web.health import Check, Readiness
from app.settings import Settings


class State(TypedDict):
    """What every request finds under `request.state`."""

    platform: Platform
    readiness: Readiness


def create_app(settings: Settings | None = None) -> FastAPI:
    """Assemble the service without opening a single connection."""
    settings = settings or Settings.load()
    refuse_contradictions(settings)
    start_logging(settings)
    app = FastAPI(
        title=settings.service_name,
        lifespan=lambda _: running(settings),
        telemetry=web.UNWATCHED,
    )
    web.install(app, settings.web, OBSERVERS)
    idempotency.install(app, settings.idempotency)
    app.include_router(api.router)
    return app


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[State]:
    """Hold open what requests use, from the first to the last."""
    async with (
        open_platform(settings) as platform,
        Readiness.open(settings.readiness, _checks(platform)) as readiness,
    ):
        platform.telemetry.watch(readiness)
        with platform.telemetry.serving():
            yield {"platform": platform, "readiness": readiness}


def _checks(platform: Platform) -> list[Check]:
    return [
        Check("database", platform.database.check),
        Check("schema", SchemaCheck(platform.database)),
        Check("cache", partial(_reach, platform.cache), required=False),
    ]


async def _reach(cache: Cache) -> None:
    if not await cache.ping():
        raise Unavailable("The cache is out of reach.")
