"""What can be wrong with a subscription."""

from uuid import UUID

from app.platform.errors import Conflict, Invalid, NotFound


class SubscriptionNotFound(NotFound):
    """No such subscription."""

    def __init__(self, subscription_id: UUID) -> None:
        super().__init__(f"There is no subscription {subscription_id}.")


class DeliveryNotFound(NotFound):
    """No such delivery, or none any more."""

    def __init__(self, delivery_id: UUID) -> None:
        super().__init__(f"There is no delivery {delivery_id}.")


class EventUnknown(Invalid):
    """The subscription names an event that nobody publishes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no event {name} to subscribe to.", event=name)


class TooManySubscriptions(Conflict):
    """The owner has as many as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"Remove one first: there are {most} already.", most=most)


class SubscriptionOff(Conflict):
    """Nothing is sent to a subscription that is disabled."""

    def __init__(self, reason: str) -> None:
        super().__init__("The subscription is disabled: enable it.", reason=reason)
