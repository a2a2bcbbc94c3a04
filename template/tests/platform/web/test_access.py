from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from starlette.types import Scope

from app.platform import web
from app.platform.errors import Unauthenticated
from app.platform.web import policy
from app.platform.web.routing import (
    ADMIN,
    ANYBODY,
    OWNER,
    Access,
    Caching,
    Policy,
    Router,
)
from tests.platform.web.conftest import create_app, serving


class Doorkeeper:
    """Lets nobody in but where anybody may."""

    async def judge(self, _: Scope, access: Access | None) -> None:
        if access != ANYBODY:
            raise Unauthenticated("Who are you?")

    def describe(
        self, description: dict[str, Any], needs: Mapping[str, Access]
    ) -> None:
        description["x-needs"] = {name: each.kind for name, each in needs.items()}


CALLED: list[str] = []


async def enter() -> int:
    CALLED.append("enter")
    return 1


async def look() -> int:
    return 2


def secured() -> FastAPI:
    inner = Router()
    inner.post("/enter")(enter)
    inner.get("/look", policy=Policy(access=ANYBODY))(look)
    outer = Router(policy=Policy(access=OWNER))
    outer.include_router(inner)
    app = create_app(None, outer)
    web.secure(app, outer, Doorkeeper())
    return app


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    CALLED.clear()
    async with serving(secured()) as client:
        yield client


class TestGuard:
    async def test_is_asked_before_a_route_is_called(self, client: AsyncClient) -> None:
        refused = await client.post("/v1/enter", content=b"not read")

        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert not CALLED

    async def test_knows_what_the_route_needs(self, client: AsyncClient) -> None:
        assert (await client.get("/v1/look")).json() == 2

    def test_describes_what_each_operation_needs(self) -> None:
        description = secured().openapi()

        assert description["x-needs"] == {"enter": "owner", "look": "anonymous"}


class TestAccess:
    def test_of_a_scope_needs_it(self) -> None:
        assert Access.scope("a", "b").scopes == {"a", "b"}
        assert ADMIN.scopes == {"admin"}
        assert not policy.AUTHENTICATED.scopes

    @pytest.mark.parametrize("kind", [Router, APIRouter])
    def test_that_is_not_declared_ends_the_start(self, kind: type[APIRouter]) -> None:
        router = kind()
        router.get("/forgotten")(look)
        app = create_app(None, router)

        with pytest.raises(SystemExit, match="/forgotten does not declare"):
            web.secure(app, router, Doorkeeper())

    def test_that_lets_in_some_keeps_no_answer_for_anybody(self) -> None:
        kept = Caching.public(s_maxage=timedelta(minutes=1))
        router = Router(policy=Policy(access=OWNER))
        router.get("/own", policy=Policy(caching=kept))(look)
        app = create_app(None, router)

        with pytest.raises(SystemExit, match="/own lets in some"):
            web.secure(app, router, Doorkeeper())

    def test_that_is_not_declared_is_anybodys_without_identity(self) -> None:
        router = Router()
        router.get("/public")(look)

        web.secure(create_app(None, router), router, None)
