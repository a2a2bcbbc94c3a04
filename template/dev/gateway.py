"""What routes declare, as nginx keeps it: writes ops/nginx/routes.conf."""

import re
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIWebSocketRoute, iter_route_contexts

from app import api
from app.platform.web import WebSettings
from app.platform.web.policy import Policy

FILE = Path(__file__).parents[1] / "ops/nginx/routes.conf"
HEAD = """\
# What routes declare: `make gateway` writes this file, and a test says when it is to.
"""
PARAMETER = re.compile(r"{\w+(:\w+)?}")
# What nginx waits for beyond what the service allows, which then answers itself.
MARGIN_SECONDS = 5
SERVICE = WebSettings().policy


def main() -> None:
    FILE.write_text(printed(api.router))


def printed(router: APIRouter) -> str:
    """Print a location for each path that differs from the rest."""
    paths: dict[str, list[Any]] = {}
    for route in iter_route_contexts(router.routes):
        paths.setdefault(str(route.path), []).append(route.original_route)
    return HEAD + "".join(
        _location(path, lines)
        for path, found in sorted(paths.items())
        if (lines := _lines(found))
    )


def _lines(found: list[Any]) -> list[str]:
    """Say what holds for a path, whichever of its routes is asked."""
    policies = [route.policy for route in found]
    body = max(policy.max_body_bytes or 0 for policy in policies)
    patience = _patience(found)
    lines = [f"proxy_read_timeout {patience}s;"] if patience else []
    if body > (SERVICE.max_body_bytes or 0):
        # The service counts as it reads, and is not made to wait for the whole.
        lines += [f"client_max_body_size {body};", "proxy_request_buffering off;"]
    if any(policy.stream_seconds for policy in policies):
        lines.append("proxy_buffering off;")
    if any(policy.caching and policy.caching.is_public for policy in policies):
        lines += [
            "proxy_cache $shared_cache;",
            "add_header X-Cache $upstream_cache_status;",
        ]
    return lines


def _patience(found: list[Any]) -> int:
    """How long nothing may come, if that is longer than elsewhere; or else 0."""
    longest = max(max(_waits(route.policy, route)) for route in found)
    usual = SERVICE.deadline_seconds or 0
    return round(longest) + MARGIN_SECONDS if longest > usual else 0


def _waits(policy: Policy, route: Any) -> Iterator[float]:
    yield policy.deadline_seconds or 0
    yield policy.stream_seconds or 0
    if isinstance(route, APIWebSocketRoute):
        yield policy.idle_seconds or SERVICE.idle_seconds or 0


def _location(path: str, lines: list[str]) -> str:
    inner = "".join(f"    {line}\n" for line in ["proxy_pass http://service;", *lines])
    return f"\nlocation {_pattern(path)} {{\n{inner}}}\n"


def _pattern(path: str) -> str:
    """Spell a path for nginx, which finds an exact one before all others."""
    if not PARAMETER.search(path):
        return f"= {path}"
    parts = PARAMETER.split(path)
    # A parameter takes one segment; one that is declared as a path takes the rest.
    segments = [".+" if kind == ":path" else "[^/]+" for kind in parts[1::2]]
    literals = map(re.escape, parts[::2])
    spelled = "".join(chain(*zip_longest(literals, segments, fillvalue="")))
    return f'~ "^{spelled}$"'


if __name__ == "__main__":
    main()
