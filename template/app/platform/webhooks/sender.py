"""One delivery, sent once: to the address that was judged, within a deadline."""

import asyncio
import ssl
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_network
from time import perf_counter
from typing import Self

import httpx
from pydantic import Field, SecretStr, field_validator

from app.platform.configuration import Refusal, Section, authorities, tls_context
from app.platform.http.transport import retry_after_seconds
from app.platform.webhooks.addresses import Address, ReceiverRefused, Receivers
from app.platform.webhooks.signing import Secrets

# What of an answer's body is read, and for how long: none of it is kept.
MOST_BYTES = 64 * 1024
REST_SECONDS = 1.0
DEVELOPMENT = "a-secret-that-is-good-for-development-only"
SHORTEST_SECRET = 32


class WebhooksSettings(Section):
    """`WEBHOOKS__*` in the environment."""

    secret: SecretStr = SecretStr(DEVELOPMENT)
    """What the secrets of all subscriptions are made of: 32 letters or more. Another
    one makes others, which receivers do not know."""
    allowed_networks: str = ""
    """Where receivers may be besides public addresses, without TLS and at any port too,
    for development and tests: 127.0.0.0/8,::1/128."""
    deadline_seconds: float = Field(10.0, gt=0, le=20)
    """How long a receiver has for its answer."""
    subscriptions_per_owner: int = Field(20, ge=1)
    """How many one owner may have."""
    failing_days: int = Field(5, ge=1)
    """A subscription is disabled when all has failed for so long."""
    retention_days: int = Field(30, ge=3)
    """How long deliveries are listed, and can be sent again."""

    @field_validator("allowed_networks")
    @classmethod
    def _name_networks(cls, names: str) -> str:
        for name in filter(None, names.split(",")):
            ip_network(name.strip())
        return names

    def unsafe(self) -> Iterator[Refusal]:
        secret = self.secret.get_secret_value()
        if secret == DEVELOPMENT or len(secret) < SHORTEST_SECRET:
            yield Refusal("secret", "is short, or known to all who read the code")
        if self.allowed_networks:
            yield Refusal("allowed_networks", "lets users reach what is not public")


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What came of an attempt: the status that decides, or a few words that say why none.

    The body is nobody's concern: it could tell what is behind an address.
    """

    status: int | None = None
    error: str | None = None
    retry_after_seconds: int = 0
    milliseconds: int = 0

    @property
    def accepts(self) -> bool:
        return self.status is not None and httpx.codes.is_success(self.status)

    @property
    def is_busy(self) -> bool:
        """Nothing was answered, or that this is not the time."""
        return self.status in {None, 429, 503}


class WebhookSender:
    """
    Sends to URLs that strangers name, and to no place that is not theirs.

    Each delivery has a connection of its own: hosts that share an address share none.
    """

    def __init__(self, settings: WebhooksSettings) -> None:
        names = filter(None, settings.allowed_networks.split(","))
        self.receivers = Receivers([ip_network(name.strip()) for name in names])
        self.secrets = Secrets(settings.secret.get_secret_value())
        self._deadline_seconds = settings.deadline_seconds
        # Whoever watches the deliveries puts something else in its place.
        self.send: Send = self._send

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: WebhooksSettings) -> AsyncIterator[Self]:
        yield cls(settings)

    async def judge(self, url: str) -> None:
        """Raise `ReceiverRefused` for a URL that would not be sent to now."""
        await self.receivers.find(_read(url))

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        began = perf_counter()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                target = _read(url)
                addresses = await self.receivers.find(target)
                answer = await self._post(target, addresses, headers, body)
        except (ReceiverRefused, TimeoutError, httpx.HTTPError) as error:
            answer = Answer(error=_plainly(error))
        took = round(1000 * (perf_counter() - began))
        return replace(answer, milliseconds=took)

    async def _post(
        self,
        url: httpx.URL,
        addresses: Sequence[Address],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        async with httpx.AsyncClient(
            timeout=None,  # noqa: S113 - the deadline bounds all of it
            verify=tls_context(authorities()),
            follow_redirects=False,
            trust_env=False,
        ) as client:
            for address in addresses:
                request = _request(client, url, address, headers, body)
                try:
                    response = await client.send(request, stream=True)
                except httpx.ConnectError as error:
                    refused = error
                    continue
                return await _answer(response)
            raise refused


type Send = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]


def _read(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        raise ReceiverRefused("A receiver is at https://.") from None


def _request(
    client: httpx.AsyncClient,
    url: httpx.URL,
    address: Address,
    headers: Mapping[str, str],
    body: bytes,
) -> httpx.Request:
    """Ask the very address, in the name of the host, whose certificate is checked."""
    own = {
        "Host": url.netloc.decode("ascii"),
        "Connection": "close",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
    }
    return client.build_request(
        "POST",
        url.copy_with(host=str(address)),
        headers={**headers, **own},
        content=body,
        extensions={"sni_hostname": url.raw_host.decode("ascii")},
    )


async def _answer(response: httpx.Response) -> Answer:
    pause = retry_after_seconds(response.headers) or 0
    answer = Answer(response.status_code, retry_after_seconds=pause)
    read = 0
    # Whatever becomes of the rest, it has said what it had to say.
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(REST_SECONDS):
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read > MOST_BYTES:
                    break
    await response.aclose()
    return answer


def _plainly(error: BaseException | None) -> str:
    """Say why in words that tell nothing of what is behind an address."""
    if isinstance(error, ReceiverRefused):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timed out"
    unreachable = isinstance(error, httpx.ConnectError)
    while error is not None:
        # httpx has wrapped it.
        if isinstance(error, ssl.SSLError):
            return "certificate refused"
        error = error.__cause__ or error.__context__
    return "unreachable" if unreachable else "no answer"
