"""A shop that takes orders."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import Engine, Pool, event

from app.platform.observability import context

type Json = dict[str, Any]
type Finish = Callable[[], Awaitable[None]]
type Place = Callable[..., Awaitable[Response]]

TRANSACTIONAL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What requests send to the database from now on, BEGIN and COMMIT included."""
    sent: list[str] = []

    def note(statement: str) -> None:
        # A trace begins with a request; probes have none, and tasks go on with one.
        if (step := context.step()) is not None and step.root:
            sent.append(statement)

    def hear(told: Any) -> None:
        if told.query.startswith(TRANSACTIONAL):
            note(told.query)

    def watch(connection: Any, _: object) -> None:
        # The driver tells of all that it sends, and nobody else of transactions.
        connection.driver_connection.add_query_logger(hear)

    def see(*given: Any) -> None:
        note(given[2])

    event.listen(Pool, "connect", watch)
    event.listen(Engine, "before_cursor_execute", see)
    yield sent
    event.remove(Pool, "connect", watch)
    event.remove(Engine, "before_cursor_execute", see)


@pytest.fixture
async def product_id(client: AsyncClient) -> str:
    category = await client.post(
        "/v1/catalog/categories", json={"slug": "desks", "name": "Desks"}
    )
    product = await client.post(
        "/v1/catalog/products",
        json={
            "category_id": category.json()["id"],
            "sku": "DESK-1",
            "name": "Desk",
            "price_minor": 250,
            "currency": "EUR",
        },
    )
    added: str = product.json()["id"]
    return added


@pytest.fixture
def customer_id() -> str:
    return str(uuid4())


@pytest.fixture
def place(client: AsyncClient, product_id: str, customer_id: str) -> Place:
    """Place an order with a new key, unless the test names one."""

    async def place(*, key: str | None = None, **fields: object) -> Response:
        draft = {
            "customer_id": customer_id,
            "email": "ada@example.com",
            "reference": "PO-1",
            "product_id": product_id,
            "quantity": 2,
        }
        return await client.post(
            "/v1/orders",
            json=draft | fields,
            headers={"Idempotency-Key": key or uuid4().hex},
        )

    return place
