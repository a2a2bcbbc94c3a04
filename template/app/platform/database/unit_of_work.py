"""The transaction of one use case, and what follows it."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.events import Event

log = structlog.get_logger(__name__)


class UnitOfWork:
    """One transaction, and what is to be done if, and only if, it commits."""

    def __init__(self, session: AsyncSession, stage: "Stage") -> None:
        self.session = session
        self._stage = stage
        self._events: list[Event] = []
        self._actions: list[Callable[[], Awaitable[Any]]] = []

    def record(self, event: Event) -> None:
        """Announce the event once what it reports is true."""
        self._events.append(event)

    def after_commit[**P](
        self, action: Callable[P, Awaitable[Any]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Do something outside the database, at most once, when the work is done."""
        self._actions.append(partial(action, *args, **kwargs))

    async def commit(self) -> None:
        await self.session.flush()
        events, self._events = self._events, []
        await self._stage(self, events)
        await self.session.commit()
        await self._act()

    async def _act(self) -> None:
        actions, self._actions = self._actions, []
        for action in actions:
            try:
                await action()
            except Exception:
                # The work is done and the caller must hear so. What must not be
                # lost is an event, which is kept by the queue that stages it.
                log.exception("after_commit.failed")


type Stage = Callable[[UnitOfWork, Sequence[Event]], Awaitable[None]]
