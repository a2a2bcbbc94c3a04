"""The way out to receivers that users name: where they may be, and what proves us."""

from app.platform.webhooks.addresses import ReceiverRefused
from app.platform.webhooks.sender import Answer, WebhookSender, WebhooksSettings
from app.platform.webhooks.signing import Secrets

__all__ = ["Answer", "ReceiverRefused", "Secrets", "WebhookSender", "WebhooksSettings"]
