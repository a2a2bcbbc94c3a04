"""What is sent, what a receiver may do to it, and what becomes of it then."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from standardwebhooks import Webhook, WebhookVerificationError

from app.modules.webhooks.service import LONGEST_HOLD, PAUSES
from app.modules.webhooks.tasks import purge_deliveries
from app.platform.tasks import Tick
from dev.smtp import MailSink
from tests.fixtures.service import Service
from tests.fixtures.third_party import Behaviour, Received, Stub, answer, drop, hang
from tests.modules.webhooks.conftest import NOTE, Days, Json, Subscribe

PATH = "/v1/webhooks/subscriptions"
LONG_AGO = {"since": "2020-01-01T00:00:00Z"}


@pytest.fixture
def deliveries(client: AsyncClient) -> Any:
    async def deliveries(of: Json, status: str | None = None) -> list[Json]:
        params = {"status": status} if status else {}
        url = f"{PATH}/{of['id']}/deliveries"
        found: list[Json] = (await client.get(url, params=params)).json()["items"]
        return found

    return deliveries


def verified(secret: str, received: Received) -> Any:
    return Webhook(secret).verify(received.body, received.headers)


def ids(receiver: Stub) -> list[str]:
    return [each.headers["webhook-id"] for each in receiver.received]


class TestDelivery:
    async def test_is_signed_and_says_what_may_leave(
        self, subscribe: Subscribe, receiver: Stub, days: Days, deliveries: Any
    ) -> None:
        made = await subscribe()
        await subscribe(events=[])

        await days.write()

        [received] = receiver.received
        said = verified(made["secret"], received)
        assert (received.method, received.target) == ("POST", "/hooks?key=1")
        assert said["type"] == NOTE.name
        assert list(said["data"]) == ["note_id"]
        [delivery] = await deliveries(made)
        assert delivery["status"] == "delivered"
        assert delivery["message_id"] == received.headers["webhook-id"]
        assert json.loads(delivery["body"]) == said
        [attempt] = delivery["attempts"]
        assert attempt["status"] == 200
        assert "whsec" not in json.dumps(delivery)

    async def test_is_none_of_what_was_rolled_back(
        self, subscribe: Subscribe, receiver: Stub, days: Days
    ) -> None:
        await subscribe()

        with pytest.raises(RuntimeError, match="no"):
            async with days.service.platform.database.unit_of_work() as unit:
                unit.record(NOTE.event.model_validate({"note_id": uuid4()}))
                raise RuntimeError("no")
        await days.finish()

        assert receiver.received == []

    async def test_is_signed_with_both_secrets_for_a_while(
        self, client: AsyncClient, subscribe: Subscribe, receiver: Stub, days: Days
    ) -> None:
        made = await subscribe()
        one = f"{PATH}/{made['id']}/secret"

        new = (await client.post(one, json={})).json()["secret"]
        await days.write()
        newest = (await client.post(one, json={"overlap_hours": 0})).json()["secret"]
        await days.write()

        first, second = receiver.received
        assert verified(made["secret"], first) == verified(new, first)
        assert verified(newest, second)
        for old in (made["secret"], new):
            with pytest.raises(WebhookVerificationError):
                verified(old, second)

    async def test_can_be_tried_out(
        self, client: AsyncClient, subscribe: Subscribe, receiver: Stub, days: Days
    ) -> None:
        made = await subscribe()

        pinged = await client.post(f"{PATH}/{made['id']}/ping")
        await days.finish()

        assert pinged.status_code == 202
        assert verified(made["secret"], receiver.received[0])["type"] == "webhook.ping"


class TestFailure:
    @pytest.mark.parametrize(
        "case",
        [
            (answer(500), (500, None)),
            (answer(404), (404, None)),
            (answer(302, Location="http://169.254.169.254/"), (302, None)),
            (drop, (None, "no answer")),
            (hang, (None, "timed out")),
        ],
    )
    async def test_is_followed_by_attempts_over_hours_with_the_same_id(
        self,
        subscribe: Subscribe,
        receiver: Stub,
        days: Days,
        deliveries: Any,
        case: tuple[Behaviour, tuple[int | None, str | None]],
    ) -> None:
        made, (behaviour, noted) = await subscribe(), case
        receiver.script = [behaviour, behaviour]

        await days.write()
        await days.tick()
        assert len(receiver.received) == 1
        await days.pass_by()
        [waiting] = await deliveries(made, "pending")
        await days.pass_by()

        assert len({*ids(receiver)}) == 1
        assert len(receiver.received) == 3
        [delivery] = await deliveries(made, "delivered")
        seen = [(each["status"], each["error"]) for each in delivery["attempts"]]
        assert seen == [noted, noted, (200, None)]
        pause = datetime.fromisoformat(waiting["due_at"]) - datetime.fromisoformat(
            waiting["attempts"][-1]["at"]
        )
        assert PAUSES[1] <= pause < 1.1 * PAUSES[1] + timedelta(minutes=1)

    async def test_ends_after_the_last_attempt_and_can_be_sent_again(
        self,
        client: AsyncClient,
        subscribe: Subscribe,
        receiver: Stub,
        days: Days,
        deliveries: Any,
    ) -> None:
        made = await subscribe()
        receiver.behaviour = answer(400)

        await days.write(times=2)
        for _ in range(len(PAUSES) + 3):
            await days.pass_by()
        failed = await deliveries(made, "failed")
        assert len(failed) == 2
        assert len(receiver.received) == 2 * (len(PAUSES) + 1)
        receiver.behaviour = answer()
        one = failed[0]["id"]
        again = await client.post(f"/v1/webhooks/deliveries/{one}/replays")
        await days.finish()
        rest = await client.post(f"{PATH}/{made['id']}/replays", json=LONG_AGO)
        await days.tick()

        assert again.status_code == rest.status_code == 202
        assert rest.json() == {"deliveries": 1}
        assert len({*ids(receiver)}) == 2
        assert len(await deliveries(made, "delivered")) == 2
        found = await client.get(f"/v1/webhooks/deliveries/{one}")
        assert len(found.json()["attempts"]) == len(PAUSES) + 2

    @pytest.mark.parametrize("status", [429, 503])
    async def test_waits_for_as_long_as_it_is_asked_to(
        self,
        subscribe: Subscribe,
        receiver: Stub,
        days: Days,
        deliveries: Any,
        status: int,
    ) -> None:
        made = await subscribe()
        receiver.behaviour = answer(status, Retry_After="1800")

        await days.write()
        await days.write()

        assert len(receiver.received) == 1
        for delivery in await deliveries(made, "pending"):
            due = datetime.fromisoformat(delivery["due_at"])
            made_at = datetime.fromisoformat(delivery["created_at"])
            assert due - made_at > timedelta(minutes=29)

    async def test_of_one_receiver_keeps_nobody_waiting(
        self, subscribe: Subscribe, receiver: Stub, days: Days, deliveries: Any
    ) -> None:
        """Much waits for one that never answers: it is not asked each time."""
        async with Stub.open() as tarpit:
            tarpit.behaviour = hang
            slow = await subscribe(url=tarpit.url)
            good = await subscribe()

            await days.write(times=30)

            assert 1 <= len(tarpit.received) < 10
        assert len(receiver.received) == 30
        assert {each["status"] for each in await deliveries(good)} == {"delivered"}
        for delivery in await deliveries(slow):
            due = datetime.fromisoformat(delivery["due_at"])
            at = datetime.fromisoformat(delivery["created_at"])
            assert due - at < LONGEST_HOLD + timedelta(minutes=1)

    async def test_of_one_receiver_is_the_longer_apart_the_longer_it_fails(
        self, subscribe: Subscribe, receiver: Stub, days: Days, deliveries: Any
    ) -> None:
        made = await subscribe()
        receiver.behaviour = hang

        await days.write()
        await days.execute(
            "UPDATE webhook_subscriptions SET held_until = NULL,"
            " failing_since = now() - interval '1 hour'"
        )
        await days.write()
        await days.write()

        held = (await deliveries(made))[0]
        assert held["attempts"] == []
        due = datetime.fromisoformat(held["due_at"])
        made_at = datetime.fromisoformat(held["created_at"])
        assert LONGEST_HOLD / 2 < due - made_at <= LONGEST_HOLD


class TestDisabling:
    async def test_is_at_once_where_the_receiver_is_gone(
        self,
        client: AsyncClient,
        subscribe: Subscribe,
        receiver: Stub,
        days: Days,
        mail_sink: MailSink,
    ) -> None:
        made = await subscribe(contact="ada@example.com")
        receiver.behaviour = answer(410)

        await days.write()
        await days.write()

        found = (await client.get(f"{PATH}/{made['id']}")).json()
        assert found["disabled_because"] == "gone"
        assert len(receiver.received) == 1
        assert [mail["to"] for mail in mail_sink.mails] == ["ada@example.com"]
        refused = await client.post(f"{PATH}/{made['id']}/replays", json=LONG_AGO)
        assert refused.status_code == 409

    async def test_comes_after_days_of_failure(
        self,
        client: AsyncClient,
        subscribe: Subscribe,
        receiver: Stub,
        days: Days,
        mail_sink: MailSink,
    ) -> None:
        made = await subscribe()
        receiver.script = [answer(500), answer(500), answer(), *4 * [answer(500)]]

        await days.write()
        await days.pass_by(days=4)
        await days.pass_by(days=4)
        await days.write()
        await days.pass_by(days=4)
        found = (await client.get(f"{PATH}/{made['id']}")).json()
        await days.pass_by(days=2)
        ended = (await client.get(f"{PATH}/{made['id']}")).json()

        assert found["enabled"]
        assert found["failing_since"] is not None
        assert ended["disabled_because"] == "failing"
        assert mail_sink.mails == []


class TestRetention:
    async def test_forgets_what_is_old(
        self, service: Service, subscribe: Subscribe, days: Days, deliveries: Any
    ) -> None:
        made = await subscribe()
        await days.write()
        await days.execute(
            "UPDATE webhook_deliveries SET created_at = now() - interval '31 days'"
        )
        await days.write()

        async with service.platform.database.unit_of_work() as unit:
            tick = Tick(due_at=datetime.fromisoformat("2030-01-01T00:00:00Z"))
            await purge_deliveries(tick, unit, service.platform)

        assert len(await deliveries(made)) == 1
