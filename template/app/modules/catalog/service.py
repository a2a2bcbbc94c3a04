"""What can be done with the catalog, and what is remembered of it."""

from datetime import timedelta
from uuid import UUID

from app.modules.catalog.models import Category, Product
from app.modules.catalog.repository import CategoryRepository, ProductRepository
from app.modules.catalog.schemas import (
    CategoryDraft,
    CategoryRead,
    Price,
    ProductChange,
    ProductDraft,
    ProductRead,
)
from app.platform.cache import Cache, CacheEntry
from app.platform.database import Page, Position, UnitOfWork
from app.platform.events import PublicChanged

FIRST_PAGE_SIZE = 20

CATEGORIES = CacheEntry(
    "catalog.categories", list[CategoryRead], ttl=timedelta(minutes=5)
)
FIRST_PAGE = CacheEntry(
    "catalog.first_page", Page[ProductRead], ttl=timedelta(minutes=1)
)
PRICE = CacheEntry("catalog.price", Price, ttl=timedelta(minutes=1))


class CatalogReader:
    """Looks things up, in the cache first where they are asked for often."""

    def __init__(
        self, products: ProductRepository, categories: CategoryRepository, cache: Cache
    ) -> None:
        self._products = products
        self._categories = categories
        self._cache = cache

    async def categories(self) -> list[CategoryRead]:
        async def load() -> list[CategoryRead]:
            found = await self._categories.list_all()
            return [CategoryRead.model_validate(category) for category in found]

        return await self._cache.read(CATEGORIES, load=load)

    async def product(self, product_id: UUID) -> Product:
        return await self._products.get(product_id)

    async def products(
        self, category_id: UUID | None, *, after: Position | None, limit: int
    ) -> Page[ProductRead]:
        """List products, newest first. The page that most people see is remembered."""

        async def load() -> Page[ProductRead]:
            page = await self._products.list_of(category_id, after=after, limit=limit)
            return page.map(ProductRead.model_validate)

        if after is not None or limit != FIRST_PAGE_SIZE:
            return await load()
        return await self._cache.read(FIRST_PAGE, str(category_id), load=load)


class CatalogService:
    """Changes the catalog. Never commits: whoever opened the unit does."""

    def __init__(
        self,
        unit: UnitOfWork,
        products: ProductRepository,
        categories: CategoryRepository,
        cache: Cache,
    ) -> None:
        self._unit = unit
        self._products = products
        self._categories = categories
        self._cache = cache

    async def add_category(self, draft: CategoryDraft) -> Category:
        category = await self._categories.add(Category(**draft.model_dump()))
        self._unit.after_commit(self._cache.forget, CATEGORIES)
        self._unit.record(PublicChanged(keys=("catalog",)))
        return category

    async def add_product(self, draft: ProductDraft) -> Product:
        product = await self._products.add(Product(**draft.model_dump()))
        self._forget(product)
        return await self._products.reload(product)

    async def change_product(
        self, product_id: UUID, change: ProductChange, *, version: int | None
    ) -> Product:
        """Change the version that the caller has seen, or any if they name none."""
        product = await self._products.get_version(product_id, version)
        for name, value in change.model_dump(exclude_none=True).items():
            setattr(product, name, value)
        await self._products.save(product)
        self._forget(product)
        return product

    async def remove_product(self, product_id: UUID, *, version: int | None) -> None:
        product = await self._products.get_version(product_id, version)
        await self._products.remove(product)
        self._forget(product)

    def _forget(self, product: Product) -> None:
        for category in (str(None), str(product.category_id)):
            self._unit.after_commit(self._cache.forget, FIRST_PAGE, category)
        self._unit.after_commit(self._cache.forget, PRICE, str(product.id))
        self._unit.record(PublicChanged(keys=("catalog",)))


class PriceList:
    """What other modules may ask of the catalog."""

    def __init__(self, products: ProductRepository, cache: Cache) -> None:
        self._products = products
        self._cache = cache

    async def price_of(self, product_id: UUID) -> Price:
        async def load() -> Price:
            product = await self._products.get(product_id)
            return Price(price_minor=product.price_minor, currency=product.currency)

        return await self._cache.read(PRICE, str(product_id), load=load)
