"""A request sent twice takes effect once: the HTTP header `Idempotency-Key`."""

from app.platform.idempotency.dependency import (
    KEY_REFUSALS,
    IdempotencySettings,
    idempotent,
    idempotent_when_asked,
    install,
)

__all__ = [
    "KEY_REFUSALS",
    "IdempotencySettings",
    "idempotent",
    "idempotent_when_asked",
    "install",
]
