"""The right to fill a key of the cache, which one caller among many is granted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """What a key holds while its value is loaded, until somebody forgets the key."""

    token: bytes
    granted: bool
