"""Events that a client goes on with where it was cut off, on the deployed server."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from uuid_utils.compat import uuid7

from app.platform.database import Base, Database, Position
from app.platform.web.paging import encode_cursor
from app.settings import Settings
from tests.platform.database.notes import Tiding, Tidings
from tests.platform.web.live import Api


@pytest.fixture
async def api(settings: Settings, tidings: None) -> AsyncIterator[Api]:
    async with Api(settings).running() as api:
        yield api


@pytest.fixture
async def tidings(settings: Settings) -> None:
    engine = create_async_engine(settings.database.url.get_secret_value())
    async with engine.begin() as connection:
        table = Base.metadata.tables[Tiding.__tablename__]
        await connection.run_sync(Base.metadata.create_all, tables=[table])
    await engine.dispose()


class Listener:
    """A browser: it keeps the last id, and names it when it comes back."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.last: str | None = None
        self._event: dict[str, str] = {}

    async def listen(self, api: Api, *, until: int, begun: asyncio.Event) -> None:
        """Leave, without a word, once so many events were heard."""
        headers = {"Last-Event-ID": self.last} if self.last else {}
        async with (
            api.client() as client,
            client.stream("GET", "/v1/live/tidings", headers=headers) as it,
        ):
            async for line in it.aiter_lines():
                self._hear(line)
                if self.last:
                    begun.set()
                if len(self.heard) >= until:
                    return

    async def hear(self, number: int) -> None:
        while len(self.heard) < number:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)

    def _hear(self, line: str) -> None:
        """An event is one when an empty line ends it."""
        if line:
            name, _, value = line.partition(": ")
            self._event[name] = value
            return
        self.last = self._event.get("id", self.last)
        if "data" in self._event:
            self.heard.append(json.loads(self._event["data"])["text"])
        self._event = {}


async def write(database: Database, *texts: str) -> None:
    for text in texts:
        async with database.unit_of_work() as unit:
            await Tidings(unit.session).add(Tiding(text=text))


@pytest.mark.usefixtures("tidings")
class TestResumedEvents:
    @pytest.mark.parametrize(
        "place",
        ["nonsense", encode_cursor(Position(uuid7()))],
        ids=["nonsense", "elsewhere"],
    )
    async def test_refuse_an_id_of_elsewhere(self, api: Api, place: str) -> None:
        async with api.client() as client:
            refused = await client.get(
                "/v1/live/tidings", headers={"Last-Event-ID": place}
            )

        assert refused.status_code == 400
        assert refused.json()["type"] == "/problems/invalid-cursor"

    async def test_come_once_and_in_order_however_often_a_client_is_cut_off(
        self, settings: Settings, database: Database
    ) -> None:
        expected = [str(number) for number in range(40)]
        listener, begun = Listener(), asyncio.Event()

        async def listen() -> None:
            for until in (7, 8, 20, 40):
                # Another process each time.
                async with Api(settings).running() as api:
                    await listener.listen(api, until=until, begun=begun)

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            listening = group.create_task(listen())
            await begun.wait()
            await write(database, *expected)
            await listening

        assert listener.heard == expected

    async def test_wait_for_a_transaction_that_began_before(
        self, api: Api, database: Database
    ) -> None:
        listener, begun = Listener(), asyncio.Event()

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            listening = group.create_task(listener.listen(api, until=3, begun=begun))
            await begun.wait()
            async with database.unit_of_work() as slow:
                await Tidings(slow.session).add(Tiding(text="first"))
                await write(database, "second", "third")
                await asyncio.sleep(0.2)
                early = list(listener.heard)
            await listening

        assert early == []
        assert listener.heard == ["first", "second", "third"]

    async def test_tell_of_a_change_as_of_a_new_row(
        self, api: Api, database: Database
    ) -> None:
        listener, begun = Listener(), asyncio.Event()

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(listener.listen(api, until=3, begun=begun))
            await begun.wait()
            await write(database, "one", "two")
            await listener.hear(2)
            async with database.unit_of_work() as unit:
                query = select(Tiding).where(Tiding.text == "one")
                (await unit.session.scalars(query)).one().text = "changed"

        assert listener.heard == ["one", "two", "changed"]
