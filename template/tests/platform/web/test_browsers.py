"""What browsers need: pages that load, and leave to ask from another origin."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from app.platform.web import WebSettings
from tests.platform.web.conftest import Serve, create_app

SHOP = "https://shop.example"
LOADED = re.compile(r'(?:src|href)="([^"]+)"')


class TestDocumentation:
    @pytest.mark.parametrize("page", ["/docs", "/redoc"])
    @pytest.mark.parametrize("prefix", ["", "/shop"])
    async def test_loads_all_that_it_needs_from_the_service(
        self, serve: Serve, page: str, prefix: str
    ) -> None:
        app = create_app(WebSettings(root_path=prefix))
        async with serve(app) as client:
            text = (await client.get(page)).text
            loaded = [*LOADED.findall(text), f"{prefix}/openapi.json"]
            answers = [await client.get(each.removeprefix(prefix)) for each in loaded]

        assert len(loaded) >= 3
        assert all(each.startswith(f"{prefix}/") for each in loaded), loaded
        assert f"{prefix}/openapi.json" in text
        assert [each.status_code for each in answers] == [200] * len(answers)
        types = {each.headers["content-type"].partition(";")[0] for each in answers}
        assert any("javascript" in each for each in types)

    @pytest.mark.parametrize("page", ["/docs", "/redoc"])
    async def test_runs_no_other_script(self, serve: Serve, page: str) -> None:
        async with serve() as client:
            response = await client.get(page)

        policy = response.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "object-src 'none'; base-uri 'none'" in policy
        allowed = re.findall(r"script-src ([^;]+)", policy)[0].split()
        inline = re.findall(rb"<script>(.*?)</script>", response.content, re.DOTALL)
        hashes = [b64encode(sha256(each).digest()).decode() for each in inline]
        assert allowed == ["'self'", *(f"'sha256-{each}'" for each in hashes)]


def cors(**settings: Any) -> WebSettings:
    return WebSettings(cors_origins=f"{SHOP}, https://admin.example", **settings)


class TestOrigins:
    async def test_says_nothing_by_default(self, serve: Serve) -> None:
        async with serve() as client:
            response = await client.get("/v1/public", headers={"Origin": SHOP})

        assert not [name for name in response.headers if "access-control" in name]

    async def test_lets_the_named_ones_read(self, serve: Serve) -> None:
        async with serve(create_app(cors())) as client:
            named = await client.get("/v1/public", headers={"Origin": SHOP})
            other = await client.get("/v1/public", headers={"Origin": "https://a.b"})

        assert named.headers["access-control-allow-origin"] == SHOP
        exposed = named.headers["access-control-expose-headers"].split(", ")
        assert exposed == ["ETag", "Link", "Location", "Retry-After", "X-Request-ID"]
        assert "access-control-allow-credentials" not in named.headers
        assert "access-control-allow-origin" not in other.headers

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1/errors/conflict", 409),
            ("/v1/errors/defect", 500),
            ("/v1/slow?seconds=9", 504),
            ("/nowhere", 404),
            ("/v1/things?limit=x", 422),
        ],
    )
    async def test_lets_them_read_problems(
        self, serve: Serve, path: str, status: int
    ) -> None:
        async with serve(create_app(cors(deadline_seconds=0.2))) as client:
            response = await client.get(path, headers={"Origin": SHOP})

        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == SHOP

    async def test_answers_the_browsers_own_question(self, serve: Serve) -> None:
        asked = {
            "Origin": SHOP,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "If-Match, Idempotency-Key",
        }
        async with serve(create_app(cors(cors_credentials=True))) as client:
            response = await client.options("/v1/things/1", headers=asked)

        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == SHOP
        assert response.headers["access-control-allow-credentials"] == "true"
        assert "PUT" in response.headers["access-control-allow-methods"]
        allowed = response.headers["access-control-allow-headers"].lower()
        assert "if-match" in allowed
        assert "idempotency-key" in allowed

    async def test_lets_all_read_without_credentials(self, serve: Serve) -> None:
        async with serve(create_app(WebSettings(cors_origins="*"))) as client:
            response = await client.get("/v1/public", headers={"Origin": SHOP})

        assert response.headers["access-control-allow-origin"] == "*"

    def test_refuses_all_with_credentials(self) -> None:
        with pytest.raises(
            ValidationError, match="while WEB__CORS_ORIGINS is"
        ) as found:
            WebSettings(cors_origins="*", cors_credentials=True)

        assert found.value.error_count() == 1

    @pytest.mark.parametrize("origin", [f"{SHOP}/", "shop.example", f"{SHOP},*"])
    def test_refuses_what_is_no_origin(self, origin: str) -> None:
        with pytest.raises(ValidationError, match="cors_origins"):
            WebSettings(cors_origins=origin)
