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
    other_secrets: SecretStr = SecretStr("")
    """Believed, too, while the secret changes: the next and the last, with a space."""

    def unsafe(self) -> Iterator[Refusal]:
        others = self.other_secrets.get_secret_value().split()
        given = {"secret": [self.secret.get_secret_value()], "other_secrets": others}
        for name, secrets in given.items():
            if DEVELOPMENT in secrets or any(map(_is_short, secrets)):
                yield Refusal(name, "is short, or known to all who read the code")

    def derived(self, purpose: str) -> list[bytes]:
        """Make the keys for a purpose: the first one is used, the others believed."""
        others = self.other_secrets.get_secret_value().split()
        secrets = (self.secret.get_secret_value(), *others)
        return [derived(secret, purpose) for secret in secrets]


class Vouching:
    """Makes tokens that only this service can have made, for a while."""

    def __init__(self, settings: VouchingSettings) -> None:
        self._vouching = settings

    def vouch(self, *words: str, lasting: timedelta) -> str:
        until = f"{int(time() + lasting.total_seconds()):x}"
        [key, *_] = self._vouching.derived("vouching")
        return f"{until}.{_mark(key, until, *words)}"

    def vouched(self, token: str, *words: str) -> bool:
        until, _, mark = token.partition(".")
        keys = self._vouching.derived("vouching")
        marks = [_mark(key, until, *words) for key in keys]
        same = [hmac.compare_digest(mark.encode(), each.encode()) for each in marks]
        return any(same) and int(until, 16) >= time()


def _is_short(secret: str) -> bool:
    return len(secret) < SHORTEST_SECRET


def _mark(key: bytes, *words: str) -> str:
    # What is joined must not be read as other words.
    said = "\n".join(f"{len(word)}:{word}" for word in words)
    digest = hmac.digest(key, said.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def derived(secret: str, purpose: str) -> bytes:
    """Make a key for one purpose of the secret (RFC 5869): none tells another."""
    extracted = hmac.digest(bytes(sha256().digest_size), secret.encode(), "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
