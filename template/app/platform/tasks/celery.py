"""The task queue, on Celery: the outbox keeps the messages, Celery runs them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Protocol

from anyio import to_thread
from celery import Celery
from celery.loaders.app import AppLoader
from kombu import Connection
from kombu.utils.url import parse_url
from pydantic import Field, SecretStr

from app.platform.configuration import Address, Limit, Refusal, refuse_address, split
from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.outbox import OutboxSettings
from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.outbox import stage
from app.platform.tasks.router import TaskRouter

DELIVER = "deliver"


class BrokerKind(Protocol):
    """What Celery needs to be told of one kind of broker."""

    def transport_options(self, *, redeliver_after_seconds: float) -> dict[str, Any]:
        """Bound every wait, and get back what a dead worker held."""

    def proof(self) -> dict[str, Any]:
        """Say how a server proves who it is, where TLS is spoken."""


class CeleryTasksSettings(OutboxSettings, frozen=True):
    """`TASKS__*` in the environment; each kind of broker reads the URL in its way."""

    broker_url: SecretStr
    """Where the broker is, with user and password if needed."""
    queue: str = "default"
    """Where messages wait; services that share a broker have one each."""

    grace_seconds: float = Field(130.0, gt=0)
    """
    How long the platform waits between a worker's SIGTERM and its SIGKILL:
    `stop_grace_period`, `terminationGracePeriodSeconds`.
    """

    limits: ClassVar[tuple[Limit, ...]] = (
        *OutboxSettings.limits,
        Limit(
            "TASKS__ATTEMPT_SECONDS",
            below="TASKS__GRACE_SECONDS",
            reason="a worker that stops is killed in the midst of an attempt",
        ),
    )

    def unsafe(self) -> Iterator[Refusal]:
        yield from refuse_address("broker_url", self.address)

    @property
    def address(self) -> Address:
        return split(self.broker_url.get_secret_value())


def read_broker_url(url: str) -> tuple[Address, dict[str, Any]]:
    """Have kombu read a URL of one broker; raise for what it cannot use."""
    address = split(url)
    if ";" in url:
        raise ValueError("names several brokers: in a password, write %3B")
    return address, parse_url(url)


class CeleryTasks:
    """Leaves every task in the outbox. No request ever waits for the broker."""

    def __init__(self, _: CeleryTasksSettings, tasks: TaskRouter) -> None:
        self._tasks = tasks

    async def stage(self, unit: UnitOfWork, events: Sequence[Event]) -> None:
        await stage(unit, events, self._tasks)

    @asynccontextmanager
    async def running(self, _: Any) -> AsyncIterator[None]:
        """Nothing to run here: the worker opens a platform of its own."""
        yield


class CeleryBroker:
    """
    Publishes ids, never payloads: what a task works on stays in the database.

    Which task it is stays there too: the worker of a newer or an older version
    judges for itself, and leaves what it does not know to another for a time.
    """

    # The worker ends the message, in the transaction of its task.
    final = False

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

    async def publish(self, messages: Sequence[OutboxMessage]) -> None:
        # Celery blocks while it talks to the broker.
        await to_thread.run_sync(self._send, [str(message.id) for message in messages])

    def _send(self, ids: Sequence[str]) -> None:
        with self._celery.producer_pool.acquire(block=True) as producer:
            for id_ in ids:
                self._celery.send_task(DELIVER, args=[id_], producer=producer)


def create_celery(settings: CeleryTasksSettings, broker: BrokerKind) -> Celery:
    """Build the Celery application, the same for those who send and those who run."""
    celery = _Deaf(settings.broker_url.get_secret_value())
    celery.conf.update(
        broker_use_ssl=broker.proof() if settings.address.encrypted else None,
        task_default_queue=settings.queue,
        task_ignore_result=True,
        accept_content=["json"],
        # A message is done when its task is. The outbox counts the attempts, so
        # that one which kills its worker does not come back for ever.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=settings.attempt_seconds,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        broker_transport_options=broker.transport_options(
            redeliver_after_seconds=settings.attempt_seconds
        ),
    )
    return celery


class _Deaf(Celery):
    """
    Hears the settings alone: `CELERY_BROKER_URL` would send messages elsewhere.

    So would `BROKER_URL`, which the command turns into the former.
    """

    backend_cls = "disabled://"

    def __init__(self, url: str) -> None:
        super().__init__("app", broker=url, loader=_DeafLoader)
        self._url = url

    def connection_for_read(self, url: str | None = None, **more: Any) -> Connection:
        return super().connection_for_read(url or self._url, **more)

    def connection_for_write(self, url: str | None = None, **more: Any) -> Connection:
        return super().connection_for_write(url or self._url, **more)


class _DeafLoader(AppLoader):
    """Imports no configuration, whatever `CELERY_CONFIG_MODULE` says."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:
        return {}
