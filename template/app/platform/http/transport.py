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
    if value.isdecimal():
        seconds = int(value[:9])
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = ceil((aware - datetime.now(UTC)).total_seconds())
    return min(max(seconds, 0), LONGEST_SECONDS)


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


@asynccontextmanager
async def open_pool(settings: HttpSettings) -> AsyncIterator[httpx.AsyncClient]:
    # At INFO httpx logs each URL with its query, which may hold a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with httpx.AsyncClient(
        # The deadline bounds reading and writing: a slow drip cannot stretch it.
        timeout=httpx.Timeout(
            None,
            connect=settings.connect_timeout_seconds,
            pool=settings.connection_wait_seconds,
        ),
        limits=httpx.Limits(
            max_connections=settings.max_connections,
            max_keepalive_connections=settings.max_idle_connections,
            keepalive_expiry=settings.idle_connection_seconds,
        ),
        # A jar that all share would carry one caller's session into another's call.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
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
                body = await _read(response, host, max_bytes)
            finally:
                await response.aclose()
    return HttpResponse(host, response.status_code, response.headers, body)


async def _read(response: httpx.Response, host: str, max_bytes: int) -> bytes:
    """Stop, and refuse the answer, at the first byte too many."""
    status, headers = response.status_code, response.headers
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        asked = retry_after_seconds(headers)
        raise ThirdPartyErred(host, status, asked_to_wait_seconds=asked)
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise ThirdPartyMisbehaved(host, "sent an answer that is too large")
    return bytes(body)


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
