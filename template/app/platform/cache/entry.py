"""What is cached: a name, a type, and how long it may be remembered."""

import json
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote

from pydantic import TypeAdapter
from typing_extensions import TypeForm


class CacheEntry[T]:
    """
    One kind of cached value, declared once, next to the rules that read it.

    Args:
        name: Dotted, and unique in the service: `module.thing`.
        form: Any type that pydantic can write as JSON and read back.
        ttl: The longest a lost invalidation can last.
        absent_ttl: How long to remember that there is nothing. By default, `None`
            is loaded anew each time.

    """

    def __init__(
        self,
        name: str,
        form: TypeForm[T],
        *,
        ttl: timedelta,
        absent_ttl: timedelta | None = None,
    ) -> None:
        self.name = name
        self.ttl = ttl
        self.absent_ttl = absent_ttl
        self._adapter: TypeAdapter[T] = TypeAdapter(form)
        self._version = _version(self._adapter)

    def key(self, *parts: str) -> str:
        """Differ for other parts, and for another shape of the value."""
        return ":".join([self.name, self._version, *map(_escaped, parts)])

    def ttl_of(self, value: T) -> timedelta | None:
        """Say how long to remember the value; `None` if not at all."""
        return self.absent_ttl if value is None else self.ttl

    def encode(self, value: T) -> bytes:
        return self._adapter.dump_json(value, by_alias=True, round_trip=True)

    def decode(self, data: bytes) -> T:
        """Raise `ValueError` for bytes that are not such a value."""
        return self._adapter.validate_json(data)


def _version[T](adapter: TypeAdapter[T]) -> str:
    schema = json.dumps(adapter.json_schema(), sort_keys=True)
    return sha256(schema.encode()).hexdigest()[:8]


def _escaped(part: str) -> str:
    return quote(part, safe="", errors="surrogatepass")
