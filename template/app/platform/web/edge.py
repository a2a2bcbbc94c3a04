"""What every request passes before it is routed, and every answer after."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated, ClassVar

from fastapi import FastAPI
from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from starlette.types import ASGIApp, Receive, Scope, Send

from app.platform.configuration import Limit, Refusal, Section
from app.platform.observability import context
from app.platform.web.exchange import Exchange, HttpExchange
from app.platform.web.policy import LONGEST_MESSAGE, Gate, Policy, Terms
from app.platform.web.sockets import SocketExchange

_CARRIED = {name.encode(): name for name in (context.REQUEST_ID, context.TRACEPARENT)}
_KINDS: dict[str, type[Exchange]] = {"http": HttpExchange, "websocket": SocketExchange}

HOST = r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]"
HOSTS = rf"^(\*|({HOST})( *, *({HOST}))*)?$"
ORIGINS = r"^(\*|https?://[^/\s,]+(, *https?://[^/\s,]+)*)?$"


class WebSettings(Section):
    """`WEB__*` in the environment: what holds where a route's `Policy` says nothing."""

    hosts: Annotated[str, StringConstraints(pattern=HOSTS)] = ""
    """By which names it is asked: shop.example,*.shop.example; * is any."""
    documentation: bool | None = None
    """Whether it serves /docs, /redoc and /openapi.json; else not in production."""
    root_path: Annotated[str, StringConstraints(pattern=r"^(/[\w.~-]+)*$")] = ""
    """What a gateway takes off the front of each path, like /shop: /docs needs it."""
    max_body_bytes: int = Field(1024 * 1024, ge=0)
    """A request with a larger body is refused."""
    deadline_seconds: float = Field(10.0, gt=0)
    """Until a response begins; longer than any time limit of what stands behind."""
    stream_seconds: float = Field(300.0, gt=0)
    """From then on until it ends; streams of events have no such limit."""
    max_message_bytes: int = Field(64 * 1024, ge=0, le=LONGEST_MESSAGE)
    """A longer message closes a WebSocket."""
    idle_seconds: float = Field(300.0, gt=0)
    """How long the client of a WebSocket may say nothing."""
    strict_transport_seconds: int = Field(31_536_000, ge=0)
    """How long browsers keep to HTTPS; it is said to those that ask by HTTPS, as a
    trusted proxy tells. 0 says nothing of it."""
    refuse_unknown: bool = True
    """Refuse parameters and members of a body that a route does not declare."""
    cors_origins: Annotated[str, StringConstraints(pattern=ORIGINS)] = ""
    """Whose pages may ask: https://shop.example,https://app.example; * is all."""
    cors_credentials: bool = False
    """Let those pages send cookies along; never with *."""

    limits: ClassVar[tuple[Limit, ...]] = (
        *(
            Limit(
                f"DATABASE__{first}_TIMEOUT_SECONDS",
                "DATABASE__COMMAND_TIMEOUT_SECONDS",
                below="WEB__DEADLINE_SECONDS",
                reason="a request is cut off before it hears what the database lacks",
            )
            for first in ("CHECKOUT", "CONNECT")
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="DATABASE__IDLE_IN_TRANSACTION_TIMEOUT_SECONDS",
            reason="the transaction of a request that waits ends before the request",
        ),
        Limit(
            "HTTP__DEADLINE_SECONDS",
            below="WEB__DEADLINE_SECONDS",
            reason="a request is cut off before it hears that a third party is silent",
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="IDEMPOTENCY__RETENTION_HOURS",
            reason="a key is forgotten before its client has read the answer",
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="SERVER__FINISH_SECONDS",
            reason="requests that have begun are cut off when the process stops",
        ),
    )

    @field_validator("cors_credentials")
    @classmethod
    def _refuse_for_all(cls, given: bool, info: ValidationInfo) -> bool:
        if given and info.data.get("cors_origins") == "*":
            raise ValueError("must be false while WEB__CORS_ORIGINS is *: name origins")
        return given

    def unsafe(self) -> Iterator[Refusal]:
        if not self.hosts:
            yield Refusal("hosts", "is to name the hosts; * where a proxy knows them")

    def documents(self, environment: str) -> bool:
        """Tell whether whoever asks is shown the description of the API."""
        if self.documentation is None:
            return environment != "production"
        return self.documentation

    @property
    def known_hosts(self) -> re.Pattern[bytes] | None:
        """What a Host header may say, with any port; `None` if that is anything."""
        names = [name.strip() for name in self.hosts.split(",")]
        if not self.hosts or self.hosts == "*":
            return None
        spelled = "|".join(
            re.escape(name).replace(r"\*", r"[A-Za-z0-9.-]+") for name in names
        )
        return re.compile(rf"(?:{spelled})(?::\d{{1,5}})?".encode(), re.IGNORECASE)

    @property
    def policy(self) -> Policy:
        return Policy(
            max_body_bytes=self.max_body_bytes,
            deadline_seconds=self.deadline_seconds,
            stream_seconds=self.stream_seconds,
            max_message_bytes=self.max_message_bytes,
            idle_seconds=self.idle_seconds,
        )


type Answer = Callable[[Exchange], Awaitable[None]]
type Observer = Callable[[Answer], Answer]


class Edge:
    """
    The one layer around the application: whose request it is, and what it lasts.

    It speaks plain ASGI, which costs little. Observers, outermost first, see each
    exchange from its beginning to its end.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        terms: Terms,
        observers: Sequence[Observer] = (),
        root_path: str = "",
    ) -> None:
        self._app = app
        self._terms = terms
        self._root_path = root_path
        self._answer: Answer = self._run
        for observer in reversed(observers):
            self._answer = observer(self._answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = _KINDS.get(scope["type"])
        if kind is None:
            await self._app(scope, receive, send)
            return
        if self._root_path:
            # A path without its prefix is not told from one that begins with it.
            scope["root_path"] = self._root_path
            scope["path"] = self._root_path + scope["path"]
        carried = {
            _CARRIED[name]: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CARRIED
        }
        with context.resume(carried):
            await self._answer(kind(self._terms, scope, receive, send))

    async def _run(self, exchange: Exchange) -> None:
        await exchange.run(self._app)


def install(
    app: FastAPI,
    settings: WebSettings,
    observers: Sequence[Observer],
    gates: Sequence[Gate],
) -> None:
    terms = Terms(
        settings.policy,
        settings.strict_transport_seconds,
        gates=tuple(gates),
        hosts=settings.known_hosts,
    )
    app.state.terms = terms
    app.add_middleware(
        Edge, terms=terms, observers=observers, root_path=settings.root_path
    )
