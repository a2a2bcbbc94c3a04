"""The routes that the tests of this package ask."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import HTTPException, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm.exc import StaleDataError

from app.platform.database import Page, Position
from app.platform.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    PreconditionFailed,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from app.platform.observability import context
from app.platform.web.conditional import (
    IfMatchDep,
    OptionalIfMatchDep,
    set_version,
)
from app.platform.web.paging import PageDep, PageRead
from app.platform.web.problems import problems
from app.platform.web.routing import Caching, Policy, Router

router = Router(tags=["things"])
KEYS = [UUID(int=number) for number in range(5, 0, -1)]


class ThingNotFound(NotFound):
    """There is no thing with this id."""


class ThingTaken(Conflict):
    """Somebody else has the thing."""


class Circle(BaseModel):
    kind: Literal["circle"]


class Square(BaseModel):
    kind: Literal["square"]


class Thing(BaseModel):
    name: str = Field(max_length=40)
    quantity: int = Field(1, ge=0, le=2**31)
    price: float = 0
    password: str | None = Field(None, min_length=12)
    at: datetime | None = None
    shape: Annotated[Circle | Square, Field(discriminator="kind")] | None = None
    extra: Any = None


ERRORS: dict[str, Exception] = {
    "domain": DomainError("No."),
    "not-found": ThingNotFound("There is no thing 7.", thing_id=UUID(int=7)),
    "conflict": ThingTaken("It is taken."),
    "unauthenticated": Unauthenticated("Who asks?"),
    "forbidden": Forbidden("Not yours."),
    "too-many": TooManyRequests("Not so often.", retry_after_seconds=30),
    "overloaded": Overloaded("Too much at once.", retry_after_seconds=2),
    "invalid": Invalid("It makes no sense.", token="hunter2"),
    "stale": PreconditionFailed("It has changed."),
    "unavailable": Unavailable("Later.", retry_after_seconds=7),
    "large": DomainError("x" * 10_000, value="y" * 100_000),
    "surrogate": DomainError("half \ud800"),
    "teapot": HTTPException(418, headers={"X-Tea": "none"}),
    "unchanged": HTTPException(304),
    "changed": StaleDataError("hunter2"),
    "timeout": TimeoutError(),
    "refused": ConnectionRefusedError(),
    "defect": LookupError("hunter2"),
}


@router.post("/things", status_code=201, responses=problems(ThingTaken))
async def add_thing(thing: Thing) -> Thing:
    return thing


@router.get("/things/{thing_id}", responses=problems(ThingNotFound))
async def get_thing(
    thing_id: int, response: Response, token: str = ""
) -> dict[str, int]:
    set_version(response, 3)
    return {"id": thing_id}


@router.put("/things/{thing_id}")
async def replace_thing(thing_id: int, expected: IfMatchDep) -> dict[str, int | None]:
    return {"id": thing_id, "expected": expected}


@router.patch("/things/{thing_id}")
async def change_thing(
    thing_id: int, expected: OptionalIfMatchDep
) -> dict[str, int | None]:
    return {"id": thing_id, "expected": expected}


@router.get("/things")
async def list_things(page: PageDep) -> PageRead[UUID]:
    left = [key for key in KEYS if page.after is None or key < page.after.key]
    items = left[: page.limit]
    is_last = len(items) == len(left)
    return PageRead[UUID].of(Page(items, None if is_last else Position(items[-1])))


@router.get(
    "/errors/{name}", responses=problems(Unauthenticated, TooManyRequests, Overloaded)
)
async def fail(name: str) -> None:
    raise ERRORS[name]


PUBLIC = Caching.public(
    s_maxage=timedelta(minutes=1),
    stale_while_revalidate=timedelta(seconds=30),
    vary=("Accept-Language",),
)


@router.get("/public", policy=Policy(caching=PUBLIC))
async def get_public(fails: Annotated[bool, Query()] = False) -> dict[str, int]:
    if fails:
        raise ThingTaken("It is taken.")
    return {"answer": 42}


@router.get("/caller")
async def tell_who_asks() -> str:
    return str(context.caller())


@router.get("/empty")
async def get_nothing() -> Response:
    return Response()


@router.put("/notes/{note_id}")
async def replace_note(note_id: int, thing: Thing, expected: IfMatchDep) -> Thing:
    return thing


@router.put("/threads/{thing_id}")
def replace_on_a_thread(thing_id: int, expected: IfMatchDep) -> dict[str, int | None]:
    return {"id": thing_id, "expected": expected}


@router.get("/slow")
async def wait(seconds: float) -> None:
    await asyncio.sleep(seconds)


@router.get("/stream")
async def stream(seconds: float = 0) -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(seconds)
        yield b"two"

    return StreamingResponse(chunks())


@router.get("/endless-stream")
async def go_on() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"more"
            await asyncio.sleep(0)

    return StreamingResponse(chunks())


@router.get("/broken-stream")
async def break_off() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise LookupError("gone")

    return StreamingResponse(chunks())
