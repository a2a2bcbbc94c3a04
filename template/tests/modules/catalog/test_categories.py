from httpx import AsyncClient

from tests.modules.catalog.conftest import Json

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
