"""Categories, products, and what is remembered of them."""

import asyncio
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient, Response

from app.modules.catalog.repository import CategoryRepository
from app.modules.catalog.seed import PRODUCTS, seed
from app.platform.database import Database
from app.platform.errors import InUse
from tests.fixtures.service import Service
from tests.modules.catalog.conftest import AddProduct, Json, product_draft

CATEGORIES = "/v1/catalog/categories"


class TestAddCategory:
    async def test_refuses_a_slug_that_is_taken(
        self, client: AsyncClient, category: Json
    ) -> None:
        again = await client.post(CATEGORIES, json={"slug": "desks", "name": "More"})

        assert again.status_code == 409
        assert again.json()["type"] == "/problems/slug-taken"

    async def test_is_seen_by_the_next_reader(
        self, client: AsyncClient, category: Json
    ) -> None:
        assert (await client.get(CATEGORIES)).json() == [category]

        await client.post(CATEGORIES, json={"slug": "chairs", "name": "Chairs"})

        names = [each["name"] for each in (await client.get(CATEGORIES)).json()]
        assert names == ["Chairs", "Desks"]


class TestListCategories:
    async def test_may_be_kept_by_a_cdn_and_asked_for_again(
        self, client: AsyncClient, category: Json
    ) -> None:
        first = await client.get(CATEGORIES)

        again = await client.get(
            CATEGORIES, headers={"If-None-Match": first.headers["etag"]}
        )

        assert first.headers["cache-control"].startswith("public, s-maxage=60")
        assert again.status_code == 304
        assert not again.content


class TestAddProduct:
    async def test_refuses_a_sku_that_is_taken(
        self, client: AsyncClient, add_product: AddProduct, category: Json
    ) -> None:
        await add_product("A-1")
        draft = product_draft(category["id"], "A-1")

        again = await client.post("/v1/catalog/products", json=draft)

        assert again.status_code == 409
        assert again.json()["field"] == "sku"

    async def test_refuses_a_category_that_does_not_exist(
        self, client: AsyncClient
    ) -> None:
        draft = product_draft(str(uuid4()), "A-2")

        refused = await client.post("/v1/catalog/products", json=draft)

        assert refused.status_code == 422
        assert refused.json()["type"] == "/problems/category-unknown"

    async def test_keeps_the_category_that_it_is_in(
        self, database: Database, add_product: AddProduct, category: Json
    ) -> None:
        await add_product("A-1")

        with pytest.raises(InUse):
            async with database.unit_of_work() as unit:
                categories = CategoryRepository(unit.session)
                await categories.remove(await categories.get(UUID(category["id"])))

    async def test_refuses_a_category_that_was_removed(
        self, client: AsyncClient, database: Database, category: Json
    ) -> None:
        async with database.unit_of_work() as unit:
            categories = CategoryRepository(unit.session)
            await categories.remove(await categories.get(UUID(category["id"])))
        draft = {"sku": "A-1", "name": "Desk", "price_minor": 1, "currency": "EUR"}

        refused = await client.post(
            "/v1/catalog/products", json=draft | {"category_id": category["id"]}
        )

        assert refused.status_code == 422
        assert refused.json()["field"] == "category_id"

    async def test_takes_effect_once_for_one_key(
        self, client: AsyncClient, category: Json
    ) -> None:
        draft = product_draft(category["id"], "A-2")
        key = {"Idempotency-Key": uuid4().hex}

        first = await client.post("/v1/catalog/products", json=draft, headers=key)
        again = await client.post("/v1/catalog/products", json=draft, headers=key)

        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotent-replayed"] == "true"


class TestGetProduct:
    async def test_knows_no_product_that_is_not_there(
        self, client: AsyncClient
    ) -> None:
        missing = await client.get(f"/v1/catalog/products/{uuid4()}")

        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"
        assert missing.headers["cache-control"] == "no-store"

    async def test_returns_what_was_added(
        self, client: AsyncClient, add_product: AddProduct, category: Json
    ) -> None:
        product = await add_product("A-1")

        found = await client.get(f"/v1/catalog/products/{product['id']}")

        assert found.json() == product
        assert found.json()["category"] == category
        assert found.headers["etag"].startswith('"1.')


class TestChangeProduct:
    async def test_refuses_who_has_not_seen_the_present_version(
        self, client: AsyncClient, add_product: AddProduct
    ) -> None:
        product = await add_product("A-1")

        blind = await _rename(client, product, {})
        stale = await _rename(client, product, {"If-Match": '"7"'})

        assert (blind.status_code, stale.status_code) == (428, 412)

    async def test_lets_one_of_many_at_once_through(
        self, client: AsyncClient, add_product: AddProduct
    ) -> None:
        product = await add_product("A-1")

        answers = await asyncio.gather(
            *(_rename(client, product, {"If-Match": '"1"'}) for _ in range(10))
        )

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] + [412] * 9

    async def test_is_seen_by_the_next_reader(
        self, client: AsyncClient, add_product: AddProduct
    ) -> None:
        product = await add_product("A-1")
        await client.get("/v1/catalog/products")

        changed = await _rename(client, product, {"If-Match": '"1"'})

        assert changed.headers["etag"].startswith('"2.')
        [listed] = (await client.get("/v1/catalog/products")).json()["items"]
        assert listed["name"] == "Renamed"
        assert listed == changed.json()


class TestRemoveProduct:
    async def test_hides_the_product_and_frees_its_sku(
        self, client: AsyncClient, add_product: AddProduct
    ) -> None:
        product = await add_product("A-1")
        path = f"/v1/catalog/products/{product['id']}"

        removed = await client.delete(path, headers={"If-Match": "*"})

        assert removed.status_code == 204
        assert (await client.get(path)).status_code == 404
        assert (await client.get("/v1/catalog/products")).json()["items"] == []
        assert (await add_product("A-1"))["id"] != product["id"]


class TestListProducts:
    async def test_refuses_a_cursor_it_did_not_issue(self, client: AsyncClient) -> None:
        refused = await client.get("/v1/catalog/products", params={"cursor": "x"})

        assert refused.status_code == 400

    async def test_walks_every_product_once_newest_first(
        self, client: AsyncClient, add_product: AddProduct, category: Json
    ) -> None:
        for number in range(5):
            await add_product(f"A-{number}")

        seen: list[str] = []
        params = {"limit": "2", "category_id": category["id"]}
        while True:
            page = (await client.get("/v1/catalog/products", params=params)).json()
            seen += [product["sku"] for product in page["items"]]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]

        assert seen == ["A-4", "A-3", "A-2", "A-1", "A-0"]


class TestSeed:
    async def test_adds_what_is_missing_once(
        self, service: Service, category: Json
    ) -> None:
        assert (await service.client.get(CATEGORIES)).json() == [category]

        await seed(service.platform)
        await seed(service.platform)

        listed = (await service.client.get(CATEGORIES)).json()
        assert category in listed
        assert [each["slug"] for each in listed] == sorted(slug for slug, _ in PRODUCTS)
        page = (await service.client.get("/v1/catalog/products")).json()
        skus = [row[0] for rows in PRODUCTS.values() for row in rows]
        assert sorted(each["sku"] for each in page["items"]) == sorted(skus)


async def _rename(
    client: AsyncClient, product: Json, condition: dict[str, str]
) -> Response:
    return await client.patch(
        f"/v1/catalog/products/{product['id']}",
        json={"name": "Renamed"},
        headers=condition,
    )
