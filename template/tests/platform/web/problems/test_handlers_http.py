from httpx import AsyncClient

from tests.platform.web.problems.answers import is_problem


class TestHttpErrors:
    async def test_a_path_nobody_answers(self, client: AsyncClient) -> None:
        response = await client.get("/nowhere/%00%F0%9F%98%80" + "x" * 9000)

        assert response.status_code == 404
        assert is_problem(response)
        assert response.json()["type"] == "about:blank"

    async def test_a_method_the_path_does_not_take(self, client: AsyncClient) -> None:
        response = await client.delete("/v1/public")

        assert response.status_code == 405
        assert response.headers["allow"] == "GET, HEAD"
        assert is_problem(response)

    async def test_a_slash_too_many_is_not_redirected(
        self, client: AsyncClient
    ) -> None:
        response = await client.get("/v1/public/", headers={"Host": "evil.example"})

        assert response.status_code == 404

    async def test_headers_of_the_error_are_kept(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/teapot")

        assert response.status_code == 418
        assert response.headers["x-tea"] == "none"
        assert is_problem(response)

    async def test_a_status_that_is_no_error_has_no_problem(
        self, client: AsyncClient
    ) -> None:
        response = await client.get("/v1/errors/unchanged")

        assert response.status_code == 304
        assert response.content == b""
