"""The carrier, a third party: what this module asks of it."""

from uuid import UUID

from app.modules.orders.errors import CarrierUnavailable
from app.modules.orders.schemas import DeliveryEstimate
from app.modules.orders.settings import OrdersSettings
from app.platform.http import HttpClient


class Carrier:
    """Answers within its deadline, or says that it cannot."""

    def __init__(self, http: HttpClient, settings: OrdersSettings) -> None:
        self._http = http
        self._settings = settings

    async def estimate(self, order_id: UUID) -> DeliveryEstimate:
        """Raise `Unavailable` when the carrier does not answer, or not to the point."""
        if self._settings.carrier_url is None:
            raise CarrierUnavailable(
                "No carrier is configured: set ORDERS__CARRIER_URL."
            )
        response = await self._http.get(
            f"{self._settings.carrier_url}estimates/{order_id}",
            deadline_seconds=self._settings.carrier_deadline_seconds,
        )
        return response.parse(DeliveryEstimate)
