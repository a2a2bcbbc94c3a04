"""The secret behind keys and log-ins changes, and nobody has to log in anew."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest

from app.platform.web.routing import AUTHENTICATED, Policy
from tests.fixtures.service import Service, Show
from tests.platform.secrets.contract import Kept
from tests.platform.secrets.drill import Drill, Load, known_to, router

OLD, NEW = token_hex(16), token_hex(16)


@router.get("/known", policy=Policy(access=AUTHENTICATED))
async def know() -> bool:
    return True


class Callers(Load):
    """Some have shown who they are before, and some do so now."""

    def __init__(self, service: Service, show: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(service)
        self._client, self._show = service.client, show
        self.headers: dict[str, str] = {}

    async def ask(self) -> int:
        for headers in (self.headers, await self._show()):
            answer = await self._client.get("/v1/rotation/known", headers=headers)
            if not answer.is_success:
                break
        return answer.status_code


class TestSecret(Drill):
    @pytest.fixture(autouse=True)
    def secret(self, kept: Kept, managed: None) -> None:
        kept.put(IDENTITY__SECRET=OLD)

    async def test_changes_without_a_failed_request(
        self, kept: Kept, service: Service, show: Show
    ) -> None:
        identity: Any = service.platform.identity
        load = Callers(service, lambda: show(service.platform, "shop"))
        load.headers = await show(service.platform, "shop")
        token = identity.vouch("reset", lasting=timedelta(minutes=5))

        async with load.going_on():
            for step in (
                {"IDENTITY__OTHER_SECRETS": f"{OLD} {NEW}"},
                {"IDENTITY__SECRET": NEW},
            ):
                kept.put(**step)
                await known_to(service, **step)

        assert load.failed() == {}
        assert identity.vouched(token, "reset")
        kept.remove("IDENTITY__OTHER_SECRETS")
        await known_to(service, IDENTITY__OTHER_SECRETS=None)
        assert not identity.vouched(token, "reset")
        new = identity.vouch("reset", lasting=timedelta(minutes=5))
        assert identity.vouched(new, "reset")
