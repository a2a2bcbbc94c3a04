"""What can go wrong in the catalog."""

from uuid import UUID

from app.platform.errors import Conflict, Invalid, NotFound


class CategoryNotFound(NotFound):
    """No such category."""

    def __init__(self, category_id: UUID) -> None:
        super().__init__(
            f"There is no category {category_id}.", category_id=str(category_id)
        )


class ProductNotFound(NotFound):
    """No such product."""

    def __init__(self, product_id: UUID) -> None:
        super().__init__(
            f"There is no product {product_id}.", product_id=str(product_id)
        )


class CategoryUnknown(Invalid):
    """The product names a category that does not exist."""

    def __init__(self) -> None:
        super().__init__("There is no such category.", field="category_id")


class SlugTaken(Conflict):
    """Another category has the slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is a category {slug} already.", slug=slug)


class SkuTaken(Conflict):
    """Another product has the SKU."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"There is a product {sku} already.", sku=sku)
