"""What an answer would say of a public route, and of one that is not."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from app.platform.web.exchange import HttpExchange
from app.platform.web.policy import Caching, Policy, Terms

PUBLIC = Caching.public(s_maxage=timedelta(minutes=1), keys=("notes", "note-{key}"))


async def said(
    tagged: Callable[[Any], Awaitable[None]], *, key: str
) -> dict[bytes, bytes]:
    """Which headers the gate adds; of a private route there must be none."""
    of: dict[Policy, dict[bytes, bytes]] = {}
    for policy in (Policy(caching=PUBLIC), Policy(caching=Caching("private"))):
        scope = {"type": "http", "headers": [], "path_params": {"key": key}}
        exchange = HttpExchange(Terms(policy), scope, None, None)
        await tagged(exchange)
        of[policy] = dict(exchange.added)
    public, private = of.values()
    assert not private
    return public
