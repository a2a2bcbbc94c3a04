"""Routes that promise to have their effect once."""

from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import text

from app.platform.errors import Conflict
from app.platform.idempotency import idempotent, idempotent_when_asked
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.routing import Router


async def identify(x_test_caller: Annotated[str | None, Header()] = None) -> None:
    """Prove nothing, as no service may."""
    if x_test_caller is not None:
        context.identify(Principal(x_test_caller))


router = Router(dependencies=[Depends(identify)])


class Effect(BaseModel):
    name: str
    seconds: float = 0


class NotToday(Conflict):
    """The effect is refused."""


@router.post("/effects", status_code=201, dependencies=[idempotent])
async def cause(
    effect: Effect, request: Request, response: Response, unit: UnitOfWorkDep
) -> dict[str, str]:
    key = str(uuid4())
    await unit.session.execute(
        text("INSERT INTO effects (id, name) VALUES (:id, :name)"),
        {"id": key, "name": effect.name},
    )
    await unit.session.execute(text(f"SELECT pg_sleep({effect.seconds})"))
    if request.headers.get("x-refuse"):
        raise NotToday("Not today.")
    response.headers["Location"] = f"/effects/{key}"
    response.headers["Set-Cookie"] = "seen=1"
    return {"id": key}


@router.post("/effects/optional", dependencies=[idempotent_when_asked])
async def cause_when_asked(
    effect: Effect, request: Request, response: Response, unit: UnitOfWorkDep
) -> dict[str, str]:
    return await cause(effect, request, response, unit)


@router.post("/effects/streamed", dependencies=[idempotent])
async def stream(unit: UnitOfWorkDep) -> StreamingResponse:
    await unit.session.execute(text("INSERT INTO effects (id, name) VALUES ('x', 'x')"))
    return StreamingResponse(iter([b"x"]))


@router.post("/effects/failed", dependencies=[idempotent])
async def answer_with_failure() -> Response:
    return Response(status_code=502)
