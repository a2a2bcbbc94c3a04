"""The keys of an OpenID Connect provider, as it published them last."""

import asyncio
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Any

import jwt
import structlog
from pydantic import BaseModel, HttpUrl

from app.platform.errors import Unavailable
from app.platform.http import HttpClient, ThirdPartyMisbehaved

log = structlog.get_logger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
# They are read anew so often; while that fails, or for a key that is not known, sooner.
FRESH_SECONDS = 300.0
ASKED_SECONDS = 5.0


class ProviderUnavailable(Unavailable):
    """Who asks shows a key that only the identity provider knows: it is away."""

    def __init__(self) -> None:
        super().__init__(
            "The identity provider cannot be asked.", retry_after_seconds=5
        )


class Discovery(BaseModel):
    issuer: str
    jwks_uri: HttpUrl


class KeySet(BaseModel):
    keys: list[dict[str, Any]]


class Provider:
    """
    Goes on with the keys that it has read while the provider is gone.

    Each reading is one for all who wait for it, and is not theirs to cancel.
    """

    def __init__(
        self, http: HttpClient, issuer: str, algorithms: Collection[str]
    ) -> None:
        self._http = http
        self._issuer = issuer
        self._algorithms = algorithms
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = -FRESH_SECONDS
        self._failed = True
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """Know it at once, or ask the provider; raise if that cannot answer."""
        within = ASKED_SECONDS if self._failed else FRESH_SECONDS
        reading = self._read_anew(within=within)
        if kid not in self._keys:
            reading = reading or self._read_anew(within=ASKED_SECONDS)
            await _finished(reading)
            if self._failed and kid not in self._keys:
                raise ProviderUnavailable
        return self._keys.get(kid)

    async def reach(self) -> None:
        """Read them unless they are fresh; raise if that has failed."""
        within = ASKED_SECONDS if self._failed else FRESH_SECONDS
        await _finished(self._read_anew(within=within))
        if self._failed:
            raise ProviderUnavailable

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    def _read_anew(self, *, within: float) -> asyncio.Task[None] | None:
        """Begin, unless somebody has within this time; give what is under way."""
        under_way = self._reading is not None and not self._reading.done()
        if not under_way and monotonic() - self._read_at >= within:
            self._read_at = monotonic()
            self._reading = asyncio.create_task(self._read())
            under_way = True
        return self._reading if under_way else None

    async def _read(self) -> None:
        try:
            self._keys = self._usable(await self._published())
        except Exception:
            # Whatever it is: what was read before is believed on.
            log.warning("identity.provider_not_read", exc_info=True)
            self._failed = True
        else:
            self._failed = False

    async def _published(self) -> KeySet:
        about = await self._get(self._issuer.rstrip("/") + DISCOVERY, Discovery)
        if about.issuer != self._issuer:
            raise ValueError(f"The provider calls itself {about.issuer[:200]!r}.")
        uri = str(about.jwks_uri)
        self.refuse_open(uri)
        return await self._get(uri, KeySet)

    def refuse_open(self, uri: str) -> None:
        """Raise when keys would come without TLS, unless nothing here has it."""
        if self._issuer.startswith("https:") and not uri.startswith("https:"):
            raise ValueError("The provider publishes its keys without TLS.")

    async def _get[M: BaseModel](self, url: str, model: type[M]) -> M:
        response = await self._http.get(url)
        if response.status != 200:  # noqa: PLR2004 - a redirect may lead anywhere
            raise ThirdPartyMisbehaved(response.host, f"answered {response.status}")
        return response.parse(model)

    def _usable(self, published: KeySet) -> Mapping[str, jwt.PyJWK]:
        """Leave out what is for something else, or for an algorithm that is not."""
        keys = {}
        for each in published.keys:
            if each.get("use", "sig") != "sig" or not isinstance(each.get("kid"), str):
                continue
            try:
                key = jwt.PyJWK(each)
            except jwt.PyJWTError:
                continue
            if key.algorithm_name in self._algorithms:
                keys[each["kid"]] = key
        if not keys:
            raise ValueError("The provider publishes no key that can be used.")
        return keys


async def _finished(reading: asyncio.Task[None] | None) -> None:
    if reading is not None:
        await asyncio.shield(reading)
