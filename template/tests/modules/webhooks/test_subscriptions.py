"""What an owner does with subscriptions, and what is refused."""

from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.platform.observability.context import ADMIN, Principal
from tests.fixtures.identity_jwt import acting, shown
from tests.fixtures.service import Service
from tests.fixtures.third_party import Stub
from tests.modules.webhooks.conftest import ADA, LENT, NOTE, Days, Subscribe

PATH = "/v1/webhooks/subscriptions"


class TestSubscribe:
    async def test_shows_the_secret_once(
        self, client: AsyncClient, subscribe: Subscribe
    ) -> None:
        made = await subscribe()

        assert made["secret"].startswith("whsec_")
        found = await client.get(f"{PATH}/{made['id']}")
        listed = await client.get(PATH)
        assert found.json() in listed.json()["items"]
        assert "secret" not in found.json()

    async def test_refuses_what_nobody_publishes(
        self, client: AsyncClient, receiver: Stub
    ) -> None:
        draft = {"url": receiver.url, "events": ["note.lost.v1"]}

        refused = await client.post(PATH, json=draft)

        assert refused.json()["type"] == "/problems/event-unknown"

    async def test_refuses_more_than_one_may_have(
        self, client: AsyncClient, subscribe: Subscribe, receiver: Stub
    ) -> None:
        for _ in range(20):
            last = await subscribe()

        refused = await client.post(PATH, json={"url": receiver.url, "events": []})

        assert refused.json()["type"] == "/problems/too-many-subscriptions"
        assert (await client.delete(f"{PATH}/{last['id']}")).status_code == 204
        await subscribe()


class TestReceivers:
    @pytest.fixture
    def allowed(self) -> str:
        return ""

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://example.com/", "at https"),
            ("https://ada:hush@example.com/", "no user"),
            ("https://example.com/#here", "no user"),
            ("https://169.254.169.254/latest/meta-data", "public address"),
            ("https://[::1]/", "public address"),
            ("https://0x7f.1:443/", "public address"),
            ("https://93.184.216.34:22/", "port 443"),
            ("https://nowhere.invalid/", "no address"),
        ],
    )
    async def test_are_refused_that_are_not_in_public(
        self, client: AsyncClient, url: str, said: str
    ) -> None:
        refused = await client.post(PATH, json={"url": url, "events": [NOTE.name]})

        assert refused.status_code == 422
        assert refused.json()["type"] == "/problems/receiver-refused"
        assert said in refused.json()["detail"]


class TestEvents:
    async def test_are_listed_with_their_payload(self, client: AsyncClient) -> None:
        listed = await client.get("/v1/webhooks/events")

        event = listed.json()[0]
        assert event["name"] == NOTE.name
        assert list(event["payload"]["properties"]) == ["note_id"]


class TestReplace:
    async def test_disables_and_enables(
        self, client: AsyncClient, subscribe: Subscribe, receiver: Stub, days: Days
    ) -> None:
        made = await subscribe()
        one = f"{PATH}/{made['id']}"
        draft = {"url": receiver.url, "events": [NOTE.name], "description": "Ours"}

        disabled = await client.put(one, json=draft | {"enabled": False})
        await days.write()
        refused = await client.post(f"{one}/ping")
        enabled = await client.put(one, json=draft)
        await days.write()

        assert disabled.json()["disabled_because"] == "owner"
        assert refused.json()["type"] == "/problems/subscription-off"
        assert enabled.json()["enabled"]
        assert enabled.json()["description"] == "Ours"
        assert [each.target for each in receiver.received] == ["/"]

    async def test_of_one_that_is_removed_is_refused(
        self, client: AsyncClient, subscribe: Subscribe, receiver: Stub, days: Days
    ) -> None:
        made = await subscribe()
        await client.delete(f"{PATH}/{made['id']}")

        await days.write()
        found = await client.put(
            f"{PATH}/{made['id']}", json={"url": receiver.url, "events": []}
        )

        assert found.status_code == 404
        assert receiver.received == []


class TestOwners:
    @pytest.fixture
    async def eve(self, service: Service) -> Principal:
        return Principal(str(uuid4()), kind="user")

    async def test_see_nothing_of_one_another(
        self, service: Service, subscribe: Subscribe, days: Days, eve: Principal
    ) -> None:
        made = await subscribe()
        await days.write()
        client, one = service.client, f"{PATH}/{made['id']}"
        [sent] = (await client.get(f"{one}/deliveries")).json()["items"]
        delivery = f"/v1/webhooks/deliveries/{sent['id']}"

        async with acting(service, await shown(service.platform, id_=eve.id)):
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

    async def test_admins_see_all(self, service: Service, subscribe: Subscribe) -> None:
        made = await subscribe()

        async with acting(service, await shown(service.platform, ADMIN)):
            found = await service.client.get(f"{PATH}/{made['id']}")

        assert found.status_code == 200
        assert ADA.id not in found.text
