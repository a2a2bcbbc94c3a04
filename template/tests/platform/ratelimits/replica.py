"""Routes that are counted, and one replica that answers them: `python -m` runs it."""

from fastapi import Request

from app.main import create_app
from app.platform.errors import NotFound
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.web.routing import ANYBODY, Policy, Rate, Router
from app.platform.web.server import DrainingServer
from app.settings import Settings

HOURLY = Rate("hourly", 100, seconds=3600)
router = Router(prefix="/counted", policy=Policy(access=ANYBODY))


@router.get("/reads")
@router.post("/writes")
@router.get("/hourly", policy=Policy(rate=HOURLY))
@router.get("/free", policy=Policy(rate=Rate("free", 1)))
async def answer(request: Request) -> str:
    return request.client.host if request.client else ""


@router.get("/missing")
async def miss() -> None:
    raise NotFound("There is no such thing.")


async def known(exchange: object) -> None:
    """Stand for an identity that has been proved, which is asked before limits are."""
    context.identify(Principal("u-1", kind="user"))


if __name__ == "__main__":
    settings = Settings.load()
    app = create_app(settings)
    app.include_router(router, prefix="/v1")
    DrainingServer(app, settings.server).run()
