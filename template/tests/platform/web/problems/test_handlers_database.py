import pytest
from httpx import AsyncClient

from tests.platform.web.problems.answers import is_problem


class TestDatabaseErrors:
    @pytest.mark.parametrize("name", ["timeout", "refused"])
    async def test_another_servers_silence_is_not_the_databases(
        self, client: AsyncClient, name: str
    ) -> None:
        response = await client.get(f"/v1/errors/{name}")

        assert response.status_code == 500
        assert "database" not in response.text
        assert is_problem(response)

    async def test_a_row_changed_by_another_is_a_conflict(
        self, client: AsyncClient
    ) -> None:
        response = await client.get("/v1/errors/changed")

        assert response.status_code == 409
        assert is_problem(response)
