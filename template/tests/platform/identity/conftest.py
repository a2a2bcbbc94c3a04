"""The service, with a route that says who asks."""

import pytest
from fastapi import FastAPI

from app.main import create_app
from app.platform.observability import context
from app.platform.web.routing import AUTHENTICATED, Policy, Router
from app.settings import Settings

PATH = "/v1/identity/caller"
router = Router(prefix="/identity", policy=Policy(access=AUTHENTICATED))


@router.get("/caller")
async def tell() -> dict[str, str]:
    return context.caller().carried()


@pytest.fixture(scope="package")
def application() -> FastAPI:
    app = create_app(Settings())
    app.include_router(router, prefix="/v1")
    return app
