"""Where the catalog is kept. The only file of the module that speaks SQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.modules.catalog.errors import (
    CategoryNotFound,
    CategoryUnknown,
    ProductNotFound,
    SkuTaken,
    SlugTaken,
)
from app.modules.catalog.models import Category, Product
from app.platform.database import Page, Position, Repository
from app.platform.errors import DomainError


class CategoryRepository(Repository[Category]):
    model = Category
    not_found = CategoryNotFound

    async def list_all(self) -> Sequence[Category]:
        """List every category. They are few: reference data."""
        query = select(Category).order_by(Category.name)
        return (await self.session.scalars(query)).all()

    def refusal(self, row: Category, constraint: str | None) -> DomainError | None:
        return SlugTaken(row.slug) if constraint == "ix_categories_slug" else None


class ProductRepository(Repository[Product]):
    model = Product
    not_found = ProductNotFound
    eager = (joinedload(Product.category),)
    unknown = (("category_id", CategoryUnknown),)

    async def list_of(
        self, category_id: UUID | None, *, after: Position | None, limit: int
    ) -> Page[Product]:
        query = select(Product)
        if category_id is not None:
            query = query.where(Product.category_id == category_id)
        return await self.page(query, after=after, limit=limit)

    def refusal(self, row: Product, constraint: str | None) -> DomainError | None:
        if constraint == "ix_products_sku":
            return SkuTaken(row.sku)
        return super().refusal(row, constraint)
