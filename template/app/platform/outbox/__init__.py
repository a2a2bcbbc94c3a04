"""The transactional outbox: tasks that are as durable as the rows that caused them."""

from app.platform.outbox.outbox import OutboxSettings

__all__ = ["OutboxSettings"]
