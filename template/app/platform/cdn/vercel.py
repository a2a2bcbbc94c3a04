"""Vercel's CDN, which rewrites to this service and forgets by cache tag."""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Self

import structlog
from pydantic import Field, SecretStr

from app.platform.cdn import NotPurged, tagging
from app.platform.configuration import Refusal, Section
from app.platform.http import HttpClient

log = structlog.get_logger(__name__)

# Deleted, not marked as stale: else the next client would be shown the old once more.
PATH = "/v1/edge-cache/dangerously-delete-by-tags"
OK = 200


class VercelCdnSettings(Section):
    """`CDN__*` in the environment."""

    project: str = ""
    """The id or the name of the project; empty purges nothing."""
    team: str = ""
    """The id of the team that owns it, if one does."""
    token: SecretStr = SecretStr("")
    """A token that may purge it."""
    endpoint: str = Field("https://api.vercel.com", pattern=r"^https?://")
    """Where the API is."""

    def unsafe(self) -> Iterator[Refusal]:
        if self.project and not self.token.get_secret_value():
            yield Refusal("token", "is to be set with CDN__PROJECT")


class VercelCdn:
    """Asks for all keys of a purge at once."""

    # Vercel takes it off the answer.
    tagged = staticmethod(tagging(b"vercel-cache-tag"))

    def __init__(self, settings: VercelCdnSettings, http: HttpClient) -> None:
        self._settings = settings
        self._http = http

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: VercelCdnSettings, http: HttpClient
    ) -> AsyncIterator[Self]:
        if not settings.project:
            log.warning("cdn.not_purged", detail="CDN__PROJECT is not set.")
        yield cls(settings, http)

    async def purge(self, keys: Collection[str]) -> None:
        settings = self._settings
        if not settings.project:
            return
        whose = {"teamId": settings.team} if settings.team else {}
        answer = await self._http.post(
            settings.endpoint + PATH,
            params={"projectIdOrName": settings.project} | whose,
            headers={"authorization": f"Bearer {settings.token.get_secret_value()}"},
            json={"tags": list(keys)},
        )
        if answer.status != OK:
            raise NotPurged(f"Vercel answered {answer.status}.")
