"""The connection pool, and its failures in words that need no httpx."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from app.platform.configuration import authorities, tls_context
from app.platform.http.errors import (
    NoConnection,
    ThirdPartyErred,
    ThirdPartyMisbehaved,
    ThirdPartyTimedOut,
    ThirdPartyUnreachable,
)
from app.platform.http.response import HttpResponse, read
from app.platform.http.retry_after import retry_after_seconds
from app.platform.http.settings import HttpSettings


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
