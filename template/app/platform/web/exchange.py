"""One request and its answer: what is promised of both is kept here, in one place."""

import asyncio
from http import HTTPStatus
from re import Pattern
from time import perf_counter
from typing import Any, ClassVar

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.errors import DomainError, Overloaded
from app.platform.observability import context
from app.platform.web.body import CLOSE, come_back, declared_length, discard
from app.platform.web.policy import (
    DATA_ONLY,
    EVERYWHERE,
    NO_STORE,
    PAGE,
    Concurrency,
    Headers,
    Policy,
    Terms,
)
from app.platform.web.problems import PROBES, own_path, respond, route_of

log = structlog.get_logger(__name__)

MAX_PATH = 200
_KEY = "app.exchange"
_REQUEST_ID = context.REQUEST_ID.encode()

_EVENTS = b"text/event-stream"
_LAST = {"type": "http.response.body", "body": b""}


class Exchange:
    """
    What was asked, and what is answered.

    The service's limits hold until a route brings its own: `adopt`.
    """

    event: ClassVar[str]

    def __init__(
        self, terms: Terms, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.scope = scope
        self.headers = dict(scope["headers"])
        self.method: str = scope.get("method", "GET")
        self.status: int | None = None
        self.policy = terms.policy
        # What the answer says besides, whatever it is.
        self.added: Headers = []
        # What else its line in the log says.
        self.told: dict[str, Any] = {}
        self._terms = terms
        self._receive = receive
        self._send = send
        self._echo = (_REQUEST_ID, (context.request_id() or "").encode())
        self._taken: Concurrency | None = None
        self._is_endless = False
        self._task = asyncio.current_task()
        self._began = perf_counter()
        scope[_KEY] = self

    async def run(self, app: ASGIApp) -> None:
        """Answer and log, whatever happens."""
        try:
            if self._terms.hosts is None or self._is_ours(self._terms.hosts):
                await self._run(app)
            else:
                await self._answer(HTTPStatus.BAD_REQUEST, "No such host is here.")
        finally:
            # Without the circle it is gone at once, and not when garbage is collected.
            del self.scope[_KEY]
            self._terms.open.discard(self._task)
            if self._taken is not None:
                self._terms.taken[self._taken.name] -= 1
            self._write()

    async def admit(self, policy: Policy) -> None:
        """Let the request into the route; raise if the guard or a gate refuses it."""
        refusal: DomainError | None = None
        if self._terms.guard is not None:
            try:
                await self._terms.guard.judge(self.scope, policy.access)
            except DomainError as error:
                refusal = error
        self.adopt(policy)
        for gate in self._terms.gates:
            await gate(self)
        # Gates come first: whoever is refused has asked, too, and cannot try for ever.
        if refusal is not None:
            raise refusal

    def adopt(self, policy: Policy) -> None:
        """Let the limits of the route hold from now on; raise if one is exceeded."""
        if policy is EVERYWHERE:
            return
        self.policy = policy.over(self._terms.policy)
        if (kind := self.policy.concurrency) is None:
            return
        if self._terms.taken[kind.name] >= kind.limit:
            raise Overloaded("Too many requests of this kind are under way.")
        self._terms.taken[kind.name] += 1
        self._taken = kind

    def _is_ours(self, hosts: Pattern[bytes]) -> bool:
        """Tell a request to this service; probes ask by whatever address they have."""
        host = self.headers.get(b"host", b"")
        return hosts.fullmatch(host) is not None or own_path(self.scope) in PROBES

    async def _run(self, app: ASGIApp) -> None:
        raise NotImplementedError

    async def send(self, message: Message) -> None:
        raise NotImplementedError

    async def _answer(self, status: HTTPStatus, detail: str) -> None:
        problem = respond(self.scope, status, detail=detail)
        await problem(self.scope, self._receive, self.send)

    async def _fail(self) -> None:
        log.exception("http.failed", method=self.method)
        detail = "Something went wrong here. The request id finds it in the log."
        await self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, detail)

    def _begin(self, message: Message) -> Message:
        """Add what every response says, unless it says otherwise."""
        self.status = message["status"]
        given = dict(message["headers"])
        self._media_type = given.get(b"content-type", b"")
        is_page = self._media_type.startswith(b"text/html")
        is_secure = self.scope.get("scheme") == "https"
        always = self._terms.secured if is_secure else self._terms.always
        headers = [*message["headers"], *always, *self.added, self._echo]
        headers.append(PAGE if is_page else DATA_ONLY)
        if b"cache-control" not in given:
            headers.append(NO_STORE)
        return {**message, "headers": headers}

    def _keep_open(self) -> None:
        """Let it go on until the process stops."""
        assert self._task is not None
        self._is_endless = True
        self._terms.open.add(self._task)
        if self._terms.ending:
            self._task.cancel()

    def _write(self) -> None:
        if own_path(self.scope) in PROBES and self.status == HTTPStatus.OK:
            return
        route = route_of(self.scope)
        where = {"route": route} if route else {"path": self.scope["path"][:MAX_PATH]}
        self._terms.log.info(
            self.event,
            method=self.method,
            status=self.status,
            duration_ms=round((perf_counter() - self._began) * 1000, 3),
            **where,
            **self.told,
        )


class HttpExchange(Exchange):
    """A request with a body, and a response that may go on for long."""

    event = "http.request"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._limit = self._left = self.policy.max_body_bytes or 0
        self._declared = declared_length(self.headers)
        self._deadline: asyncio.Timeout | None = None
        self._is_refused = False
        self._is_stream = False
        # HEAD asks what GET would answer, and is told the headers.
        self._is_head = self.method == "HEAD"
        self._is_complete = False

    async def _run(self, app: ASGIApp) -> None:
        if self._is_head:
            self.scope["method"] = "GET"
        try:
            await self._in_time(app)
        except asyncio.CancelledError:
            if not self._is_endless:
                raise
            # Not a failure: clients come back, not all at once, to one that goes on.
            await self._send(come_back())
        except Exception as error:
            if self._is_complete and isinstance(error, (ClientDisconnect, OSError)):
                return
            if self.status is not None:
                # Only the server can cut off a response that has begun; it logs, too.
                raise
            await self._fail()
        finally:
            self.scope["method"] = self.method

    async def _in_time(self, app: ASGIApp) -> None:
        """Cancel the work when time is up, which rolls its transaction back."""
        try:
            async with asyncio.timeout(self.policy.deadline_seconds) as deadline:
                self._deadline = deadline
                try:
                    await app(self.scope, self.receive, self.send)
                finally:
                    self._deadline = None
        except TimeoutError:
            if not deadline.expired():
                raise
            log.warning("http.deadline_exceeded", method=self.method)
            if self.status is None:
                seconds = self.policy.deadline_seconds
                detail = f"There was no result within {seconds:g} seconds."
                await self._answer(HTTPStatus.GATEWAY_TIMEOUT, detail)

    def adopt(self, policy: Policy) -> None:
        super().adopt(policy)
        self._limit = self._left = self.policy.max_body_bytes or 0
        if self._declared > self._limit:
            self._refuse()
        if policy.deadline_seconds is not None:
            self._due_in(policy.deadline_seconds + self._began - perf_counter())

    def _due_in(self, seconds: float | None) -> None:
        if self._deadline is None or self._deadline.expired():
            return
        now = asyncio.get_running_loop().time()
        self._deadline.reschedule(None if seconds is None else now + seconds)

    def _refuse(self) -> None:
        self._is_refused = True
        raise HTTPException(413, f"A body may have at most {self._limit} bytes.", CLOSE)

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0 or self._declared > self._limit:
            self._refuse()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._begin(message)
            if self._media_type.startswith(_EVENTS):
                self._keep_open()
            self._due_in(None)
        elif self._is_head:
            await self._send_nothing(message)
            return
        elif self._is_refused:
            await self._send({**message, "more_body": True})
            await discard(self._receive)
            message = _LAST
        elif message.get("more_body") and not self._is_stream:
            self._is_stream = True
            if not self._is_endless:
                self._due_in(self.policy.stream_seconds)
        await self._send(message)

    async def _send_nothing(self, message: Message) -> None:
        """End with an empty body; a stream is told to stop."""
        if not self._is_complete:
            self._is_complete = True
            await self._send(_LAST)
        if message.get("more_body", False):
            raise OSError("Nobody wants the rest.")


def exchange_of(scope: Scope) -> Exchange:
    exchange: Exchange = scope[_KEY]
    return exchange
