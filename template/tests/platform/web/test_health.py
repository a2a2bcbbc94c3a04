from app.platform.readiness import Check, Readiness, ReadinessSettings
from tests.platform.web.conftest import Serve


async def works() -> None:
    return None


async def fails() -> None:
    raise ConnectionRefusedError("secret-host:5432")


class TestLive:
    async def test_answers_without_any_dependency(self, serve: Serve) -> None:
        async with serve() as client:
            response = await client.get("/livez")

        assert response.status_code == 200


class TestReady:
    async def test_says_what_is_missing_but_not_where(self, serve: Serve) -> None:
        checks = [Check("database", fails), Check("cache", works, required=False)]
        readiness = Readiness(ReadinessSettings(), checks)
        await readiness.probe()

        async with serve(readiness=readiness) as client:
            response = await client.get("/readyz")

        assert response.status_code == 503
        assert response.json() == {
            "status": "not ready",
            "dependencies": {
                "database": {
                    "status": "failing",
                    "required": True,
                    "reason": "ConnectionRefusedError",
                },
                "cache": {"status": "ok", "required": False, "reason": None},
            },
        }

    async def test_says_when_all_is_there(self, serve: Serve) -> None:
        readiness = Readiness(ReadinessSettings(), [Check("database", works)])
        await readiness.probe()

        async with serve(readiness=readiness) as client:
            response = await client.get("/readyz")

        assert response.status_code == 200
        assert response.json()["status"] == "ready"

    async def test_says_when_the_process_is_stopping(self, serve: Serve) -> None:
        readiness = Readiness(ReadinessSettings(), [Check("database", works)])
        await readiness.probe()
        readiness.stopping = True

        async with serve(readiness=readiness) as client:
            response = await client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["status"] == "stopping"
