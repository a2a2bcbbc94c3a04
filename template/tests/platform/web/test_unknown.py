"""What a route does not declare is refused, by name."""

from typing import Annotated, Any, Literal

import pytest
from fastapi import Depends, Form, Query, Security, UploadFile
from fastapi.security import APIKeyQuery
from httpx import Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from app.platform.web import WebSettings
from app.platform.web.routing import Router
from tests.platform.web.conftest import Serve, create_app

router = Router()


class Part(BaseModel):
    colour: str = "red"


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")

    kind: Literal["loose"] = "loose"


class Camel(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    unit_price: Annotated[int, Field(alias="unitPrice")] = 0


class Whole(BaseModel):
    title: str = ""
    parts: list[Part] = []
    labels: dict[str, Part] = {}
    spare: Part | None = None
    camel: Camel = Camel()
    anything: dict[str, Any] = {}


class Narrowed(BaseModel):
    status: str = ""
    size: Annotated[int, Field(validation_alias=AliasChoices("size", "width"))] = 0


def paged(limit: int = 20) -> int:
    return limit


key = APIKeyQuery(name="key", auto_error=False)


@router.get("/wholes", dependencies=[Depends(paged), Security(key)])
async def list_wholes(
    status: str = "", order: Annotated[str, Query(alias="sort")] = ""
) -> dict[str, str]:
    return {"status": status, "order": order}


@router.get("/narrowed")
async def list_narrowed(wanted: Annotated[Narrowed, Query()]) -> Narrowed:
    return wanted


@router.get("/loose")
async def list_loose(wanted: Annotated[Loose, Query()]) -> dict[str, Any]:
    return wanted.model_dump()


@router.post("/wholes")
async def add_whole(whole: Whole) -> Whole:
    return whole


@router.post("/loose")
async def add_loose(loose: Loose) -> dict[str, Any]:
    return loose.model_dump()


@router.post("/forms")
async def send_form(
    name: Annotated[str, Form()], colour: Annotated[str, Form()] = "red"
) -> str:
    return f"{colour} {name}"


@router.post("/models")
async def send_model(part: Annotated[Part, Form()]) -> Part:
    return part


@router.post("/loose-forms")
async def send_loose(loose: Annotated[Loose, Form()]) -> dict[str, Any]:
    return loose.model_dump()


@router.post("/files")
async def send_file(file: UploadFile, note: Annotated[str, Form()] = "") -> str:
    return (await file.read()).decode() + note


@router.post("/two")
async def add_two(whole: Whole, part: Part) -> None:
    return None


def errors(response: Response) -> list[tuple[str, str, str]]:
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return [
        (each["location"], each["pointer"], each["message"])
        for each in response.json()["errors"]
    ]


class TestQuery:
    async def test_names_the_parameter_and_the_likely_one(self, serve: Serve) -> None:
        async with serve(create_app(None, router)) as client:
            response = await client.get("/v1/wholes?statuss=open&q=1")

        assert errors(response) == [
            (
                "query",
                "#/statuss",
                "There is no such parameter; perhaps status is meant.",
            ),
            ("query", "#/q", "There is no such parameter."),
        ]

    @pytest.mark.parametrize(
        "query", ["status=open&sort=x&limit=1&key=1", "status=a&status=b", ""]
    )
    async def test_takes_what_the_route_and_its_dependencies_read(
        self, serve: Serve, query: str
    ) -> None:
        async with serve(create_app(None, router)) as client:
            response = await client.get(f"/v1/wholes?{query}")

        assert response.status_code == 200

    async def test_takes_what_a_dependency_of_the_inclusion_reads(
        self, serve: Serve
    ) -> None:
        def tenant(tenant: str = "") -> str:
            return tenant

        outer = Router()
        outer.include_router(router, dependencies=[Depends(tenant)])
        async with serve(create_app(None, outer)) as client:
            taken = await client.get("/v1/wholes?tenant=a")
            refused = await client.get("/v1/wholes?tenants=a")

        assert taken.status_code == 200
        assert errors(refused)[0][1] == "#/tenants"

    async def test_takes_the_fields_of_a_model(self, serve: Serve) -> None:
        async with serve(create_app(None, router)) as client:
            taken = await client.get("/v1/narrowed?status=a&width=3")
            refused = await client.get("/v1/narrowed?wanted=a")

        assert taken.json() == {"status": "a", "size": 3}
        assert errors(refused)[0][1] == "#/wanted"

    async def test_leaves_a_model_open_that_says_so(self, serve: Serve) -> None:
        async with serve(create_app(None, router)) as client:
            response = await client.get("/v1/loose?more=1")

        assert response.json()["more"] == "1"

    async def test_says_of_so_many_only_the_first(self, serve: Serve) -> None:
        query = "&".join(f"{number:05}{'x' * 60}=1" for number in range(100))
        async with serve(create_app(None, router)) as client:
            response = await client.get(f"/v1/wholes?{query}")

        assert len(errors(response)) == 20


class TestBody:
    @pytest.mark.parametrize(
        ("body", "pointer", "likely"),
        [
            ({"titel": "x"}, "#/titel", "; perhaps title is meant"),
            ({"parts": [{}, {"color": 1}]}, "#/parts/1/color", "; perhaps colour is"),
            ({"labels": {"a": {"b": 1}}}, "#/labels/a/b", "."),
            ({"spare": {"b": 1}}, "#/spare/b", "."),
            ({"title": "", "tittel": 1}, "#/tittel", "; perhaps title is"),
        ],
    )
    async def test_names_the_member_and_the_likely_one(
        self, serve: Serve, body: dict[str, Any], pointer: str, likely: str
    ) -> None:
        async with serve(create_app(None, router)) as client:
            response = await client.post("/v1/wholes", json=body)

        [(location, found, message)] = errors(response)
        assert (location, found) == ("body", pointer)
        assert message.startswith("There is no such member" + likely)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"title": "x", "parts": [{"colour": "blue"}], "labels": {"a": {}}},
            {"camel": {"unitPrice": 1}},
            {"camel": {"unit_price": 1}},
            {"anything": {"what": {"ever": 1}}},
        ],
    )
    async def test_takes_what_the_route_declares(
        self, serve: Serve, body: dict[str, Any]
    ) -> None:
        async with serve(create_app(None, router)) as client:
            response = await client.post("/v1/wholes", json=body)

        assert response.status_code == 200

    async def test_names_a_strange_one_beside_two_bodies(self, serve: Serve) -> None:
        body: dict[str, Any] = {"whole": {}, "part": {}, "parts": {}}
        async with serve(create_app(None, router)) as client:
            response = await client.post("/v1/two", json=body)

        assert errors(response)[0][1] == "#/parts"

    async def test_leaves_a_model_open_that_says_so(self, serve: Serve) -> None:
        async with serve(create_app(None, router)) as client:
            response = await client.post("/v1/loose", json={"more": 1})

        assert response.json()["more"] == 1

    async def test_leaves_other_mistakes_to_their_own_sentence(
        self, serve: Serve
    ) -> None:
        async with serve(create_app(None, router)) as client:
            malformed = await client.post(
                "/v1/wholes",
                content=b"{",
                headers={"content-type": "application/json"},
            )
            mistyped = await client.post("/v1/wholes", json={"title": 1})

        assert malformed.status_code == 400
        assert errors(mistyped)[0][1:] == ("#/title", "Input should be a valid string")


class TestForm:
    @pytest.mark.parametrize(
        ("path", "fields", "said"),
        [
            ("forms", {"name": "x", "color": "y"}, "; perhaps colour is meant."),
            ("models", {"colour": "y", "part": "{}"}, "."),
        ],
    )
    async def test_names_the_field_and_the_likely_one(
        self, serve: Serve, path: str, fields: dict[str, str], said: str
    ) -> None:
        async with serve(create_app(None, router)) as client:
            response = await client.post(f"/v1/{path}", data=fields)

        strange = [*fields][-1]
        message = "There is no such field" + said
        assert errors(response) == [("body", f"#/{strange}", message)]

    async def test_names_a_strange_file_beside_one_that_is_read(
        self, serve: Serve
    ) -> None:
        sent = {"file": b"hello", "flie": b"again"}
        async with serve(create_app(None, router)) as client:
            response = await client.post("/v1/files", files=sent)

        assert errors(response) == [
            ("body", "#/flie", "There is no such field; perhaps file is meant.")
        ]

    async def test_takes_what_the_route_declares(self, serve: Serve) -> None:
        async with serve(create_app(None, router)) as client:
            form = await client.post("/v1/forms", data={"name": "x", "colour": "y"})
            model = await client.post("/v1/models", data={"colour": "y"})
            open_one = await client.post("/v1/loose-forms", data={"more": "1"})
            file = await client.post(
                "/v1/files", files={"file": b"hello"}, data={"note": "!"}
            )

        assert (form.json(), model.json()) == ("y x", {"colour": "y"})
        assert open_one.json()["more"] == "1"
        assert file.json() == "hello!"


class TestSwitch:
    async def test_lets_everything_pass(self, serve: Serve) -> None:
        settings = WebSettings(refuse_unknown=False)
        async with serve(create_app(settings, router)) as client:
            query = await client.get("/v1/wholes?statuss=open")
            body = await client.post("/v1/wholes", json={"titel": "x"})
            form = await client.post("/v1/models", data={"color": "x"})
            said = (await client.get("/openapi.json")).text

        assert {each.status_code for each in (query, body, form)} == {200}
        assert '"additionalProperties":false' not in said
