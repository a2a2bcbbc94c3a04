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
            ("forbidden", 403),
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

    async def test_say_when_to_come_back(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/unavailable")

        assert response.headers["retry-after"] == "7"

    async def test_keep_secrets_to_themselves(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/invalid")

        assert "hunter2" not in response.text
