"""A catalog with something in it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

type Json = dict[str, Any]
type AddProduct = Callable[..., Awaitable[Json]]


@pytest.fixture
async def category(client: AsyncClient) -> Json:
    return await _post(client, "categories", slug="desks", name="Desks")


@pytest.fixture
def add_product(client: AsyncClient, category: Json) -> AddProduct:
    async def add(sku: str, **fields: object) -> Json:
        draft = product_draft(category["id"], sku)
        return await _post(client, "products", **draft | fields)

    return add


def product_draft(category_id: str, sku: str) -> Json:
    return {
        "category_id": category_id,
        "sku": sku,
        "name": f"Desk {sku}",
        "price_minor": 100,
        "currency": "EUR",
    }


async def _post(client: AsyncClient, kind: str, **draft: object) -> Json:
    answer = await client.post(
        f"/v1/catalog/{kind}", json=draft, headers={"Idempotency-Key": uuid4().hex}
    )
    assert answer.status_code == 201, answer.text
    added: Json = answer.json()
    return added
