"""Each port of the platform in use: where to look for how it is called."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from app import background
from app.composition import Platform
from app.platform.cache import CacheEntry
from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.mail import Mail
from app.platform.tasks import TaskRouter
from dev.smtp import MailSink
from tests.fixtures.service import Service
from tests.fixtures.third_party import Stub, answer

GREETING = CacheEntry("tests.greeting", str, ttl=timedelta(minutes=1))
tasks = TaskRouter("tests")
greeted: list[str] = []


class Arrived(Event):
    name: str


@tasks.on(Arrived)
async def greet(event: Arrived, _: UnitOfWork, __: Platform) -> None:
    greeted.append(event.name)


background.tasks.include(tasks)


async def test_the_cache_shows_what_is_new_once_the_old_is_forgotten(
    service: Service,
) -> None:
    cache = service.platform.cache
    words = ["new", "old"]

    async def load() -> str:
        return words[-1]

    before = await cache.read(GREETING, load=load)
    words.pop()
    await cache.forget(GREETING)

    assert (before, await cache.read(GREETING, load=load)) == ("old", "new")


async def test_an_event_starts_its_task_once_it_is_committed(
    service: Service, finish_tasks: Callable[[], Awaitable[None]]
) -> None:
    greeted.clear()

    async with service.platform.database.unit_of_work() as unit:
        unit.record(Arrived(name="Ada"))
        assert greeted == []
    await finish_tasks()

    assert greeted == ["Ada"]


async def test_mail_reaches_its_server(service: Service, mail_sink: MailSink) -> None:
    mail = Mail(to="ada@example.com", subject="Welcome", text="Hello.", key="1")

    await service.platform.mail.send(mail)

    [received] = mail_sink.mails
    assert (received["To"], received["Subject"]) == ("ada@example.com", "Welcome")


async def test_a_third_party_is_asked_again_when_it_is_busy(service: Service) -> None:
    async with Stub.open() as stub:
        stub.script = [answer(503)]

        response = await service.platform.http.get(stub.url)

    assert response.status == 200
    assert len(stub.received) == 2
