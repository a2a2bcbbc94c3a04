"""What callers who ask too often are told, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from app.platform import web
from app.platform.errors import Unauthenticated
from app.platform.ratelimits import RateLimits, RateLimitSettings, limited
from app.platform.ratelimits.limits import _holder_of
from app.platform.web import WebSettings
from app.platform.web.policy import Gate
from tests.platform.ratelimits.replica import known, router

PATH = "/v1/counted/reads"


@asynccontextmanager
async def serving(
    *gates: Gate, client: str = "192.0.2.1", **settings: str
) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(docs_url=None, redoc_url=None)
    web.install(app, WebSettings(), gates=gates or (limited,))
    app.include_router(router, prefix="/v1")
    chosen = RateLimitSettings.model_validate(settings)
    async with RateLimits.open(chosen) as ratelimits:
        state = {"platform": SimpleNamespace(ratelimits=ratelimits)}

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            place = (scope["client"][0] if client == "" else client, 1)
            await app({**scope, "state": state, "client": place}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test"
        ) as asking:
            yield asking


async def statuses(
    client: httpx.AsyncClient, times: int, path: str = PATH, **given: Any
) -> list[int]:
    return [(await client.get(path, **given)).status_code for _ in range(times)]


class TestAnswer:
    async def test_announces_what_is_left(self) -> None:
        async with serving(reads="3/hour") as client:
            response = await client.get(PATH)

        assert response.headers["ratelimit-policy"] == '"reads";q=3;w=3600'
        assert response.headers["ratelimit"] == '"reads";r=2;t=1200'

    async def test_is_a_problem_that_says_when_to_come_back(self) -> None:
        async with serving(reads="3/hour") as client:
            *passed, refused = [await client.get(PATH) for _ in range(4)]

        assert [each.status_code for each in passed] == [200, 200, 200]
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "/problems/too-many-requests"
        assert 1100 < int(refused.headers["retry-after"]) <= 1200
        assert refused.headers["ratelimit"].startswith('"reads";r=0;t=1')
        assert refused.headers["cache-control"] == "no-store"

    async def test_announces_it_beside_an_error_too(self) -> None:
        async with serving() as client:
            response = await client.get("/v1/counted/missing")

        assert response.status_code == 404
        assert "ratelimit" in response.headers


class TestClass:
    async def test_is_told_by_the_method(self) -> None:
        async with serving(reads="1/hour", writes="1/hour") as client:
            read = await statuses(client, 2)
            head = await client.head(PATH)
            written = [await client.post("/v1/counted/writes") for _ in range(2)]

        assert read == [200, 429]
        assert head.status_code == 429
        assert [each.status_code for each in written] == [200, 429]

    async def test_is_the_routes_own(self) -> None:
        async with serving(reads="1/hour") as client:
            assert await statuses(client, 101, "/v1/counted/hourly") == [
                *[200] * 100,
                429,
            ]

    async def test_may_be_set_otherwise(self) -> None:
        async with serving(classes="hourly=1/hour, free=none") as client:
            hourly = await statuses(client, 2, "/v1/counted/hourly")
            free = await client.get("/v1/counted/free")

        assert hourly == [200, 429]
        assert "ratelimit" not in free.headers

    async def test_may_have_no_limit(self) -> None:
        async with serving(reads="none") as client:
            assert await statuses(client, 50) == [200] * 50
            assert "ratelimit" not in (await client.get(PATH)).headers

    async def test_is_none_of_what_no_route_answers(self) -> None:
        async with serving(reads="1/hour") as client:
            assert await statuses(client, 3, "/nowhere") == [404] * 3

    @pytest.mark.parametrize(
        "wrong",
        [
            {"reads": "0/minute"},
            {"reads": "10"},
            {"reads": "10/day"},
            {"writes": "10/minute; DROP"},
            {"classes": "hourly"},
            {"classes": "hourly=10/minute,"},
            {"closed": "Reads"},
        ],
    )
    def test_is_written_in_one_way(self, wrong: dict[str, str]) -> None:
        with pytest.raises(ValidationError):
            RateLimitSettings.model_validate(wrong)


class TestCaller:
    async def test_is_whom_we_know_wherever_it_is(self) -> None:
        async with serving(known, limited, client="", reads="2/hour") as client:
            passed = await statuses(client, 3)
        async with serving(known, limited, client="2001:db8::1", reads="2/hour") as it:
            response = await it.get(PATH)

        assert passed == [200, 200, 429]
        assert response.headers["ratelimit"].startswith('"reads";r=1')

    async def test_is_not_what_it_says_itself(self) -> None:
        """Believed are trusted proxies, and the server asks them before this."""
        spoofed = [
            {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=10.{number}"}
            for number in range(3)
        ]
        async with serving(reads="2/hour") as client:
            passed = [await statuses(client, 1, headers=each) for each in spoofed]

        assert passed == [[200], [200], [429]]

    async def test_is_refused_before_it_costs_anything(self) -> None:
        asked = []

        async def unknown(_: object) -> None:
            asked.append(1)
            raise Unauthenticated("Who asks?")

        async with serving(limited, unknown, reads="2/hour") as client:
            assert await statuses(client, 4) == [401, 401, 429, 429]

        assert len(asked) == 2

    @pytest.mark.parametrize(
        ("host", "holder"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
            ("x" * 1000, "x" * 64),
        ],
    )
    def test_holds_every_address_of_a_network(self, host: str, holder: str) -> None:
        assert _holder_of(host) == holder
