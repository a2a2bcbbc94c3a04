"""Whose an order is: nobody learns of another's, by whatever way."""

from uuid import uuid4

import pytest
from sqlalchemy import select, update

from app.modules.orders.models import Order
from app.platform.observability import context
from app.platform.observability.context import ADMIN, SERVICE, Principal
from dev.smtp import MailSink
from tests.fixtures.service import Service, Show, acting
from tests.modules.orders.conftest import Finish, Place

ADA, EVE = str(uuid4()), str(uuid4())


@pytest.fixture
async def order(service: Service, show: Show, place: Place) -> dict[str, str]:
    """Ada's only order."""
    async with acting(service, await show(service.platform, id_=ADA)):
        placed: dict[str, str] = (await place(key="first")).json()
        return placed


class TestOwner:
    async def test_finds_what_it_has_made(
        self, service: Service, show: Show, order: dict[str, str]
    ) -> None:
        async with acting(service, await show(service.platform, id_=ADA)):
            found = await service.client.get(f"/v1/orders/{order['id']}")

        assert found.json() == order


class TestAnother:
    @pytest.mark.parametrize("path", ["", "/delivery"])
    async def test_is_told_that_there_is_no_such_order(
        self, service: Service, show: Show, order: dict[str, str], path: str
    ) -> None:
        async with acting(service, await show(service.platform, id_=ADA)):
            seen = await service.client.get(f"/v1/orders/{order['id']}")
        async with acting(service, await show(service.platform, id_=EVE)):
            refused = await service.client.get(
                f"/v1/orders/{order['id']}{path}",
                headers={"If-None-Match": seen.headers["etag"]},
            )

        assert refused.status_code == 404
        assert refused.json()["type"] == "/problems/order-not-found"

    async def test_sees_none_in_lists_and_sums_that_others_have_seen(
        self, service: Service, show: Show, order: dict[str, str], place: Place
    ) -> None:
        params = {"customer_id": order["customer_id"], "limit": "1"}
        async with acting(service, await show(service.platform, id_=ADA)):
            await place(reference="PO-2")
            first = await service.client.get("/v1/orders", params=params)
            await service.client.get(f"/v1/orders/spending?{_of(order)}")
        rest = {**params, "cursor": first.json()["next_cursor"]}
        async with acting(service, await show(service.platform, id_=EVE)):
            listed = await service.client.get("/v1/orders", params=params)
            followed = await service.client.get("/v1/orders", params=rest)
            spent = await service.client.get(f"/v1/orders/spending?{_of(order)}")

        assert len(first.json()["items"]) == 1
        assert listed.json()["items"] == followed.json()["items"] == spent.json() == []

    async def test_is_not_given_the_answer_to_anothers_key(
        self, service: Service, show: Show, order: dict[str, str], place: Place
    ) -> None:
        async with acting(service, await show(service.platform, id_=EVE)):
            own = await place(key="first")

        assert own.status_code == 201
        assert own.json()["id"] != order["id"]
        assert "idempotent-replayed" not in own.headers

    async def test_changes_nothing(
        self, service: Service, order: dict[str, str]
    ) -> None:
        change = update(Order).values(quantity=1000)
        async with service.platform.database.unit_of_work() as unit:
            with context.resume({}):
                context.identify(Principal(EVE, kind="user"))
                await unit.session.execute(change)
                found = await unit.session.scalar(select(Order))
            after = await unit.session.scalar(select(Order.quantity))

        assert found is None
        assert after == order["quantity"]


class TestAdmin:
    async def test_sees_all(
        self, service: Service, show: Show, order: dict[str, str]
    ) -> None:
        async with acting(service, await show(service.platform, ADMIN)):
            listed = await service.client.get(f"/v1/orders?{_of(order)}")

        assert [each["id"] for each in listed.json()["items"]] == [order["id"]]


class TestService:
    async def test_acts_for_who_has_placed_the_order(
        self,
        service: Service,
        order: dict[str, str],
        finish_tasks: Finish,
        mail_sink: MailSink,
    ) -> None:
        await finish_tasks()

        assert [mail["to"] for mail in mail_sink.mails] == ["ada@example.com"]

    async def test_sees_all_by_itself(
        self, service: Service, order: dict[str, str]
    ) -> None:
        async with service.platform.database.read_session() as session:
            [owner] = (await session.scalars(select(Order.owner_id))).all()

        assert context.caller() == SERVICE
        assert owner.endswith(ADA)


def _of(order: dict[str, str]) -> str:
    return f"customer_id={order['customer_id']}"
