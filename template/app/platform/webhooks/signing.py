"""Signatures as Standard Webhooks has them, and the secrets behind them."""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from uuid import UUID

PREFIX = "whsec_"


class Secrets:
    """
    Makes the secret of each subscription of one that only the service knows.

    None is stored, so none can be read from the database. A new number is a new secret.
    """

    def __init__(self, master: str) -> None:
        self._master = master.encode()

    def of(self, subscription_id: UUID, number: int) -> str:
        key = self._key(subscription_id, number)
        return PREFIX + b64encode(key).decode()

    def headers(
        self,
        message_id: str,
        timestamp: int,
        body: bytes,
        *,
        subscription_id: UUID,
        numbers: Sequence[int],
    ) -> Mapping[str, str]:
        """Sign with each of these secrets: a receiver may not know the newest yet."""
        said = f"{message_id}.{timestamp}.".encode() + body
        keys = (self._key(subscription_id, number) for number in numbers)
        marks = (b64encode(hmac.digest(key, said, "sha256")).decode() for key in keys)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
        }

    def _key(self, subscription_id: UUID, number: int) -> bytes:
        said = f"webhooks\n{subscription_id}\n{number}".encode()
        return hmac.digest(self._master, said, "sha256")
