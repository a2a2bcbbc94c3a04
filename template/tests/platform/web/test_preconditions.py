import pytest
from httpx import AsyncClient


class TestIfMatch:
    async def test_must_be_sent_where_it_is_required(self, client: AsyncClient) -> None:
        response = await client.put("/v1/things/7")

        assert response.status_code == 428

    @pytest.mark.parametrize("tag", ['W/"3"', '"x"', "3", '""'])
    async def test_that_is_not_ours_is_out_of_date(
        self, client: AsyncClient, tag: str
    ) -> None:
        response = await client.put("/v1/things/7", headers={"If-Match": tag})

        assert response.status_code == 412

    async def test_names_one_version(self, client: AsyncClient) -> None:
        response = await client.put("/v1/things/7", headers={"If-Match": '"3", "4"'})

        assert response.status_code == 400

    @pytest.mark.parametrize(("tag", "version"), [('"3"', 3), ("*", None)])
    async def test_tells_the_version_to_change(
        self, client: AsyncClient, tag: str, version: int | None
    ) -> None:
        response = await client.put("/v1/things/7", headers={"If-Match": tag})

        assert response.json()["expected"] == version

    @pytest.mark.parametrize("tag", [None, '"x"', '"3", "4"'])
    @pytest.mark.parametrize(
        ("path", "body"),
        [("seven", {"name": "x"}), ("7", {}), ("7", {"name": "x", "quantity": -1})],
    )
    async def test_is_judged_once_path_and_body_are_valid(
        self, client: AsyncClient, path: str, body: dict[str, object], tag: str | None
    ) -> None:
        headers = {"If-Match": tag} if tag else {}

        response = await client.put(f"/v1/notes/{path}", json=body, headers=headers)

        assert response.status_code == 422

    @pytest.mark.parametrize(("tag", "status"), [(None, 428), ('"x"', 412)])
    async def test_is_judged_for_a_function_on_a_thread_too(
        self, client: AsyncClient, tag: str | None, status: int
    ) -> None:
        headers = {"If-Match": tag} if tag else {}

        response = await client.put("/v1/threads/7", headers=headers)

        assert response.status_code == status

    async def test_may_be_left_out_where_it_is_optional(
        self, client: AsyncClient
    ) -> None:
        without = await client.patch("/v1/things/7")
        stale = await client.patch("/v1/things/7", headers={"If-Match": '"x"'})

        assert without.json()["expected"] is None
        assert stale.status_code == 412
