"""What is vouched for with the secret of the service, and needs no row anywhere."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from time import time

from pydantic import SecretStr

from app.platform.configuration import Refusal, Section

SHORTEST_SECRET = 32
DEVELOPMENT = "a-secret-that-is-good-for-development-only"


class VouchingSettings(Section):
    """The secret, which every identity that vouches for something has."""

    secret: SecretStr = SecretStr(DEVELOPMENT)
    """Keys are derived of it, or sealed with it: 32 letters or more."""

    def unsafe(self) -> Iterator[Refusal]:
        secret = self.secret.get_secret_value()
        if secret == DEVELOPMENT or len(secret) < SHORTEST_SECRET:
            yield Refusal("secret", "is short, or known to all who read the code")


class Vouching:
    """Makes tokens that only this service can have made, for a while."""

    def __init__(self, secret: SecretStr) -> None:
        self._key = derived(secret.get_secret_value(), "vouching")

    def vouch(self, *words: str, lasting: timedelta) -> str:
        until = f"{int(time() + lasting.total_seconds()):x}"
        return f"{until}.{self._mark(until, *words)}"

    def vouched(self, token: str, *words: str) -> bool:
        until, _, mark = token.partition(".")
        expected = self._mark(until, *words)
        same = hmac.compare_digest(mark.encode(), expected.encode())
        return same and int(until, 16) >= time()

    def _mark(self, *words: str) -> str:
        # What is joined must not be read as other words.
        said = "\n".join(f"{len(word)}:{word}" for word in words)
        digest = hmac.digest(self._key, said.encode(), "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def derived(secret: str, purpose: str) -> bytes:
    """Make a key for one purpose of the secret (RFC 5869): none tells another."""
    extracted = hmac.digest(bytes(sha256().digest_size), secret.encode(), "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
