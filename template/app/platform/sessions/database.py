"""Sessions in the database, where there is no cache that replicas share."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, func, select, update

from app.platform.database import Database, UnitOfWork
from app.platform.database.database import purge
from app.platform.database.postgresql import from_now
from app.platform.observability.context import Principal
from app.platform.sessions import AT_MOST, Lasting, Session
from app.platform.sessions.models import StoredSession

# That a session was used is written so often within the time that it may be idle.
NOTES = 20


class StoredSessions:
    """One read of the primary for each request, and a write now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, id_: str, *, idle: timedelta) -> Principal | None:
        stale = (StoredSession.seen_at < from_now(-idle / NOTES)).label("stale")
        query = select(StoredSession.principal, stale)
        query = query.where(StoredSession.id == id_, _goes_on(idle))
        # A replica may not have heard yet that a session has ended.
        async with self._database.primary_session() as session:
            found = (await session.execute(query)).one_or_none()
        if found is None:
            return None
        if found.stale:
            await self._note(id_)
        return Principal.restored(found.principal)

    async def begin(
        self, unit: UnitOfWork, id_: str, principal: Principal, lasting: Lasting
    ) -> None:
        session = unit.session
        row = StoredSession(
            id=id_,
            principal_id=principal.id,
            principal=principal.carried(),
            expires_at=from_now(lasting.absolute),
        )
        session.add(row)
        await session.flush()
        own = StoredSession.principal_id == principal.id
        await session.execute(delete(StoredSession).where(own, ~_goes_on(lasting.idle)))
        newest = select(StoredSession.id).where(own).limit(AT_MOST)
        newest = newest.order_by(StoredSession.created_at.desc(), StoredSession.id)
        too_many = StoredSession.id.not_in(newest)
        await session.execute(delete(StoredSession).where(own, too_many))

    async def list_of(self, principal_id: str, *, idle: timedelta) -> Sequence[Session]:
        query = select(StoredSession).order_by(StoredSession.created_at.desc())
        own = StoredSession.principal_id == principal_id
        async with self._database.primary_session() as session:
            rows = await session.scalars(query.where(own, _goes_on(idle)))
            return [
                Session(each.id, each.created_at, each.seen_at, each.expires_at)
                for each in rows
            ]

    async def end(self, unit: UnitOfWork, principal_id: str, id_: str) -> bool:
        own = and_(StoredSession.principal_id == principal_id, StoredSession.id == id_)
        ended = delete(StoredSession).where(own).returning(StoredSession.id)
        return await unit.session.scalar(ended) is not None

    async def end_all(self, unit: UnitOfWork, principal_id: str) -> None:
        own = StoredSession.principal_id == principal_id
        await unit.session.execute(delete(StoredSession).where(own))

    async def purge(self) -> int:
        return await purge(self._database, StoredSession.expires_at)

    async def check(self) -> None:
        await self._database.check()

    async def _note(self, id_: str) -> None:
        async with self._database.unit_of_work() as unit:
            used = update(StoredSession).where(StoredSession.id == id_)
            await unit.session.execute(used.values(seen_at=func.now()))


def _goes_on(idle: timedelta) -> ColumnElement[bool]:
    return and_(
        StoredSession.expires_at > func.now(), StoredSession.seen_at > from_now(-idle)
    )
