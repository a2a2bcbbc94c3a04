"""How a request gets the catalog."""

from typing import Annotated

from fastapi import Depends

from app.modules.catalog.repository import CategoryRepository, ProductRepository
from app.modules.catalog.service import CatalogReader, CatalogService
from app.platform.web.dependencies import CacheDep, ReadSessionDep, UnitOfWorkDep


async def _reader(session: ReadSessionDep, cache: CacheDep) -> CatalogReader:
    return CatalogReader(ProductRepository(session), CategoryRepository(session), cache)


async def _service(unit: UnitOfWorkDep, cache: CacheDep) -> CatalogService:
    return CatalogService(
        unit,
        ProductRepository(unit.session),
        CategoryRepository(unit.session),
        cache,
    )


CatalogReaderDep = Annotated[CatalogReader, Depends(_reader)]
CatalogServiceDep = Annotated[CatalogService, Depends(_service)]
