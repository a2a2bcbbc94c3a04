"""Whose word is taken for where a request comes from, and which hosts are ours."""

import httpx
import pytest
from fastapi import Request
from pydantic import ValidationError

from app.platform.web import WebSettings
from app.platform.web.routing import ANYBODY, Policy, Router
from app.platform.web.server import ServerSettings
from app.settings import Settings
from tests.platform.web.conftest import Serve, create_app
from tests.platform.web.live import Api

router = Router(prefix="/trust", policy=Policy(access=ANYBODY))

ELSEWHERE = "203.0.113.9"
MADE_UP = "198.51.100.1"


@router.get("/client")
async def tell_where_from(request: Request) -> str:
    assert request.client is not None
    return f"{request.url.scheme}://{request.client.host}"


class TestProxies:
    """This machine is one that is trusted, as it is by default."""

    @pytest.mark.parametrize(
        ("headers", "found"),
        [
            ([], "http://127.0.0.1"),
            ([("X-Forwarded-For", ELSEWHERE)], f"http://{ELSEWHERE}"),
            ([("X-Forwarded-For", f"{MADE_UP}, {ELSEWHERE}")], f"http://{ELSEWHERE}"),
            (
                [("X-Forwarded-For", f"{MADE_UP}, {ELSEWHERE}, 127.0.0.1")],
                f"http://{ELSEWHERE}",
            ),
            (
                [("X-Forwarded-For", MADE_UP), ("X-Forwarded-For", ELSEWHERE)],
                f"http://{ELSEWHERE}",
            ),
            ([("Forwarded", f"for={MADE_UP};proto=https")], "http://127.0.0.1"),
            ([("X-Real-IP", MADE_UP)], "http://127.0.0.1"),
            ([("X-Forwarded-Proto", "https")], "https://127.0.0.1"),
        ],
    )
    async def test_are_believed_from_the_right(
        self, settings: Settings, headers: list[tuple[str, str]], found: str
    ) -> None:
        async with Api(settings, router).running() as api, api.client() as client:
            response = await client.get("/v1/trust/client", headers=headers)

        assert response.json() == found

    @pytest.mark.parametrize("everybody", ["*", "0.0.0.0/0", "::/0", "10.0.0.1,*", "x"])
    def test_are_never_everybody(self, everybody: str) -> None:
        with pytest.raises(ValidationError):
            ServerSettings(trusted_proxies=everybody)

    def test_may_be_networks(self) -> None:
        assert ServerSettings(trusted_proxies="10.0.0.0/8, ::1").trusted_proxies


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("shop.example", 200),
            ("SHOP.example:8443", 200),
            ("eu.shop.example", 400),
            ("eu.api.example", 200),
            ("api.example", 400),
            ("shop.example.evil.example", 400),
            ("evil.example#shop.example", 400),
            ("shop.example:8443@evil.example", 400),
            ("", 400),
        ],
    )
    async def test_are_those_that_are_named(
        self, serve: Serve, host: str, status: int
    ) -> None:
        app = create_app(WebSettings(hosts="shop.example, *.api.example"))
        async with serve(app) as client:
            response = await client.get("/v1/empty", headers={"Host": host})
            probe = await client.get("/livez", headers={"Host": host})

        assert response.status_code == status
        assert "location" not in response.headers
        assert probe.status_code == 200

    @pytest.mark.parametrize("hosts", ["", "*"])
    async def test_may_be_any(self, serve: Serve, hosts: str) -> None:
        async with serve(create_app(WebSettings(hosts=hosts))) as client:
            response = await client.get("/v1/empty", headers={"Host": "a.example"})

        assert response.status_code == 200

    @pytest.mark.parametrize("wrong", ["https://shop.example", "a.*", "a b", "*,a"])
    def test_are_names(self, wrong: str) -> None:
        with pytest.raises(ValidationError):
            WebSettings(hosts=wrong)

    def test_are_to_be_said_where_it_is_deployed(self) -> None:
        [refusal] = WebSettings().unsafe()

        assert refusal.name == "hosts"
        assert not list(WebSettings(hosts="*").unsafe())


class TestDocumentation:
    @pytest.mark.parametrize(
        ("environment", "chosen", "shown"),
        [
            ("development", None, True),
            ("staging", None, True),
            ("production", None, False),
            ("production", True, True),
            ("development", False, False),
        ],
    )
    def test_is_for_production_only_if_it_is_wanted(
        self, environment: str, chosen: bool | None, shown: bool
    ) -> None:
        settings = WebSettings(documentation=chosen)

        assert settings.documents(environment) is shown


async def test_nothing_describes_a_service_that_hides_it(
    settings: Settings,
) -> None:
    web = WebSettings(documentation=False)
    hidden = settings.model_copy(update={"web": web})

    async with Api(hidden, router).running() as api, api.client() as client:
        paths = ("/docs", "/redoc", "/openapi.json", "/docs/assets/swagger-ui.css")
        answers: list[httpx.Response] = [await client.get(path) for path in paths]

    assert [each.status_code for each in answers] == [404] * len(paths)
