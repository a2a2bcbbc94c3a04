import asyncio
import subprocess
import sys

import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import ValidationError

from app.main import create_app
from app.platform.web import WebSettings
from app.settings import Settings

LOADED = """
import sys, app.main
print([each for each in ("rich", "pygments") if sys.modules[each] is not None])
"""


def test_loads_nothing_that_colours_a_console() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, check=True, text=True
    )

    assert loaded.stdout.strip() == "[]", loaded.stderr


async def test_opens_what_it_needs_from_its_start_to_its_end(
    settings: Settings,
) -> None:
    app = create_app(settings)

    async with app.router.lifespan_context(app) as state:
        assert state is not None
        await state["platform"].database.check()

    assert state["readiness"].stopping


async def test_is_ready_soon_after_its_start(client: AsyncClient) -> None:
    async with asyncio.timeout(10):
        while True:
            answer = await client.get("/readyz")
            if answer.status_code == 200:
                break
            await asyncio.sleep(0.05)

    assert answer.json()["dependencies"]["schema"]["status"] == "ok"


async def test_works_behind_a_gateway_that_takes_off_a_prefix(
    settings: Settings,
) -> None:
    web = settings.web.model_copy(update={"root_path": "/shop"})
    app = create_app(settings.model_copy(update={"web": web}))
    transport = ASGITransport(app)

    async with AsyncClient(transport=transport, base_url="http://test") as client:
        page = await client.get("/docs")
        description = await client.get("/openapi.json")
        alive = await client.get("/livez")

    assert alive.status_code == 200
    assert "/shop/openapi.json" in page.text
    assert description.json()["servers"] == [{"url": "/shop"}]


@pytest.mark.parametrize("prefix", ["shop", "/shop/", "/", "/a b", "http://x/shop"])
def test_a_prefix_is_a_path(prefix: str) -> None:
    with pytest.raises(ValidationError):
        WebSettings(root_path=prefix)
