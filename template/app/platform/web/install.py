"""Everything an application needs to speak HTTP the way this service does."""

from collections.abc import Sequence

from fastapi import FastAPI

from app.platform.web import health, middleware, openapi, problems
from app.platform.web.settings import WebSettings


def install(
    app: FastAPI, settings: WebSettings, observers: Sequence[middleware.Observer] = ()
) -> None:
    """
    Prepare the application. Call it once, before the first request.

    Observers, outermost first, see each request as it was answered in the end.
    """
    # A redirect would carry the caller's Host header back to it.
    app.router.redirect_slashes = False
    problems.install(app)
    middleware.install(app, settings, observers)
    openapi.install(app)
    app.include_router(health.router)
