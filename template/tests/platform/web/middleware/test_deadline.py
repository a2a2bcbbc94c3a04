from time import perf_counter

from app.platform.web import WebSettings
from tests.platform.web.conftest import Serve, create_app

SETTINGS = WebSettings(deadline_seconds=0.05)


class TestDeadline:
    async def test_ends_a_request_that_takes_too_long(self, serve: Serve) -> None:
        started = perf_counter()

        async with serve(create_app(SETTINGS)) as client:
            response = await client.get("/v1/slow?seconds=50")

        assert perf_counter() - started < 40
        assert response.status_code == 504
        assert response.headers["content-type"] == "application/problem+json"

    async def test_does_not_take_another_timeout_for_its_own(
        self, serve: Serve
    ) -> None:
        async with serve(create_app(SETTINGS)) as client:
            response = await client.get("/v1/errors/timeout")

        assert response.status_code == 500

    async def test_lets_a_response_that_has_begun_run_on(self, serve: Serve) -> None:
        async with serve(create_app(SETTINGS)) as client:
            response = await client.get("/v1/stream?seconds=0.1")

        assert response.content == b"onetwo"
