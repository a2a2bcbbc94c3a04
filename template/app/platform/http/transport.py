"""The connection pool, what comes back over it, and its failures in plain words."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from math import ceil

import httpx
from pydantic import BaseModel, ValidationError

from app.platform.configuration import authorities, tls_context
from app.platform.http.errors import (
    NoConnection,
    ThirdPartyErred,
    ThirdPartyMisbehaved,
    ThirdPartyTimedOut,
    ThirdPartyUnreachable,
)
from app.platform.http.host import HttpSettings

LONGEST_SECONDS = 3600


def retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """Read `Retry-After`, which is a number of seconds or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    seconds = int(value[:9]) if value.isdecimal() else _seconds_until(value)
    if seconds is None:
        return None
    return min(max(seconds, 0), LONGEST_SECONDS)


def _seconds_until(date: str) -> int | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return ceil((aware - datetime.now(UTC)).total_seconds())


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer below 500; `headers` ignores case."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def parse[M: BaseModel](self, model: type[M]) -> M:
        """Raise `ThirdPartyMisbehaved` when the body is not such a JSON object."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError:
            # The cause would carry the body into the logs.
            raise ThirdPartyMisbehaved(self.host) from None


async def read(response: httpx.Response, host: str, *, max_bytes: int) -> HttpResponse:
    """Stop, and refuse the answer, at the first byte too many."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise ThirdPartyMisbehaved(host, "sent an answer that is too large")
    return HttpResponse(host, response.status_code, response.headers, bytes(body))


@asynccontextmanager
async def open_pool(settings: HttpSettings) -> AsyncIterator[httpx.AsyncClient]:
    # At INFO httpx logs each URL with its query, which may hold a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with httpx.AsyncClient(
        timeout=_timeouts(settings),
        limits=_limits(settings),
        cookies=_no_cookies(),
        verify=tls_context(authorities()),
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield client


async def exchange(
    client: httpx.AsyncClient,
    request: httpx.Request,
    host: str,
    *,
    deadline: float,
    max_bytes: int,
) -> HttpResponse:
    """Send once; a status of 500 and above is raised as `ThirdPartyErred`."""
    with _translated(host):
        async with asyncio.timeout_at(deadline):
            response = await client.send(request, stream=True)
            try:
                _refuse_server_error(response, host)
                return await read(response, host, max_bytes=max_bytes)
            finally:
                await response.aclose()


def _refuse_server_error(response: httpx.Response, host: str) -> None:
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ThirdPartyErred(
            host,
            response.status_code,
            asked_to_wait_seconds=retry_after_seconds(response.headers),
        )


@contextmanager
def _translated(host: str) -> Iterator[None]:
    try:
        yield
    except httpx.PoolTimeout as error:
        raise NoConnection(host) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ThirdPartyTimedOut(host) from error
    except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
        raise ThirdPartyUnreachable(host) from error
    except httpx.DecodingError as error:
        raise ThirdPartyMisbehaved(host) from error


def _timeouts(settings: HttpSettings) -> httpx.Timeout:
    # Reading and writing are bounded by the deadline, which a slow drip cannot stretch.
    return httpx.Timeout(
        None,
        connect=settings.connect_timeout_seconds,
        pool=settings.connection_wait_seconds,
    )


def _limits(settings: HttpSettings) -> httpx.Limits:
    return httpx.Limits(
        max_connections=settings.max_connections,
        max_keepalive_connections=settings.max_idle_connections,
        keepalive_expiry=settings.idle_connection_seconds,
    )


def _no_cookies() -> CookieJar:
    # A jar shared by the process would carry one caller's session into another's call.
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
