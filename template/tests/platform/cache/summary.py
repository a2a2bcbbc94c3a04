"""A value with what JSON has no words for: times, decimals, ids, other names."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, Field, computed_field


class Line(BaseModel):
    product: UUID = UUID(int=1)
    price: Decimal = Decimal("1.10")


class Summary(BaseModel):
    made_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    lines: list[Line] = [Line()]
    currency: str = Field("EUR", alias="currencyCode")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def count(self) -> int:
        return len(self.lines)
