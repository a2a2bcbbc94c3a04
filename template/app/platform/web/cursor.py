"""Where a page ended, as one opaque word that the client sends back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from uuid import UUID

from app.platform.errors import DomainError

_CHECKSUM_BYTES = 5
_CURSOR_CHARACTERS = 28


class InvalidCursor(DomainError):
    """The cursor was not issued by this API."""


def encode_cursor(key: UUID) -> str:
    return urlsafe_b64encode(key.bytes + _checksum(key.bytes)).decode()


def decode_cursor(cursor: str) -> UUID:
    """Read a cursor. One that was changed on the way is refused, not misread."""
    try:
        raw = urlsafe_b64decode(cursor) if len(cursor) == _CURSOR_CHARACTERS else b""
    except ValueError:
        raw = b""
    key, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if checksum != _checksum(key) or encode_cursor(UUID(bytes=key)) != cursor:
        raise InvalidCursor("The cursor is not one that this API issued.")
    return UUID(bytes=key)


def _checksum(key: bytes) -> bytes:
    return blake2b(key, digest_size=_CHECKSUM_BYTES).digest()
