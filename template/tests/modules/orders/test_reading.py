from uuid import uuid4

from httpx import AsyncClient

from tests.modules.orders.conftest import Place


class TestGetOrder:
    async def test_knows_no_order_that_is_not_there(self, client: AsyncClient) -> None:
        missing = await client.get(f"/v1/orders/{uuid4()}")

        assert missing.status_code == 404
        assert missing.json()["type"] == "/problems/order-not-found"


class TestListOrders:
    async def test_shows_a_customer_their_own_newest_first(
        self, client: AsyncClient, place: Place, customer_id: str
    ) -> None:
        for reference in ("PO-1", "PO-2"):
            await place(reference=reference)
        await place(customer_id=str(uuid4()))

        orders = (await client.get(f"/v1/orders?customer_id={customer_id}")).json()

        assert [each["reference"] for each in orders["items"]] == ["PO-2", "PO-1"]


class TestSpending:
    async def test_counts_an_order_as_soon_as_it_is_placed(
        self, client: AsyncClient, place: Place, customer_id: str
    ) -> None:
        params = {"customer_id": customer_id}
        before = await client.get("/v1/orders/spending", params=params)

        await place()

        after = await client.get("/v1/orders/spending", params=params)
        assert before.json() == []
        assert after.json() == [{"currency": "EUR", "orders": 1, "total_minor": 500}]
