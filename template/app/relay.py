"""The relay entry point: from the clock and the outbox to the broker, until told."""

from app import background
from app.celery import broker_check, create_app
from app.composition import checks, open_platform, start_logging
from app.platform.outbox.models import TASKS
from app.platform.outbox.outbox import stage_tick
from app.platform.outbox.relay import Relay
from app.platform.process import framed, run, until_told
from app.platform.tasks.celery import CeleryBroker
from app.platform.tasks.clock import Clock
from app.settings import Settings


async def main(settings: Settings) -> None:
    start_logging(settings)
    app = create_app(settings)
    async with open_platform(settings) as platform:
        publishers = {TASKS: CeleryBroker(app, settings.broker)}
        relay = Relay(platform.database, publishers, settings.tasks)
        relay.beside.append(Clock(platform.database, background.tasks, stage_tick).run)
        platform.telemetry.watch(relay)
        every = [*checks(platform), broker_check(app, settings)]
        async with framed(
            settings.admin, settings.readiness, every, platform.telemetry
        ) as frame:
            await until_told(relay.run(settings.database), frame.readiness)


if __name__ == "__main__":
    run(main(Settings.load()))
