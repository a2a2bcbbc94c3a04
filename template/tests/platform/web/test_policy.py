import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import APIRouter, Depends, FastAPI
from httpx import AsyncClient

from app.platform.errors import Conflict
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


def including() -> Router:
    """Three routers, one within the other, and one of FastAPI's own."""
    inner = Router(policy=Policy(max_body_bytes=20, caching=Caching("private")))
    inner.post("/router")(read)
    inner.post("/route", policy=Policy(max_body_bytes=30))(read)
    middle = Router()
    middle.include_router(inner)
    outer = Router(
        prefix="/outer",
        policy=Policy(max_body_bytes=10, caching=Caching("no-cache")),
    )
    outer.post("/outer")(read)
    library = APIRouter()
    library.post("/library")(read)
    outer.include_router(middle)
    outer.include_router(library)
    return outer


async def refuse() -> None:
    raise Conflict("There is no key.")


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


class TestIncluded:
    """A route's policy goes first, then its router's, then those of who includes it."""

    @pytest.mark.parametrize(
        ("path", "length", "status", "control"),
        [
            ("/route", 30, 200, "private"),
            ("/route", 31, 413, None),
            ("/router", 20, 200, "private"),
            ("/router", 21, 413, None),
            ("/outer", 10, 200, "no-cache"),
            ("/outer", 11, 413, None),
            ("/library", 50, 200, "no-store"),
        ],
    )
    async def test_is_filled_in_member_by_member(
        self, path: str, length: int, status: int, control: str | None
    ) -> None:
        async with serving(create_app(None, including())) as client:
            response = await client.post(
                f"/v1/outer{path}",
                content=b"[1]".ljust(length),
                headers={"content-type": "application/json"},
            )

        assert response.status_code == status
        if control is not None:
            assert response.headers["cache-control"] == control

    async def test_leaves_the_router_as_it_was_for_others(self) -> None:
        inner = Router()
        inner.post("/read")(read)
        outer = Router(prefix="/outer", policy=Policy(max_body_bytes=3))
        outer.include_router(inner)

        async with serving(create_app(None, outer, inner)) as client:
            refused = await client.post("/v1/outer/read", json=[100])
            read_by_itself = await client.post("/v1/read", json=[100])

        assert refused.status_code == 413
        assert read_by_itself.json() == 100

    async def test_demands_a_key_of_what_changes_something(self) -> None:
        inner = Router()
        inner.post("/change")(read)
        inner.get("/look")(get_something)
        outer = Router(prefix="/outer", policy=Policy(idempotency=Depends(refuse)))
        outer.include_router(inner)

        async with serving(create_app(None, outer)) as client:
            refused = await client.post("/v1/outer/change", json=[1])
            looked = await client.get("/v1/outer/look")

        assert refused.status_code == 409
        assert looked.json() == 1

    def test_refuses_routes_that_come_too_late(self) -> None:
        inner = Router()
        Router(policy=Policy(max_body_bytes=1)).include_router(inner)

        with pytest.raises(RuntimeError, match="before"):
            inner.get("/late")(get_something)


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

        assert (
            public.control
            == "public, s-maxage=60, stale-while-revalidate=0, stale-if-error=0"
        )


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
