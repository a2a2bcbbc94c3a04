"""The catalog: products, what they cost, and the categories they are in."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.catalog.errors import ProductNotFound
from app.modules.catalog.repository import ProductRepository
from app.modules.catalog.schemas import Price
from app.modules.catalog.service import PriceList


def price_list(session: AsyncSession) -> PriceList:
    """Ask for prices within the caller's transaction."""
    return PriceList(ProductRepository(session))


__all__ = ["Price", "PriceList", "ProductNotFound", "price_list"]
