"""A change that is committed reaches the CDN, and is repeated until it has."""

from typing import Protocol

import structlog

from app.platform.cdn import Cdn
from app.platform.database import UnitOfWork
from app.platform.events import PublicChanged
from app.platform.tasks import TaskRouter

log = structlog.get_logger(__name__)
tasks = TaskRouter("cdn")


class Ports(Protocol):
    """The ports these tasks need."""

    @property
    def cdn(self) -> Cdn: ...


@tasks.on(PublicChanged)
async def purge(event: PublicChanged, _: UnitOfWork, ports: Ports) -> None:
    """Have forgotten what has changed. Twice does no harm."""
    await ports.cdn.purge(event.keys)
    log.info("cdn.purged", keys=list(event.keys))
