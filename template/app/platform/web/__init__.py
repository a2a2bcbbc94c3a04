"""HTTP in: what every route of every module shares."""

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from app.platform.web import edge, handlers, health, problems, routing
from app.platform.web.edge import WebSettings

__all__ = ["UNWATCHED", "WebSettings", "install"]

# FastAPI would look for somebody who watches at each request; who does is known here.
UNWATCHED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def install(
    app: FastAPI, settings: WebSettings, observers: Sequence[edge.Observer] = ()
) -> None:
    """
    Prepare the application. Call it once, before the first request.

    Observers, outermost first, see each request as it was answered in the end.
    """
    # A redirect would carry the caller's Host header back to it.
    app.router.redirect_slashes = False
    edge.install(app, settings, observers)
    handlers.install(app)
    problems.describe_problems(app)
    routing.limit_unrouted(app)
    app.include_router(health.router)
