"""The catalog: products, what they cost, and the categories they are in."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.catalog.errors import ProductNotFound
from app.modules.catalog.repository import ProductRepository
from app.modules.catalog.schemas import Price
from app.modules.catalog.service import PriceList
from app.platform.cache import Cache


def price_list(session: AsyncSession, cache: Cache) -> PriceList:
    """Ask for prices, of the cache first."""
    return PriceList(ProductRepository(session), cache)


__all__ = ["Price", "PriceList", "ProductNotFound", "price_list"]
