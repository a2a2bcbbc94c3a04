import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.platform.web import WebSettings
from app.platform.web.policy import LONGEST_MESSAGE
from app.platform.web.routing import Caching, Concurrency, Policy, Router
from tests.platform.web.conftest import create_app, serving

ONE = Concurrency("ones", limit=1)
MINUTE = Caching("private, max-age=60")
router = Router(policy=Policy(max_body_bytes=10, caching=MINUTE))


@router.post("/strict")
@router.post("/lenient", policy=Policy(max_body_bytes=2000))
async def read(numbers: list[int]) -> int:
    return sum(numbers)


@router.get("/kept")
@router.get("/not-kept", policy=Policy(caching=Caching("no-store")))
async def get_something() -> int:
    return 1


@router.get("/one", policy=Policy(concurrency=ONE))
@router.get("/two", policy=Policy(concurrency=ONE))
async def call_another(path: str | None = None) -> int:
    if path is None:
        return 200
    async with serving(app()) as client:
        return (await client.get(f"/v1/{path}")).status_code


@router.get("/broken", policy=Policy(concurrency=ONE))
async def break_down() -> None:
    raise LookupError


async def wait() -> None:
    await asyncio.sleep(0.5)


SERVICE: list[FastAPI] = []


def app() -> FastAPI:
    return SERVICE[-1]


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    SERVICE.append(create_app(WebSettings(max_body_bytes=1000), router))
    async with serving(app()) as client:
        yield client
    SERVICE.pop()


class TestBodyLimit:
    @pytest.mark.parametrize(
        ("path", "length", "status"),
        [
            ("strict", 10, 200),
            ("strict", 11, 413),
            ("lenient", 1500, 200),
            ("lenient", 2001, 413),
            ("unknown", 1001, 413),
            ("unknown", 1000, 404),
        ],
    )
    async def test_is_the_routes_or_its_routers_or_the_services(
        self, client: AsyncClient, path: str, length: int, status: int
    ) -> None:
        response = await client.post(
            f"/v1/{path}",
            content=b"[1]".ljust(length),
            headers={"content-type": "application/json"},
        )

        assert response.status_code == status


class TestCaching:
    @pytest.mark.parametrize(
        ("path", "control"), [("kept", MINUTE.control), ("not-kept", "no-store")]
    )
    async def test_is_the_routes_or_its_routers(
        self, client: AsyncClient, path: str, control: str
    ) -> None:
        response = await client.get(f"/v1/{path}")

        assert response.headers["cache-control"] == control

    async def test_holds_for_what_has_not_changed(self, client: AsyncClient) -> None:
        tag = (await client.get("/v1/kept")).headers["etag"]

        response = await client.get("/v1/kept", headers={"if-none-match": tag})

        assert response.status_code == 304
        assert response.headers["cache-control"] == MINUTE.control

    def test_may_be_public(self) -> None:
        public = Caching.public(s_maxage=timedelta(minutes=1))

        assert public.control == "public, s-maxage=60, stale-while-revalidate=0"


class TestConcurrency:
    async def test_is_that_of_all_routes_of_a_class(self, client: AsyncClient) -> None:
        refused = await client.get("/v1/one?path=two")
        other = await client.get("/v1/one?path=kept")

        assert refused.json() == 503
        assert other.json() == 200

    async def test_is_given_back_after_a_failure(self, client: AsyncClient) -> None:
        failed = await client.get("/v1/broken")
        again = await client.get("/v1/one")

        assert failed.status_code == 500
        assert again.json() == 200


class TestDeadline:
    async def test_is_the_routes(self) -> None:
        patient = Router(policy=Policy(deadline_seconds=30))
        hasty = Router()
        for each, path in ((patient, "/patient"), (hasty, "/hasty")):
            each.get(path)(wait)
        service = create_app(WebSettings(deadline_seconds=0.1), patient, hasty)

        async with serving(service) as client:
            waited = await client.get("/v1/patient")
            cut_off = await client.get("/v1/hasty")

        assert waited.status_code == 200
        assert cut_off.status_code == 504


class TestMessages:
    def test_cannot_be_longer_than_the_server_reads(self) -> None:
        with pytest.raises(ValueError, match=str(LONGEST_MESSAGE)):
            Policy(max_message_bytes=LONGEST_MESSAGE + 1)
