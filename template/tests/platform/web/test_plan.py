"""A planned route answers what FastAPI would, to whatever is asked."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response, params
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field

from app import api
from app.platform.web.plan import plan_of
from app.platform.web.routing import Router
from tests.platform.web.conftest import Serve, create_app

JSON = "application/json"
# What a dependency that is asked for twice has done, by request.
OPENED: list[str] = []


class Thing(BaseModel):
    size: Annotated[int, Field(ge=1)]
    name: str = "thing"


class Shown(Thing):
    note: Annotated[str, Field(serialization_alias="the-note")]


async def opened(request: Request) -> AsyncIterator[str]:
    OPENED.append(f"open {request.url.path[-1]}")
    yield "opened"
    OPENED.append("closed")


OpenedDep = Annotated[str, Depends(opened, scope="function")]


def shout(first: OpenedDep, word: Annotated[str, Header()] = "a") -> str:
    return word.upper() + first


ShoutDep = Annotated[str, Depends(shout)]


async def both(first: OpenedDep, second: ShoutDep, limit: int = 3) -> str:
    return f"{first} {second} {limit}"


async def put(
    key: int,
    thing: Thing,
    said: Annotated[str, Depends(both)],
    response: Response,
    ids: Annotated[list[int] | None, Header()] = None,
) -> Shown:
    response.headers["X-Said"] = said
    response.status_code = 202
    return Shown(**thing.model_dump(), note=f"{key} {ids}")


def declared_on[R: APIRouter](router: R, prefix: str) -> R:
    router.add_api_route(prefix + "/{key}", put, methods=["PUT"])
    return router


planned = declared_on(Router(generate_unique_id_function=lambda _: "planned"), "/a")
plain = declared_on(APIRouter(), "/b")


class TestPlan:
    @pytest.mark.parametrize(
        ("path", "headers", "body"),
        [
            ("/1", {}, {"size": 1}),
            ("/1?limit=5", {"word": "b"}, {"size": 1, "name": "n"}),
            ("/1", {"ids": "7"}, {"size": 1}),
            ("/one?limit=five", {"ids": "seven"}, {"size": 0}),
            ("/1?limit=five", {}, {"size": 1}),
            ("/1", {}, {}),
            ("/1", {}, None),
            ("/1", {}, [1]),
        ],
    )
    async def test_answers_as_fastapi_does(
        self, serve: Serve, path: str, headers: dict[str, str], body: object
    ) -> None:
        answers = []
        content = None if body is None else json.dumps(body)
        given = {"x-request-id": "the-same-one", "content-type": JSON, **headers}

        async with serve(create_app(None, planned, plain)) as client:
            for prefix in ("/v1/a", "/v1/b"):
                OPENED.clear()
                answer = await client.put(prefix + path, headers=given, content=content)
                shown = answer.text.replace(prefix, "")
                names = {*answer.headers}
                answers.append((answer.status_code, names, shown, [*OPENED]))

        assert answers[0] == answers[1]

    async def test_yields_to_what_a_test_puts_in_place(self, serve: Serve) -> None:
        app = create_app(None, planned)
        app.dependency_overrides[shout] = lambda: "another"

        async with serve(app) as client:
            answer = await client.put("/v1/a/1", json={"size": 1})

        assert answer.headers["x-said"] == "opened another 3"

    def test_is_made_for_what_the_modules_answer_with_json(self) -> None:
        app = FastAPI()
        app.include_router(api.router)
        app.include_router(planned)
        routes = list(iter_route_contexts(app.routes))

        unplanned = [
            each.path
            for each in routes
            if getattr(each, "response_field", None) and plan_of(each) is None
            # What FastAPI reads is a form.
            if not isinstance(getattr(each.body_field, "field_info", None), params.Form)
        ]

        assert unplanned == []
        assert any(getattr(each, "response_field", None) for each in routes)
