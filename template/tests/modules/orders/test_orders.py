"""Orders are placed once, and read in pages."""

import asyncio
from uuid import uuid4

from httpx import AsyncClient

from tests.modules.orders.conftest import Finish, Place

NONSENSE: list[dict[str, object]] = [
    {"quantity": 0},
    {"quantity": 10**30},
    {"email": "ada@example.com\r\nBcc: eve@example.com"},
    {"reference": "a\x00b"},
    {"product_id": "1"},
]


class TestPlaceOrder:
    async def test_refuses_a_request_without_a_key(self, client: AsyncClient) -> None:
        refused = await client.post("/v1/orders", json={})

        assert refused.status_code in {400, 422}

    async def test_refuses_a_product_that_does_not_exist(self, place: Place) -> None:
        refused = await place(product_id=str(uuid4()))

        assert refused.status_code == 422
        assert refused.json()["type"] == "/problems/product-unknown"

    async def test_refuses_a_reference_used_before(self, place: Place) -> None:
        await place()

        again = await place()

        assert again.status_code == 409
        assert again.json()["type"] == "/problems/order-already-placed"
        assert again.json()["reference"] == "PO-1"

    async def test_costs_what_the_product_costs_now(
        self, client: AsyncClient, place: Place, product_id: str
    ) -> None:
        before = await place()
        await client.patch(
            f"/v1/catalog/products/{product_id}",
            json={"price_minor": 300},
            headers={"If-Match": "*"},
        )

        after = await place(reference="PO-2")

        assert before.json()["total_minor"] == 500
        assert after.json()["total_minor"] == 600

    async def test_refuses_what_makes_no_sense(self, place: Place) -> None:
        for fields in NONSENSE:
            refused = await place(**fields)

            assert refused.status_code == 422, fields
            assert refused.json()["errors"]

    async def test_returns_the_order_that_anybody_finds(
        self, client: AsyncClient, place: Place
    ) -> None:
        placed = await place()

        assert placed.status_code == 201
        found = await client.get(f"/v1/orders/{placed.json()['id']}")
        assert found.json() == placed.json()
        assert found.json()["total_minor"] == 500
        assert found.json()["confirmed_at"] is None

    async def test_places_one_order_for_one_key(
        self, client: AsyncClient, place: Place, customer_id: str
    ) -> None:
        answers = await asyncio.gather(*(place(key="once") for _ in range(10)))
        last = await place(key="once")

        assert {answer.status_code for answer in answers} <= {201, 409}
        assert last.status_code == 201
        orders = await client.get("/v1/orders", params={"customer_id": customer_id})
        assert [order["id"] for order in orders.json()["items"]] == [last.json()["id"]]

    async def test_refuses_another_order_with_the_same_key(self, place: Place) -> None:
        await place(key="once")

        other = await place(key="once", quantity=3)

        assert other.status_code == 422


class TestStatements:
    """What a request asks of the database, however many rows there are."""

    async def test_are_four_at_most_for_an_order(
        self, statements: list[str], place: Place, finish_tasks: Finish
    ) -> None:
        await place()
        await finish_tasks()
        statements.clear()

        placed = await place(reference="PO-2")

        assert placed.status_code == 201
        # BEGIN; the key; order, answer and message; COMMIT. The price is another unless
        # it is cached. What the tasks do that follow is not the order's.
        await finish_tasks()
        asked = statements[: statements.index("COMMIT;") + 1]
        others = [each for each in of_the_request(asked) if "FROM products" not in each]
        assert len(others) <= 4, asked

    async def test_is_one_for_an_order_or_a_page(
        self,
        statements: list[str],
        client: AsyncClient,
        place: Place,
        finish_tasks: Finish,
    ) -> None:
        orders = [(await place(reference=f"PO-{n}")).json() for n in range(4)]
        customer = {"customer_id": orders[0]["customer_id"]}
        await finish_tasks()
        statements.clear()

        for path, given in (
            (f"/v1/orders/{orders[0]['id']}", {}),
            ("/v1/orders", customer | {"limit": "2"}),
            ("/v1/orders", customer),
        ):
            assert (await client.get(path, params=given)).status_code == 200
            assert len(of_the_request(statements)) == 1, statements
            statements.clear()


def of_the_request(statements: list[str]) -> list[str]:
    """Leave out what the database is asked of who asks, before a route is."""
    return [each for each in statements if "FROM sessions" not in each]


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
