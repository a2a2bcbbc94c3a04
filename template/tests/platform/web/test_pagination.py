import pytest
from httpx import AsyncClient

from tests.platform.web.service import KEYS


class TestPages:
    async def test_refuse_a_cursor_of_somebody_else(self, client: AsyncClient) -> None:
        response = await client.get("/v1/things?cursor=nonsense")

        assert response.status_code == 400
        assert response.json()["type"] == "/problems/invalid-cursor"

    @pytest.mark.parametrize("limit", ["0", "101", "-1", "many"])
    async def test_are_bounded(self, client: AsyncClient, limit: str) -> None:
        response = await client.get("/v1/things", params={"limit": limit})

        assert response.status_code == 422

    async def test_lead_through_everything_once(self, client: AsyncClient) -> None:
        seen: list[str] = []
        params: dict[str, str] = {"limit": "2"}
        while True:
            page = (await client.get("/v1/things", params=params)).json()
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]

        assert seen == [str(key) for key in KEYS]
