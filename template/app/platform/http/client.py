"""Calls to third parties: one pool, a deadline, a retry budget, a breaker per host."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self, TypedDict, Unpack

import httpx
import stamina

from app.platform.http.breaker import BreakerState
from app.platform.http.host import Host, HttpSettings
from app.platform.http.retry import Call, RetryPolicy, Throttled
from app.platform.http.transport import HttpResponse, exchange, open_pool


class Content(TypedDict, total=False):
    """What a call sends."""

    params: Mapping[str, str | int]
    headers: Mapping[str, str]
    json: Any
    content: bytes


class Asked(Content, total=False):
    """And how long it may take, with all attempts."""

    deadline_seconds: float | None


class HttpClient:
    """
    Answers below 500 are returned, redirects and 4xx among them.

    Everything else is raised as `HttpUnavailable`, no later than the deadline.
    """

    def __init__(
        self,
        pool: httpx.AsyncClient,
        settings: HttpSettings,
        context: Callable[[], Mapping[str, str]],
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._context = context
        self.hosts: dict[str, Host] = {}
        # Whoever watches the calls puts something else in its place.
        self.attempt: Callable[[Call], Awaitable[HttpResponse]] = self._attempt

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: HttpSettings,
        *,
        headers: Callable[[], Mapping[str, str]] = dict,
    ) -> AsyncIterator[Self]:
        """`headers` says, for each call, what ties it to the request it serves."""
        async with open_pool(settings) as pool:
            yield cls(pool, settings, headers)

    def breakers(self) -> Mapping[str, BreakerState]:
        """Report each host that was called since the start."""
        return {name: host.breaker.state for name, host in self.hosts.items()}

    async def get(self, url: str, **asked: Unpack[Asked]) -> HttpResponse:
        return await self.request("GET", url, **asked)

    async def post(self, url: str, **asked: Unpack[Asked]) -> HttpResponse:
        """Repeated on failure only with an `Idempotency-Key` among the headers."""
        return await self.request("POST", url, **asked)

    async def request(
        self,
        method: str,
        url: str,
        *,
        deadline_seconds: float | None = None,
        **content: Unpack[Content],
    ) -> HttpResponse:
        request = self._pool.build_request(method, url, **content)
        for name, value in self._context().items():
            request.headers.setdefault(name, value)
        seconds = deadline_seconds or self._settings.deadline_seconds
        deadline = asyncio.get_running_loop().time() + seconds
        return await self._send(Call(request, self._host(request.url), deadline))

    async def _send(self, call: Call) -> HttpResponse:
        call.host.begin_call()
        try:
            async for attempt in self._attempts(call):
                with attempt:
                    return await self.attempt(call)
        except Throttled as throttled:
            return throttled.response
        raise AssertionError("stamina ends with an answer or an error")

    async def _attempt(self, call: Call) -> HttpResponse:
        wait_seconds = min(self._settings.connection_wait_seconds, call.seconds_left)
        async with call.host.attempt(wait_seconds=wait_seconds):
            response = await exchange(
                self._pool,
                call.request,
                call.host.name,
                deadline=call.deadline,
                max_bytes=self._settings.max_response_bytes,
            )
        if response.status == httpx.codes.TOO_MANY_REQUESTS:
            raise Throttled(response)
        return response

    def _attempts(self, call: Call) -> AsyncIterator[stamina.Attempt]:
        settings = self._settings
        return stamina.retry_context(
            on=RetryPolicy(call, settings),
            # The policy counts, since it must not spend budget on a retry too many.
            attempts=None,
            timeout=None,
            wait_initial=settings.first_pause_seconds,
            wait_max=settings.longest_pause_seconds,
            wait_jitter=settings.first_pause_seconds,
        )

    def _host(self, url: httpx.URL) -> Host:
        name = url.netloc.decode("ascii")
        if name not in self.hosts:
            self.hosts[name] = Host(name, self._settings)
        return self.hosts[name]
