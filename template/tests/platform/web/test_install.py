from typing import Any

from starlette.responses import PlainTextResponse

from app.platform.web.routing import ANYBODY, Policy, Router
from tests.platform.web.conftest import Serve, create_app


class TestInstall:
    async def test_lets_the_application_start_and_stop(self) -> None:
        waiting = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
        sent: list[str] = []

        async def receive() -> Any:
            return waiting.pop()

        async def send(message: Any) -> None:
            sent.append(message["type"])

        app = create_app()
        await app({"type": "lifespan", "state": {}}, receive, send)

        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


places = Router(policy=Policy(access=ANYBODY))


@places.get("/places/first")
async def get_first() -> str:
    return "first"


@places.get("/places/{number:int}")
async def get_place(number: int) -> int:
    return number


@places.get("/places/{name}")
async def get_named(name: str) -> str:
    return name


@places.get("/places/never")
async def get_never() -> None:
    raise AssertionError("The route before this one takes its path.")


@places.post("/places/{name}")
async def rename(name: str) -> str:
    return name.upper()


ASKED = [
    ("GET", "/v1/places/first"),
    ("GET", "/v1/places/17"),
    ("HEAD", "/v1/places/17"),
    ("GET", "/v1/places/never"),
    ("GET", "/v1/places/a%20b"),
    ("POST", "/v1/places/a"),
    ("GET", "/v2/x/places/17"),
    ("PUT", "/v1/places/17"),
    ("GET", "/v1/places/17/"),
    ("GET", "/v1/places/files/a"),
    ("GET", "/nowhere"),
]


class TestWays:
    """A route that has answered once is found without FastAPI, and just as well."""

    async def test_answer_the_second_time_as_the_first(self, serve: Serve) -> None:
        app = create_app(None, places)
        app.include_router(places, prefix="/v2/{tenant}")
        app.mount("/v1/places/files", PlainTextResponse("a file"))
        async with serve(app) as client:
            answers = [
                [await client.request(*each) for each in ASKED] for _ in range(3)
            ]

        first, *others = (
            [
                (
                    each.status_code,
                    each.is_success and each.content,
                    each.headers.get("allow"),
                )
                for each in of
            ]
            for of in answers
        )
        assert others == [first, first]
        assert [status for status, *_ in first] == [200] * 7 + [405, 404, 200, 404]
        assert [body for _, body, _ in first][:7] == [
            b'"first"',
            b"17",
            b"",
            b'"never"',
            b'"a b"',
            b'"A"',
            b"17",
        ]

    async def test_lead_to_a_route_that_came_later(self, serve: Serve) -> None:
        app = create_app(None, places)

        async with serve(app) as client:
            before = [await client.get("/later") for _ in range(2)]
            app.add_api_route("/later", get_first)
            after = [await client.get("/later") for _ in range(2)]

        assert [each.status_code for each in (*before, *after)] == [404, 404, 200, 200]
