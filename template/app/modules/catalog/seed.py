"""What a catalog begins with: `make seed` adds it, and may be run again."""

from typing import Protocol

from app.modules.catalog.models import Category, Product
from app.modules.catalog.repository import CategoryRepository, ProductRepository
from app.modules.catalog.service import CATEGORIES, FIRST_PAGE
from app.platform.cache import Cache
from app.platform.database import Database

PRODUCTS = {
    ("desks", "Desks"): (("D-1", "Oak desk", 49_900), ("D-2", "Small desk", 19_900)),
    ("chairs", "Chairs"): (("C-1", "Office chair", 24_900),),
}


class Ports(Protocol):
    """The ports that this needs."""

    @property
    def database(self) -> Database: ...

    @property
    def cache(self) -> Cache: ...


async def seed(platform: Ports) -> None:
    """Add what is missing; what is there stays as it is, edited or not."""
    async with platform.database.unit_of_work() as unit:
        categories = CategoryRepository(unit.session)
        products = ProductRepository(unit.session)
        unit.after_commit(platform.cache.forget, CATEGORIES)
        unit.after_commit(platform.cache.forget, FIRST_PAGE, str(None))
        for (slug, name), rows in PRODUCTS.items():
            row = Category(slug=slug, name=name)
            category = await categories.get_or_add(row, "slug")
            unit.after_commit(platform.cache.forget, FIRST_PAGE, str(category.id))
            for sku, title, price in rows:
                product = Product(
                    category_id=category.id,
                    sku=sku,
                    name=title,
                    price_minor=price,
                    currency="EUR",
                )
                await products.get_or_add(product, "sku")
