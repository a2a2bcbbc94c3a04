"""The catalog over HTTP: parse, delegate, render."""

from datetime import timedelta
from uuid import UUID

from fastapi import Response, status

from app.modules.catalog.dependencies import CatalogReaderDep, CatalogServiceDep
from app.modules.catalog.errors import (
    CategoryUnknown,
    ProductNotFound,
    SkuTaken,
    SlugTaken,
)
from app.modules.catalog.schemas import (
    CategoryDraft,
    CategoryRead,
    ProductChange,
    ProductDraft,
    ProductRead,
)
from app.platform.errors import PreconditionFailed, PreconditionRequired
from app.platform.idempotency import KEY_REFUSALS, idempotent_when_asked
from app.platform.web.conditional import IfMatchDep, show
from app.platform.web.paging import InvalidCursor, PageDep, PageRead
from app.platform.web.problems import problems
from app.platform.web.routing import ANYBODY, Access, Caching, Policy, Router

# Who changes it has been granted to.
router = Router(
    prefix="/catalog", tags=["catalog"], policy=Policy(access=Access.scope("catalog"))
)

# Anybody may see the catalog: a CDN can answer for it, until one of it changes.
MINUTE = timedelta(minutes=1)
PUBLIC = Policy(
    access=ANYBODY,
    caching=Caching.public(
        s_maxage=MINUTE, stale_while_revalidate=5 * MINUTE, keys=("catalog",)
    ),
)
REPEATABLE = Policy(idempotency=idempotent_when_asked)
CHANGE = problems(ProductNotFound, PreconditionFailed, PreconditionRequired)


@router.get("/categories", policy=PUBLIC)
async def list_categories(catalog: CatalogReaderDep) -> list[CategoryRead]:
    """List every category, by name."""
    return await catalog.categories()


@router.post(
    "/categories",
    status_code=status.HTTP_201_CREATED,
    responses=problems(SlugTaken, *KEY_REFUSALS),
    policy=REPEATABLE,
)
async def add_category(
    draft: CategoryDraft, catalog: CatalogServiceDep
) -> CategoryRead:
    """Add a category."""
    return CategoryRead.model_validate(await catalog.add_category(draft))


@router.get("/products", policy=PUBLIC, responses=problems(InvalidCursor))
async def list_products(
    page: PageDep, catalog: CatalogReaderDep, category_id: UUID | None = None
) -> PageRead[ProductRead]:
    """List products, newest first, of one category or of all."""
    found = await catalog.products(category_id, after=page.after, limit=page.limit)
    return PageRead[ProductRead].of(found)


@router.post(
    "/products",
    status_code=status.HTTP_201_CREATED,
    responses=problems(SkuTaken, CategoryUnknown, *KEY_REFUSALS),
    policy=REPEATABLE,
)
async def add_product(
    draft: ProductDraft, response: Response, catalog: CatalogServiceDep
) -> ProductRead:
    """Add a product to a category."""
    return show(await catalog.add_product(draft), ProductRead, response)


@router.get(
    "/products/{product_id}",
    policy=PUBLIC,
    responses=problems(ProductNotFound),
)
async def get_product(
    product_id: UUID, response: Response, catalog: CatalogReaderDep
) -> ProductRead:
    """Get a product. Its `ETag` is what a change must name in `If-Match`."""
    return show(await catalog.product(product_id), ProductRead, response)


@router.patch("/products/{product_id}", responses=CHANGE)
async def change_product(
    product_id: UUID,
    change: ProductChange,
    version: IfMatchDep,
    response: Response,
    catalog: CatalogServiceDep,
) -> ProductRead:
    """Change a product that is still as the caller has seen it."""
    product = await catalog.change_product(product_id, change, version=version)
    return show(product, ProductRead, response)


@router.delete(
    "/products/{product_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=CHANGE,
)
async def remove_product(
    product_id: UUID, version: IfMatchDep, catalog: CatalogServiceDep
) -> None:
    """Remove a product that is still as the caller has seen it."""
    await catalog.remove_product(product_id, version=version)
