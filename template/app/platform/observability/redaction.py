"""What never reaches a log: secrets, by the name of their field."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

_SECRET = re.compile(
    r"passw|passphrase|secret|token|authorization|cookie|credential"
    r"|api[-_]?key|private[-_]?key",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
# Deeper than this, a value is no longer read by people.
_DEPTH = 6


def redacted(fields: Mapping[str, Any], depth: int = _DEPTH) -> dict[str, Any]:
    """Copy the fields without the values of secret ones, at any level."""
    return {
        name: REDACTED if _is_secret(str(name)) else _redact(value, depth)
        for name, value in fields.items()
    }


def _redact(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\1:***@", value) if "://" in value else value
    if isinstance(value, Mapping):
        return redacted(value, depth - 1) if depth else "..."
    if isinstance(value, list | tuple):
        return [_redact(item, depth - 1) for item in value] if depth else "..."
    return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None
