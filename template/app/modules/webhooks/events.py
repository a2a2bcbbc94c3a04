"""What leaves the service, and what happens to what has left."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.platform.events import Event
from app.platform.observability import context


def _of_caller(_: Any) -> str:
    return context.caller().id


@dataclass(frozen=True, slots=True)
class Published:
    """
    An event that others may subscribe to, under a name and in a shape that stay.

    The payload has those members of the event that may leave. One that is to change
    gets another name: order.placed.v2, beside the first.
    """

    name: str
    event: type[Event]
    payload: type[BaseModel]
    owner: Callable[[Any], str] = _of_caller
    """Whose it is: nobody else's subscriptions get it. By default, of who caused it."""

    def data(self, event: Event) -> dict[str, Any]:
        payload = self.payload.model_validate(event, from_attributes=True)
        return payload.model_dump(mode="json")


class DeliveryDue(Event):
    """An attempt is to be made: the next after so many."""

    delivery_id: UUID
    subscription_id: UUID
    made: int


class SubscriptionDisabled(Event):
    """Nothing is sent any more: the receiver is gone, or has failed for days."""

    subscription_id: UUID
    owner_id: str
    reason: str
