"""A request sent twice takes effect once: the HTTP header `Idempotency-Key`."""

from app.platform.idempotency.dependency import idempotent, idempotent_when_asked
from app.platform.idempotency.errors import KEY_REFUSALS
from app.platform.idempotency.settings import IdempotencySettings, install

__all__ = [
    "KEY_REFUSALS",
    "IdempotencySettings",
    "idempotent",
    "idempotent_when_asked",
    "install",
]
