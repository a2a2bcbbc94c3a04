from httpx import AsyncClient


class TestPublic:
    async def test_lets_shared_caches_keep_the_response(
        self, client: AsyncClient
    ) -> None:
        response = await client.get("/v1/public")

        assert (
            response.headers["cache-control"]
            == "public, s-maxage=60, stale-while-revalidate=30, stale-if-error=0"
        )
        assert response.headers["vary"] == "Accept-Language"

    async def test_does_not_let_them_keep_errors(self, client: AsyncClient) -> None:
        refused = await client.get("/v1/public?fails=true")
        malformed = await client.get("/v1/public?fails=perhaps")

        assert refused.headers["cache-control"] == "no-store"
        assert malformed.headers["cache-control"] == "no-store"
