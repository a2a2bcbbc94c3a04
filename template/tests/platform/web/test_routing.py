from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.platform.web.routing import before_commit
from tests.platform.web.conftest import Serve, create_app

plain = APIRouter()


class Named(BaseModel):
    name: str


@plain.post("/named")
async def name(named: Named) -> Named:
    return named


async def see(_: Response) -> None:
    return None


@plain.get("/seen")
async def get_seen(request: Request) -> None:
    before_commit(request, see)


class TestPlainRouter:
    """Routes of FastAPI's own router, which some library may bring along."""

    async def test_answers_malformed_json_with_a_problem(self, serve: Serve) -> None:
        async with serve(create_app(None, plain)) as client:
            response = await client.post(
                "/v1/named", content=b"{", headers={"content-type": "application/json"}
            )

        assert response.status_code == 400
        assert response.headers["content-type"] == "application/problem+json"

    async def test_cannot_promise_what_it_does_not_keep(self, serve: Serve) -> None:
        async with serve(create_app(None, plain)) as client:
            response = await client.get("/v1/seen")

        assert response.status_code == 500
