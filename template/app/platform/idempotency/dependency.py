"""What a route takes to run once for each idempotency key."""

import re
from datetime import timedelta
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.configuration import Section
from app.platform.errors import Conflict, DomainError, Invalid
from app.platform.idempotency.models import Claim, claim, storing
from app.platform.observability import context
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.problems import own_path
from app.platform.web.routing import Answered, before_commit


class IdempotencyKeyMissing(DomainError):
    """The operation needs an `Idempotency-Key`."""


class IdempotencyKeyMalformed(DomainError):
    """The key is not 1 to 255 visible ASCII characters."""


class IdempotencyKeyInUse(Conflict):
    """The first request with this key has not been answered yet."""

    retry_after_seconds = 1


class IdempotencyKeyReused(Invalid):
    """The key came with another request before."""


# For the documentation of a route: `responses=problems(..., *KEY_REFUSALS)`.
KEY_REFUSALS: tuple[type[DomainError], ...] = (
    IdempotencyKeyMissing,
    IdempotencyKeyMalformed,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
)


class IdempotencySettings(Section):
    """`IDEMPOTENCY__*` in the environment."""

    retention_hours: float = Field(24.0, gt=0)
    """How long a repeated request gets the first one's answer."""


def install(app: FastAPI, settings: IdempotencySettings) -> None:
    app.state.idempotency = settings


_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# They belong to one response or to its connection, not to the answer.
_NOT_KEPT = frozenset({"content-length", "date", "set-cookie"})

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="1 to 255 visible ASCII characters, new for each new effect.",
        json_schema_extra={"pattern": f"^{_KEY.pattern}$"},
    ),
]


async def _idempotent(
    request: Request, unit: UnitOfWorkDep, key: KeyHeader = None
) -> None:
    if key is None:
        raise IdempotencyKeyMissing("Send a new Idempotency-Key with each new request.")
    await _idempotent_when_asked(request, unit, key)


async def _idempotent_when_asked(
    request: Request, unit: UnitOfWorkDep, key: KeyHeader = None
) -> None:
    if key is None:
        return
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyMalformed("A key has 1 to 255 visible ASCII characters.")
    scope = f"{request.method} {own_path(request.scope)}"
    key_hash = sha256(f"{context.caller()}\n{scope}\n{key}".encode()).digest()
    fingerprint = await _fingerprint(request)
    settings: IdempotencySettings = request.app.state.idempotency

    async def keep(response: Response) -> None:
        """Keep a success. A failure may be tried again with the same key."""
        if response.status_code // 100 != 2:  # noqa: PLR2004
            return
        headers = response.headers.items()
        answer = storing(
            retention=timedelta(hours=settings.retention_hours),
            key_hash=key_hash,
            scope=scope,
            fingerprint=fingerprint,
            status=response.status_code,
            headers=[header for header in headers if header[0] not in _NOT_KEPT],
            body=bytes(response.body),
        )
        unit.write_last(answer, judge=_judge)

    await _claim(unit.session, key_hash, fingerprint)
    before_commit(request, keep)


async def _claim(session: AsyncSession, key_hash: bytes, fingerprint: bytes) -> None:
    """Raise the answer if it was given already, or that somebody is at it."""
    given = await claim(session, key_hash)
    if given.fingerprint is None:
        if not given.is_held:
            raise _in_use()
        return
    if given.fingerprint != fingerprint:
        raise IdempotencyKeyReused("This key belongs to another request.")
    raise Answered(_replay(given))


def _judge(stored: int) -> None:
    if not stored:
        raise _in_use()


def _in_use() -> IdempotencyKeyInUse:
    return IdempotencyKeyInUse("A request with this key is being answered.")


async def _fingerprint(request: Request) -> bytes:
    return sha256(request.url.query.encode() + b"\n" + await request.body()).digest()


def _replay(given: Claim) -> Response:
    response = Response(given.body, given.status)
    for name, value in given.headers:
        response.headers.append(name, value)
    response.headers["Idempotent-Replayed"] = "true"
    return response


# For `dependencies=[...]` of a route: the header is required, or honoured if sent.
idempotent = Depends(_idempotent)
idempotent_when_asked = Depends(_idempotent_when_asked)
