"""Which quota a request is counted against, and what its answer says of that."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Annotated, NamedTuple, Self

from pydantic import Field, StringConstraints
from starlette.types import Scope

from app.platform.configuration import Section
from app.platform.errors import TooManyRequests, Unavailable
from app.platform.observability import context
from app.platform.ratelimits.meter import MICROSECONDS, LocalCount, Meter, Quota
from app.platform.web.exchange import Exchange
from app.platform.web.policy import Policy, Rate

QUOTA = r"[1-9]\d{0,5}/(?:second|minute|hour)|none"
CLASS = r"[a-z][a-z0-9_]*"
CLASSES = rf"^{CLASS}=({QUOTA})( *, *{CLASS}=({QUOTA}))*$|^$"
SECONDS = {"second": 1, "minute": 60, "hour": 3600}
LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
# Whoever has one address of the sixth version has this many bits of others.
OF_ONE_HOLDER = 64


class RateLimitSettings(Section):
    """`RATELIMITS__*` in the environment: so often may each caller ask."""

    reads: Annotated[str, StringConstraints(pattern=rf"^({QUOTA})$")] = "6000/minute"
    """Requests that only look: so many each second, minute or hour; none is no end."""
    writes: Annotated[str, StringConstraints(pattern=rf"^({QUOTA})$")] = "1200/minute"
    """Requests that change something, likewise."""
    classes: Annotated[str, StringConstraints(pattern=CLASSES)] = ""
    """Instead of what routes declare of their own: exports=10/hour,previews=none."""
    closed: str = Field("", pattern=rf"^({CLASS}( *, *{CLASS})*)?$")
    """Classes to refuse while replicas cannot count together; others count alone."""

    def quotas(self) -> Iterator[tuple[str, Quota | None]]:
        yield "reads", _read(self.reads)
        yield "writes", _read(self.writes)
        for name, quota in re.findall(rf"({CLASS})=({QUOTA})", self.classes):
            yield name, _read(quota)


def _read(text: str) -> Quota | None:
    limit, _, unit = text.partition("/")
    return Quota(int(limit), SECONDS[unit]) if unit else None


class Rule(NamedTuple):
    """A class of requests, as it is counted and announced."""

    name: str
    quota: Quota
    closed: bool

    @property
    def policy(self) -> bytes:
        return f'"{self.name}";q={self.quota.limit};w={self.quota.seconds}'.encode()


class RateLimits:
    """
    Counts each request for its class and its caller: whom we know, or else an address.

    The address is that of the connection, or what a trusted proxy says of it.
    """

    def __init__(self, settings: RateLimitSettings, shared: Meter | None) -> None:
        self._shared = shared
        self._own = LocalCount()
        self._quotas = dict(settings.quotas())
        self._closed = frozenset(re.findall(CLASS, settings.closed))
        self._rules: dict[tuple[Rate | None, bool], Rule | None] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: RateLimitSettings, shared: Meter | None = None
    ) -> AsyncIterator[Self]:
        yield cls(settings, shared)

    async def admit(self, exchange: Exchange) -> None:
        """Announce what is left, or raise if it is too little."""
        rule = self._rule_of(exchange.policy, exchange.method)
        if rule is None:
            return
        key = f"{rule.name}:{_caller_of(exchange.scope)}"
        spent = await self._spend(key, rule)
        wait = max(0, -spent)
        left = 0 if wait else (rule.quota.window - spent) // rule.quota.interval
        seconds = -(-(wait or spent) // MICROSECONDS)
        exchange.added += (
            (b"ratelimit-policy", rule.policy),
            (b"ratelimit", f'"{rule.name}";r={left};t={seconds}'.encode()),
        )
        if wait:
            detail = "You ask more often than you may."
            raise TooManyRequests(detail, retry_after_seconds=seconds)

    async def _spend(self, key: str, rule: Rule) -> int:
        """Count together, and alone when that cannot be."""
        if self._shared is not None:
            spent = await self._shared.spend(key, rule.quota)
            if spent is not None:
                return spent
            if rule.closed:
                raise Unavailable("How often you have asked cannot be told just now.")
        return self._own.spend(key, rule.quota)

    def _rule_of(self, policy: Policy, method: str) -> Rule | None:
        """Find the class of a request: as many are kept as routes declare."""
        key = policy.rate, method in LOOKING
        if key not in self._rules:
            self._rules[key] = self._rule(*key)
        return self._rules[key]

    def _rule(self, rate: Rate | None, looks: bool) -> Rule | None:
        name = rate.name if rate else "reads" if looks else "writes"
        declared = Quota(rate.limit, rate.seconds) if rate else None
        quota = self._quotas.get(name, declared)
        return Rule(name, quota, name in self._closed) if quota else None


def _caller_of(scope: Scope) -> str:
    caller = context.caller()
    if caller.id != context.ANONYMOUS:
        return str(caller)
    host, _ = scope.get("client") or ("", 0)
    return _holder_of(host)


@lru_cache(maxsize=4096)
def _holder_of(host: str) -> str:
    """Name who holds an address, whichever of their addresses it is."""
    try:
        address = IPv6Address(host)
    except ValueError:
        return host[:64]
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> OF_ONE_HOLDER << OF_ONE_HOLDER)}/64"


async def limited(exchange: Exchange) -> None:
    """Find out by the state of the application where to count."""
    platform = exchange.scope.get("state", {}).get("platform")
    if platform is not None:
        await platform.ratelimits.admit(exchange)
