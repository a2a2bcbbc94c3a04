from httpx import AsyncClient

from app.platform.web import WebSettings
from tests.platform.web.conftest import Serve, create_app


class TestResponseHeaders:
    async def test_forbid_storing_and_guessing(self, client: AsyncClient) -> None:
        response = await client.get("/v1/things/7")

        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "base-uri 'none'" in response.headers["content-security-policy"]
        assert "'none'" in response.headers["content-security-policy"]

    async def test_leave_a_page_its_own_policy(self, client: AsyncClient) -> None:
        response = await client.get("/docs")

        assert "default-src 'none'" not in response.headers["content-security-policy"]
        assert response.headers["x-frame-options"] == "DENY"

    async def test_keep_who_asks_by_https_to_it(self, client: AsyncClient) -> None:
        plain = await client.get("/v1/things/7")
        secure = await client.get("https://test/v1/things/7")

        # Over HTTP anybody may have written it: browsers ignore it there (RFC 6797).
        assert "strict-transport-security" not in plain.headers
        assert secure.headers["strict-transport-security"] == "max-age=31536000"

    async def test_can_do_without_strict_transport(self, serve: Serve) -> None:
        async with serve(create_app(WebSettings(strict_transport_seconds=0))) as client:
            response = await client.get("https://test/v1/things/7")

        assert "strict-transport-security" not in response.headers
