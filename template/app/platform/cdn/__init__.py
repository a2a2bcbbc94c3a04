"""The port of the CDN: what it has kept of public answers, and must forget."""

import re
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from app.platform.errors import Unavailable
from app.platform.web.exchange import Exchange

# What a key may consist of at every CDN; a path may bring anything.
KEY = re.compile(r"[A-Za-z0-9._:-]{1,200}")


class Cdn(Protocol):
    """Keeps what routes declare as public, under the keys that they name."""

    async def purge(self, keys: Collection[str]) -> None:
        """Have all that has one of the keys forgotten; raise `NotPurged` or similar."""


class NotPurged(Unavailable):
    """The CDN refuses to forget: the log says with which status."""


def tagging(header: bytes) -> Callable[[Exchange], Awaitable[None]]:
    """Let each answer of a public route say its keys in this header."""

    async def tagged(exchange: Exchange) -> None:
        caching = exchange.policy.caching
        if caching is None or not caching.keys:
            return
        parts = exchange.scope.get("path_params", {})
        keys = [key.format_map(parts) for key in caching.keys]
        exchange.added.append((header, ",".join(filter(KEY.fullmatch, keys)).encode()))

    return tagged
