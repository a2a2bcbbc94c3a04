"""What the orders module needs to know of its surroundings."""

from collections.abc import Iterator

from pydantic import HttpUrl

from app.platform.configuration import Refusal, Section, refuse_url


class OrdersSettings(Section):
    """`ORDERS__*` in the environment."""

    carrier_url: HttpUrl | None = None
    """The third party that carries parcels; without one, delivery is not estimated."""
    carrier_deadline_seconds: float = 1.0
    """How long an estimate may take."""

    def unsafe(self) -> Iterator[Refusal]:
        yield from refuse_url("carrier_url", self.carrier_url)
