"""Webhooks: who is told of what happens here, at which URL, and how that went."""

from app.modules.webhooks.events import SubscriptionDisabled

__all__ = ["SubscriptionDisabled"]
