"""What the gateway is told is what routes and settings say."""

import re
from datetime import timedelta
from pathlib import Path

from fastapi import WebSocket

from app import api
from app.platform.web import WebSettings
from app.platform.web.routing import ANYBODY, Caching, Policy, Router
from app.platform.web.server import ServerSettings
from dev.gateway import FILE, printed

NGINX = Path(__file__).parents[2] / "ops/nginx"
ALLOWED = 100 * 1024 * 1024
router = Router(prefix="/v1", policy=Policy(access=ANYBODY))
PUBLIC = Policy(caching=Caching.public(s_maxage=timedelta(minutes=1)))


@router.get("/usual/{key}")
async def get_one(key: str) -> str:
    return key


@router.get("/public/{key}", policy=PUBLIC)
async def get_public(key: str) -> str:
    return key


@router.post("/uploads", policy=Policy(max_body_bytes=ALLOWED, deadline_seconds=60))
async def upload() -> None: ...


@router.get("/export", policy=Policy(stream_seconds=600))
async def export() -> None: ...


@router.websocket("/talk")
async def talk(socket: WebSocket) -> None: ...


class TestRoutes:
    def test_are_those_of_the_service(self) -> None:
        assert FILE.read_text() == printed(api.router), "Type `make gateway`."

    def test_that_differ_have_a_location(self) -> None:
        outer = Router()
        outer.include_router(router)

        said = printed(outer)

        assert "usual" not in said
        assert _of(said, '~ "^/v1/public/[^/]+$"') == {
            "proxy_cache $shared_cache",
            "add_header X-Cache $upstream_cache_status",
        }
        assert _of(said, "= /v1/uploads") == {
            "proxy_read_timeout 65s",
            f"client_max_body_size {ALLOWED}",
            "proxy_request_buffering off",
        }
        assert _of(said, "= /v1/export") == {
            "proxy_read_timeout 605s",
            "proxy_buffering off",
        }
        assert _of(said, "= /v1/talk") == {"proxy_read_timeout 305s"}


class TestLimits:
    def test_are_those_of_the_service(self) -> None:
        assert _number("client_max_body_size", "m") * 1024**2 == (
            WebSettings().max_body_bytes
        )

    def test_leave_the_service_time_to_answer(self) -> None:
        assert _number("proxy_read_timeout", "s") > WebSettings().deadline_seconds

    def test_end_connections_before_the_service_does(self) -> None:
        idle = re.search(
            r"keepalive_timeout (\d+)s", (NGINX / "upstream.conf").read_text()
        )

        assert idle is not None
        assert int(idle[1]) < ServerSettings().keep_alive_seconds
        assert int(idle[1]) < ServerSettings().drain_seconds


def _of(said: str, path: str) -> set[str]:
    inner = said.partition(f"location {path} {{\n")[2].partition("}")[0]
    return set(filter(None, re.split(r";\s*", inner.strip()))) - {
        "proxy_pass http://service"
    }


def _number(directive: str, unit: str) -> int:
    found = re.search(
        rf"\b{directive} (\d+){unit};", (NGINX / "nginx.conf").read_text()
    )
    assert found is not None
    return int(found[1])
