import pytest
from httpx import AsyncClient


class TestConditional:
    async def test_tags_what_is_read(self, client: AsyncClient) -> None:
        first = await client.get("/v1/public")
        second = await client.get("/v1/public")

        assert first.headers["etag"].startswith('"')
        assert first.headers["etag"] == second.headers["etag"]

    async def test_tells_different_answers_apart(self, client: AsyncClient) -> None:
        one = await client.get("/v1/things?limit=1")
        two = await client.get("/v1/things?limit=2")

        assert one.headers["etag"] != two.headers["etag"]

    @pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x" , W/{}', "*"])
    async def test_does_not_send_again_what_the_client_has(
        self, client: AsyncClient, form: str
    ) -> None:
        first = await client.get("/v1/public")

        again = await client.get(
            "/v1/public", headers={"If-None-Match": form.format(first.headers["etag"])}
        )

        assert again.status_code == 304
        assert again.content == b""
        for name in ("etag", "cache-control", "vary"):
            assert again.headers[name] == first.headers[name]
        assert "content-length" not in again.headers

    @pytest.mark.parametrize("condition", ['"x"', "nonsense", ""])
    async def test_sends_what_the_client_has_not(
        self, client: AsyncClient, condition: str
    ) -> None:
        response = await client.get("/v1/public", headers={"If-None-Match": condition})

        assert response.status_code == 200

    async def test_tags_an_answer_without_a_body(self, client: AsyncClient) -> None:
        response = await client.get("/v1/empty")

        assert response.status_code == 200
        assert response.headers["etag"].startswith('"')

    async def test_prefers_the_tag_of_a_version(self, client: AsyncClient) -> None:
        first = await client.get("/v1/things/7")
        again = await client.get("/v1/things/7", headers={"If-None-Match": '"3"'})

        assert first.headers["etag"] == '"3"'
        assert again.status_code == 304

    async def test_leaves_streams_and_writes_alone(self, client: AsyncClient) -> None:
        stream = await client.get("/v1/stream")
        write = await client.post("/v1/things", json={"name": "x"})

        assert "etag" not in stream.headers
        assert "etag" not in write.headers
