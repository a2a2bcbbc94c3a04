from typing import Any

from tests.platform.web.conftest import create_app


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
