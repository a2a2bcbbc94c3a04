"""What a route allows those who call it, and what holds for every request."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from datetime import timedelta
from functools import lru_cache
from re import Pattern
from typing import Any, Protocol, Self

import structlog
from fastapi.params import Depends
from starlette.types import Scope

from app.platform.observability import context

# The server reads no longer message, whatever a route allows.
LONGEST_MESSAGE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Concurrency:
    """A class of requests: so many of this name at a time, in each process."""

    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class Access:
    """Whom a route lets in: anybody, or whoever is known and has all these scopes."""

    kind: str
    scopes: frozenset[str] = frozenset()

    @classmethod
    def scope(cls, *names: str) -> Self:
        """Let in who has been granted these scopes, and admins."""
        return cls("scope", frozenset(names))


ANYBODY = Access("anonymous")
AUTHENTICATED = Access("authenticated")
# The rows of others are not there for who is let in: see `Owned`.
OWNER = Access("owner")
ADMIN = Access("admin", frozenset({context.ADMIN}))


class Guard(Protocol):
    """Stands before every route, where there is identity."""

    async def judge(self, scope: Scope, access: Access | None) -> None:
        """Say who asks, or raise: a route that lets in nobody in particular, too."""

    def describe(
        self, description: dict[str, Any], needs: Mapping[str, Access]
    ) -> None:
        """Add to OpenAPI what the operations need: by their ids."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A class of requests: each caller may send so many of this name in so long."""

    name: str
    limit: int
    seconds: int = 60


@dataclass(frozen=True, slots=True)
class Caching:
    """Who may keep a response, and what else it depends on. Errors are not kept."""

    control: str
    _: KW_ONLY
    vary: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()  # of `PublicChanged`: "notes", "note-{note_id}"

    @classmethod
    def public(
        cls,
        *,
        s_maxage: timedelta,
        stale_while_revalidate: timedelta = timedelta(0),
        stale_if_error: timedelta = timedelta(0),
        vary: tuple[str, ...] = (),
        keys: tuple[str, ...] = (),
    ) -> Self:
        """Let anybody be shown it, also by a CDN."""
        return cls(
            f"public, s-maxage={s_maxage.total_seconds():.0f}, "
            f"stale-while-revalidate={stale_while_revalidate.total_seconds():.0f}, "
            f"stale-if-error={stale_if_error.total_seconds():.0f}",
            vary=vary,
            keys=keys,
        )

    @property
    def is_public(self) -> bool:
        return "public" in self.control


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    Limits and promises of a route: `@router.post("", policy=Policy(...))`.

    What it leaves out (None) is as the router's policy has it, then as those of the
    routers that include that one, or else as the service (`WEB__*`). All of it is
    enforced by `Exchange.adopt` and `Route`. Members are hashable.
    """

    max_body_bytes: int | None = None
    """A larger body is refused, as soon as that is known."""
    deadline_seconds: float | None = None
    """Until the response begins."""
    stream_seconds: float | None = None
    """From then on until it ends, or is cut off."""
    concurrency: Concurrency | None = None
    """How many may be under way; beyond that, they are told to come back."""
    rate: Rate | None = None
    """How often a caller may ask, where that is counted; else by the method."""
    idempotency: Depends | None = None
    """`idempotent` or `idempotent_when_asked`; routes that only look ignore it."""
    access: Access | None = None
    """Whom it lets in. Each route says so, or its router, where there is identity."""
    caching: Caching | None = None
    """What `Cache-Control` says of a success, instead of `no-store`."""
    max_message_bytes: int | None = None
    """A longer message closes a WebSocket."""
    idle_seconds: float | None = None
    """A WebSocket whose client says nothing for so long is closed."""
    origins: tuple[str, ...] | None = None
    """Whose pages may open a WebSocket, besides those of the host that is asked."""

    def __post_init__(self) -> None:
        if (self.max_message_bytes or 0) > LONGEST_MESSAGE:
            raise ValueError(f"No message is longer than {LONGEST_MESSAGE} bytes.")

    @lru_cache(maxsize=1024)  # noqa: B019 - they are as many as routes
    def over(self, other: Self) -> Self:
        """Fill in from the other what this one leaves out."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(
            other, **{name: it for name, it in said.items() if it is not None}
        )


# The service's own limits, and no promise beyond them.
EVERYWHERE = Policy()


_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # Pages elsewhere may read it by CORS, and not load it as an image or a script.
    (b"cross-origin-resource-policy", b"same-origin"),
)
NO_STORE = (b"cache-control", b"no-store")
# The pages of the API's documentation load scripts; data has no business to.
DATA_ONLY = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
)
PAGE = (b"x-frame-options", b"DENY")

# Whose lines those of requests are.
_LOGGER = "app.platform.web.exchange"

type Headers = list[tuple[bytes, bytes]]
# Asked of each exchange once its route is known; it raises to refuse.
type Gate = Callable[[Any], Awaitable[None]]


@dataclass(slots=True)
class Terms:
    """What holds for every request of an application, and what they share."""

    policy: Policy
    strict_transport_seconds: int = 0
    guard: Guard | None = None
    gates: tuple[Gate, ...] = ()
    # Which hosts are ours, if that is said.
    hosts: Pattern[bytes] | None = None
    # Bound once: finding out how to log costs more than a line does.
    log: Any = field(default_factory=lambda: structlog.get_logger(_LOGGER).bind())
    # How many of each class are under way.
    taken: Counter[str] = field(default_factory=Counter)
    # Streams and sockets go on until they are told to end.
    open: set[asyncio.Task[Any] | None] = field(default_factory=set)
    ending: bool = False
    # What answers say over HTTP and, with another line, over HTTPS (RFC 6797, 7.2).
    always: Headers = field(default_factory=lambda: list(_ALWAYS))
    secured: Headers = field(init=False)

    def __post_init__(self) -> None:
        self.secured = list(self.always)
        if self.strict_transport_seconds:
            value = f"max-age={self.strict_transport_seconds}".encode()
            self.secured.append((b"strict-transport-security", value))

    async def end(self, *, within: float) -> None:
        """Tell all that would go on for ever that this process does not."""
        self.ending = True
        tasks = {task for task in self.open if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within)
