"""The service under load, led to a manager, while its passwords change."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import Request
from sqlalchemy import func, select

from app.main import create_app
from app.platform.web.dependencies import ReadSessionDep
from app.platform.web.routing import ANYBODY, Policy, Router
from app.settings import Settings
from tests.fixtures.service import Service, served
from tests.platform.secrets.contract import Kept

CLIENTS = 8
REFRESH_SECONDS = 1.0
router = Router(prefix="/rotation", policy=Policy(access=ANYBODY))


@router.get("/work")
async def work(session: ReadSessionDep) -> bool:
    """Hold a connection for a while, so that others have to be made."""
    await session.execute(select(func.pg_sleep(0.01)))
    return True


@router.get("/cache")
async def ping(request: Request) -> bool:
    return bool(await request.state.platform.cache.store.ping())


class Load:
    """Clients who go on until they are told, and what became of their requests."""

    asks = "work"

    def __init__(self, service: Service) -> None:
        self.statuses = Counter[int]()
        self._service = service

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        clients = [asyncio.create_task(self._go_on()) for _ in range(CLIENTS)]
        try:
            yield
        finally:
            for each in clients:
                each.cancel()
            await asyncio.wait(clients)

    async def ask(self) -> int:
        """Ask once; whatever is not what was asked for is a failure."""
        answer = await self._service.client.get(f"/v1/rotation/{self.asks}")
        return 500 if answer.is_success and not answer.json() else answer.status_code

    async def _go_on(self) -> None:
        while True:
            self.statuses[await self.ask()] += 1
            # What needs no server would never let others have a turn.
            await asyncio.sleep(0.02)

    def failed(self) -> dict[int, int]:
        """Say how often what went wrong, if enough was asked for to tell."""
        assert self.statuses[200] > CLIENTS, self.statuses
        return {code: times for code, times in self.statuses.items() if code != 200}


class Drill:
    """Subclasses give the `kept`, and `put` what the service is to take from it."""

    @pytest.fixture(autouse=True)
    def managed(self, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in kept.variables().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SECRETS__REFRESH_SECONDS", str(REFRESH_SECONDS))

    @pytest.fixture
    async def service(self, settings: Settings) -> AsyncIterator[Service]:
        application = create_app(settings)
        application.include_router(router, prefix="/v1")
        async with served(application, settings) as service:
            yield service


async def known_to(service: Service, **values: str | None) -> None:
    """Return when the service has read them, which it does by itself."""
    async with asyncio.timeout(60):
        for name, value in values.items():
            while service.platform.secrets.find(name) != value:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    # What has begun with the old ones ends.
    await asyncio.sleep(0.3)
