"""What happens around every request, outermost first."""

from collections.abc import Callable, Sequence

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.platform.web.middleware.access_log import AccessLog
from app.platform.web.middleware.body_limit import BodyLimit
from app.platform.web.middleware.deadline import Deadline
from app.platform.web.middleware.guard import Guard
from app.platform.web.middleware.head import Head
from app.platform.web.middleware.request_context import RequestContext
from app.platform.web.middleware.response_headers import ResponseHeaders
from app.platform.web.settings import WebSettings

type Observer = Callable[[ASGIApp], ASGIApp]


def install(app: FastAPI, settings: WebSettings, observers: Sequence[Observer]) -> None:
    """Wrap the application; each middleware speaks plain ASGI, which costs little."""
    # The one added last is the outermost.
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(Deadline, seconds=settings.deadline_seconds)
    app.add_middleware(Guard)
    app.add_middleware(Head)
    app.add_middleware(
        ResponseHeaders, strict_transport_seconds=settings.strict_transport_seconds
    )
    app.add_middleware(AccessLog)
    for observer in reversed(observers):
        app.add_middleware(observer)
    app.add_middleware(RequestContext, root_path=settings.root_path)
