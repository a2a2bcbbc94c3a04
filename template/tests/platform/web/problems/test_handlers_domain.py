import pytest
from httpx import AsyncClient

from tests.platform.web.problems.answers import is_problem


class TestDomainErrors:
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("domain", 400),
            ("not-found", 404),
            ("conflict", 409),
            ("unauthenticated", 401),
            ("forbidden", 403),
            ("too-many", 429),
            ("overloaded", 503),
            ("invalid", 422),
            ("stale", 412),
            ("unavailable", 503),
            ("large", 400),
            ("surrogate", 400),
        ],
    )
    async def test_are_problems_of_their_kind(
        self, client: AsyncClient, name: str, status: int
    ) -> None:
        response = await client.get(f"/v1/errors/{name}")

        assert response.status_code == status
        assert is_problem(response)

    async def test_are_described_by_their_class(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/not-found")

        assert response.json() == {
            "type": "/problems/thing-not-found",
            "title": "Thing not found",
            "status": 404,
            "detail": "There is no thing 7.",
            "instance": "/v1/errors/not-found",
            "request_id": response.headers["x-request-id"],
            "thing_id": "00000000-0000-0000-0000-000000000007",
        }

    @pytest.mark.parametrize(
        ("name", "seconds"), [("unavailable", 7), ("too-many", 30), ("overloaded", 2)]
    )
    async def test_say_when_to_come_back(
        self, client: AsyncClient, name: str, seconds: int
    ) -> None:
        response = await client.get(f"/v1/errors/{name}")

        assert response.headers["retry-after"] == str(seconds)

    async def test_say_how_to_prove_who_asks(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/unauthenticated")

        assert response.headers["www-authenticate"] == "Bearer"

    async def test_keep_secrets_to_themselves(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/invalid")

        assert "hunter2" not in response.text
