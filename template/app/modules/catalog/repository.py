"""Where the catalog is kept. The only file of the module that speaks SQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.modules.catalog.errors import (
    CategoryUnknown,
    ProductNotFound,
    SkuTaken,
    SlugTaken,
)
from app.modules.catalog.models import Category, Product
from app.platform.database import Page, Position, Repository


class CategoryRepository(Repository[Category]):
    model = Category
    taken = (("slug", SlugTaken),)

    async def list_all(self) -> Sequence[Category]:
        """List every category. They are few: reference data."""
        query = select(Category).order_by(Category.name)
        return await self.all(query)


class ProductRepository(Repository[Product]):
    model = Product
    not_found = ProductNotFound
    eager = (Product.category,)
    taken = (("sku", SkuTaken),)
    unknown = (("category_id", CategoryUnknown),)

    async def list_of(
        self, category_id: UUID | None, *, after: Position | None, limit: int
    ) -> Page[Product]:
        query = select(Product)
        if category_id is not None:
            query = query.where(Product.category_id == category_id)
        return await self.page(query, after=after, limit=limit)
