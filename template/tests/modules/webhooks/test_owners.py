"""Whose a subscription is: nobody else sees it, and it is told of nobody else's."""

from uuid import uuid4

import pytest

from app.platform.observability.context import ADMIN, Principal
from tests.fixtures.service import Service, Show, acting
from tests.fixtures.third_party import Stub
from tests.modules.webhooks.conftest import LENT, Days, Subscribe

PATH = "/v1/webhooks/subscriptions"


class TestOwners:
    @pytest.fixture
    def eve(self) -> Principal:
        return Principal(str(uuid4()), kind="user")

    async def test_see_nothing_of_one_another(
        self, service: Service, subscribe: Subscribe, days: Days, show: Show
    ) -> None:
        made = await subscribe()
        await days.write()
        client, one = service.client, f"{PATH}/{made['id']}"
        [sent] = (await client.get(f"{one}/deliveries")).json()["items"]
        delivery = f"/v1/webhooks/deliveries/{sent['id']}"

        async with acting(service, await show(service.platform)):
            listed = await client.get(PATH)
            found = [
                await client.get(one),
                await client.delete(one),
                await client.put(one, json={"url": made["url"], "events": []}),
                await client.post(f"{one}/secret", json={}),
                await client.post(f"{one}/ping"),
                await client.get(f"{one}/deliveries"),
                await client.post(
                    f"{one}/replays", json={"since": "2030-01-01T00:00:00Z"}
                ),
                await client.get(delivery),
                await client.post(f"{delivery}/replays"),
            ]

        assert listed.json()["items"] == []
        assert [each.status_code for each in found] == 9 * [404]

    async def test_are_told_of_what_is_theirs_alone(
        self, subscribe: Subscribe, receiver: Stub, days: Days, eve: Principal
    ) -> None:
        await subscribe()
        admin = Principal(str(uuid4()), kind="user", scopes=frozenset({ADMIN}))

        await days.write(by=eve)
        await days.write(by=admin)

        assert receiver.received == []

    async def test_are_told_of_what_others_do_with_what_is_theirs(
        self, subscribe: Subscribe, receiver: Stub, days: Days, eve: Principal
    ) -> None:
        await subscribe(events=[LENT.name])

        await days.write(by=eve)

        assert len(receiver.received) == 1

    async def test_admins_see_all(
        self, service: Service, subscribe: Subscribe, days: Days, show: Show
    ) -> None:
        made = await subscribe()

        async with acting(service, await show(service.platform, ADMIN)):
            found = await service.client.get(f"{PATH}/{made['id']}")

        assert found.status_code == 200
        assert (await days.subscriber()).id not in found.text
