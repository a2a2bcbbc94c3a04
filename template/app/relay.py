"""The relay entry point: from the clock and the outbox to the broker, until told."""

import asyncio
import signal

from app import background
from app.celery import create_app
from app.composition import open_platform, start_logging
from app.platform.outbox.models import TASKS
from app.platform.outbox.outbox import stage_tick
from app.platform.outbox.relay import Relay
from app.platform.tasks.celery import CeleryBroker
from app.platform.tasks.clock import Clock
from app.settings import Settings


async def main(settings: Settings) -> None:
    start_logging(settings)
    async with open_platform(settings) as platform:
        publishers = {TASKS: CeleryBroker(create_app(settings))}
        relay = Relay(platform.database, publishers, settings.tasks)
        relay.beside.append(Clock(platform.database, background.tasks, stage_tick).run)
        platform.telemetry.watch(relay)
        with platform.telemetry.serving():
            relaying = asyncio.create_task(relay.run(settings.database))
            for name in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(name, relaying.cancel)
            await asyncio.wait([relaying])
    if not relaying.cancelled():
        relaying.result()


if __name__ == "__main__":
    asyncio.run(main(Settings.load()))
