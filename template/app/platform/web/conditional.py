"""A response that the client already has is not sent again (RFC 9110, section 13)."""

import re
from hashlib import blake2b

from fastapi import Request, Response, status

_TAG = re.compile(r'(?:W/)?("[^"]*")')
_OF_THE_BODY = frozenset({"content-length", "content-type"})


def conditional(request: Request, response: Response) -> Response:
    """Tag what was read, and answer 304 if the client's copy has the same tag."""
    if (
        request.method not in {"GET", "HEAD"}
        or response.status_code != status.HTTP_200_OK
    ):
        return response
    tag = response.headers.get("etag") or _tag(response)
    if tag is None:
        return response
    response.headers["etag"] = tag
    if not _matches(request.headers.get("if-none-match"), tag):
        return response
    return _not_modified(response)


def _tag(response: Response) -> str | None:
    """Derive a strong tag from the bytes; None for a stream, which has none yet."""
    body = getattr(response, "body", None)
    if body is None:
        return None
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def _matches(condition: str | None, tag: str) -> bool:
    if condition is None:
        return False
    opaque = tag.removeprefix("W/")
    return condition.strip() == "*" or opaque in _TAG.findall(condition)


def _not_modified(response: Response) -> Response:
    unchanged = Response(status_code=status.HTTP_304_NOT_MODIFIED)
    unchanged.raw_headers = [
        (name, value)
        for name, value in response.raw_headers
        if name.decode() not in _OF_THE_BODY
    ]
    return unchanged
