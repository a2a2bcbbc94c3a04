"""A web server that says how it is, and that it stops, a while before it does."""

import os
import signal
import socket
import time
from ipaddress import ip_network
from types import FrameType
from typing import Annotated, Any, ClassVar

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response, status
from pydantic import AfterValidator, Field

from app.platform.configuration import Limit, Section
from app.platform.readiness import Readiness
from app.platform.web.policy import LONGEST_MESSAGE, Terms

log = structlog.get_logger(__name__)

CLOSE = (b"connection", b"close")
GOODBYE_SECONDS = 1.0


def _networks(proxies: str) -> str:
    """Refuse to trust everybody: then a client could say that it is anybody."""
    for proxy in proxies.split(","):
        try:
            network = ip_network(proxy.strip())
        except ValueError:
            raise ValueError("takes addresses or networks, with commas") from None
        if network.prefixlen == 0:
            raise ValueError("cannot be every address: clients would say who they are")
    return proxies


class ServerSettings(Section, frozen=True):
    """`SERVER__*` in the environment."""

    host: str = "127.0.0.1"
    """The address to listen on; 0.0.0.0 is every one."""
    port: int = Field(8000, ge=0, le=65535)
    """The port to listen on."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = "127.0.0.1,::1"
    """Whose X-Forwarded-* headers are believed: addresses or networks, with commas."""
    keep_alive_seconds: int = Field(75, gt=0)
    """Until an idle connection is closed; longer than the proxy's, which then does."""
    drain_seconds: float = Field(5.0, ge=0)
    """After SIGTERM: until others have noticed that this process is not ready."""
    finish_seconds: int = Field(15, ge=0)
    """After that: how long requests that have begun may take to end."""
    grace_seconds: float = Field(45.0, gt=0)
    """
    How long the platform waits between SIGTERM and SIGKILL: `stop_grace_period`,
    `terminationGracePeriodSeconds`.
    """

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "SERVER__DRAIN_SECONDS",
            "SERVER__FINISH_SECONDS",
            below="SERVER__GRACE_SECONDS",
            reason="a process that stops is killed in the midst of requests",
        ),
    )


class DrainingServer(uvicorn.Server):
    """
    Ends in steps, and then with exit code 0.

    SIGTERM begins the drain and SIGINT (Ctrl-C) skips it; a second signal ends at
    once, with exit code 1.
    """

    def __init__(self, app: FastAPI, settings: ServerSettings) -> None:
        super().__init__(_config(app, settings))
        self._terms: Terms | None = getattr(app.state, "terms", None)
        self._drain_seconds = settings.drain_seconds
        self._closes_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Unlike uvicorn's, this does not end by the very signal once all is done.
        if self.should_exit or self._closes_at is not None:
            os._exit(1)
        elif sig == signal.SIGINT or not self.started:
            self.should_exit = True
        else:
            self._drain()

    async def on_tick(self, counter: int) -> bool:
        ends = await super().on_tick(counter)
        return ends or (
            self._closes_at is not None and time.monotonic() >= self._closes_at
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # What would go on for ever says goodbye while its connection is still whole.
        if self._terms is not None:
            await self._terms.end(within=GOODBYE_SECONDS)
        await super().shutdown(sockets)

    def _drain(self) -> None:
        log.info("server.draining", seconds=self._drain_seconds)
        self.lifespan.state["readiness"].stopping = True
        # Clients that keep connections come back by way of the load balancer.
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers.append(CLOSE)
        self._closes_at = time.monotonic() + self._drain_seconds


def _config(app: FastAPI, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        workers=1,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.finish_seconds,
        # The application logs, each request once, and names itself to nobody.
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=LONGEST_MESSAGE,
    )


router = APIRouter(include_in_schema=False)
# Some load balancers ask for the headers only.
PROBED_BY = ["GET", "HEAD"]


@router.api_route("/livez", methods=PROBED_BY)
async def live() -> dict[str, str]:
    """Answer while the event loop turns. Asks nothing of anybody."""
    return {"status": "ok"}


@router.api_route("/readyz", methods=PROBED_BY)
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Report what the latest probes found, without waiting for another."""
    readiness: Readiness = request.state.readiness
    if not readiness.ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return readiness.report()
