import pytest
from httpx import AsyncClient
from structlog.testing import capture_logs

from app.platform.observability.context import Principal
from app.platform.web import WebSettings
from tests.platform.web.conftest import create_app, serving


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


class TestCaller:
    async def test_is_nobody_known_whatever_the_headers_say(
        self, client: AsyncClient
    ) -> None:
        headers = {"Caller": "root", "Tenant": "acme", "X-Caller": "root"}

        plain = await client.get("/v1/caller")
        claimed = await client.get("/v1/caller", headers=headers)

        assert claimed.json() == plain.json() == str(Principal())


class TestRootPath:
    # The second is how every path of this service begins anyway.
    @pytest.mark.parametrize("prefix", ["/shop", "/v1"])
    async def test_is_part_of_what_a_caller_asked_for(self, prefix: str) -> None:
        app = create_app(WebSettings(root_path=prefix))

        async with serving(app) as client:
            found = await client.get("/v1/things/7")
            refused = await client.get("/v1/things/seven")
            not_allowed = await client.delete("/v1/things")

        assert found.status_code == 200
        assert refused.status_code == 422
        assert refused.json()["instance"] == f"{prefix}/v1/things/seven"
        assert not_allowed.headers["allow"] == "GET, HEAD, POST"

    async def test_leaves_probes_silent(self) -> None:
        app = create_app(WebSettings(root_path="/shop"))

        async with serving(app) as client:
            with capture_logs() as logs:
                alive = await client.get("/livez")

        assert alive.status_code == 200
        assert logs == []
