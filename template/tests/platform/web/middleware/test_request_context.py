import pytest
from httpx import AsyncClient


class TestRequestId:
    async def test_is_the_callers_if_it_is_sane(self, client: AsyncClient) -> None:
        response = await client.get(
            "/v1/public", headers={"X-Request-ID": "request-0001"}
        )

        assert response.headers["x-request-id"] == "request-0001"

    @pytest.mark.parametrize(
        "value", ["short", "x" * 129, "with space", "a\tb\x7fcdef"]
    )
    async def test_is_made_up_otherwise(self, client: AsyncClient, value: str) -> None:
        response = await client.get("/v1/public", headers={"X-Request-ID": value})

        assert response.headers["x-request-id"] != value
        assert len(response.headers["x-request-id"]) == 32
