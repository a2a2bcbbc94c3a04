"""What can go wrong in the catalog."""

from uuid import UUID

from app.platform.errors import Conflict, Invalid, NotFound


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

    def __init__(self) -> None:
        super().__init__("Another category has the same slug.", field="slug")


class SkuTaken(Conflict):
    """Another product has the SKU."""

    def __init__(self) -> None:
        super().__init__("Another product has the same SKU.", field="sku")
