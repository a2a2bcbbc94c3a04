"""The service with a busy loop before each request: `python -m slowed`, for a test.

`SLOWED_MICROSECONDS` says how much processor time the loop takes.
"""

import os
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from app.main import create_app
from app.platform.web.server import DrainingServer
from app.settings import Settings

SECONDS = int(os.environ["SLOWED_MICROSECONDS"]) / 1e6


class Slowed:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            end = time.thread_time() + SECONDS
            while time.thread_time() < end:
                pass
        await self._app(scope, receive, send)


if __name__ == "__main__":
    settings = Settings.load()
    app = create_app(settings)
    app.add_middleware(Slowed)
    DrainingServer(app, settings.server).run()
