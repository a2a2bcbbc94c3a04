"""What an owner does with subscriptions, and what is refused."""

import pytest
from httpx import AsyncClient

from tests.fixtures.third_party import Stub
from tests.modules.webhooks.conftest import NOTE, Days, Subscribe

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
