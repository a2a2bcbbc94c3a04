"""The transaction of one use case, and what follows it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.events import Event

log = structlog.get_logger(__name__)


class UnitEnded(RuntimeError):
    """It went on after a statement was refused, which had rolled everything back."""

    def __init__(self) -> None:
        super().__init__(
            "A refused statement has ended this unit of work. To go on after a refusal,"
            " use unit.savepoint() or the repository's get_or_add()."
        )


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

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """
        Take back only this block when it raises, so that the unit can go on.

        Costs two statements. What the block announced is taken back with it.
        """
        events, actions = len(self._events), len(self._actions)
        try:
            async with self.session.begin_nested():
                yield
        except BaseException:
            del self._events[events:], self._actions[actions:]
            raise

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
