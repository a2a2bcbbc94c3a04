"""The task queue, on Celery: the outbox keeps the messages, Celery runs them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from threading import Lock
from typing import Any, ClassVar, Self

from anyio import to_thread
from celery import Celery
from celery.loaders.app import AppLoader
from kombu import Connection
from kombu.pools import producers
from pydantic import Field, SecretStr

from app.platform.broker import BrokerKind
from app.platform.configuration import Limit, renew
from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.outbox import OutboxSettings
from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.outbox import stage
from app.platform.outbox.relay import Refused
from app.platform.tasks.router import TaskRouter

DELIVER = "deliver"


class CeleryTasksSettings(OutboxSettings, frozen=True):
    """`TASKS__*` in the environment; each kind of broker reads the URL in its way."""

    queue: str = "default"
    """Where messages wait; services that share a broker have one each."""

    grace_seconds: float = Field(130.0, gt=0)
    """
    How long the platform waits between a worker's SIGTERM and its SIGKILL:
    `stop_grace_period`, `terminationGracePeriodSeconds`.
    """

    pulse_seconds: float = Field(60.0, gt=0)
    """
    After so long without a sign of life a worker counts as hung. Longer than it waits
    between two attempts to reach the broker, which are 30 seconds apart at most.
    """

    limits: ClassVar[tuple[Limit, ...]] = (
        *OutboxSettings.limits,
        Limit(
            "TASKS__ATTEMPT_SECONDS",
            below="TASKS__GRACE_SECONDS",
            reason="a worker that stops is killed in the midst of an attempt",
        ),
    )


class CeleryTasks:
    """Leaves every task in the outbox. No request ever waits for the broker."""

    def __init__(self, tasks: TaskRouter) -> None:
        self._tasks = tasks

    @classmethod
    @asynccontextmanager
    async def open(
        cls, _: CeleryTasksSettings, *, tasks: TaskRouter
    ) -> AsyncIterator[Self]:
        yield cls(tasks)

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

    def __init__(self, celery: Celery, broker: BrokerKind) -> None:
        self._celery = celery
        self._broker = broker

    async def publish(self, messages: Sequence[OutboxMessage]) -> Refused:
        # Celery blocks while it talks to the broker.
        await to_thread.run_sync(self._send, [str(message.id) for message in messages])
        return {}

    def _send(self, ids: Sequence[str]) -> None:
        # By the password of now: another one has connections of its own.
        pool = producers[self._celery.connection_for_write()]
        try:
            with pool.acquire(block=True) as producer:
                for id_ in ids:
                    self._celery.send_task(DELIVER, args=[id_], producer=producer)
        except Exception as error:
            # Kombu wraps the refusal of one broker, and not that of another.
            if isinstance(error.__cause__ or error, self._broker.refusals):
                renew(self._broker.url)
            raise


class BrokerProbe:
    """Asks the broker on a connection of its own, which is kept while it answers."""

    def __init__(self, celery: Celery, broker: BrokerKind) -> None:
        self._celery = celery
        self._broker = broker
        self._connection: Connection | None = None
        self._asking = Lock()

    async def __call__(self) -> None:
        await to_thread.run_sync(self._ask, abandon_on_cancel=True)

    def _ask(self) -> None:
        if not self._asking.acquire(blocking=False):
            raise TimeoutError
        try:
            if self._connection is None:
                self._connection = self._celery.connection_for_write()
                self._connection.connect()
            self._broker.ping(self._connection.default_channel)
        except BaseException:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.release()
            raise
        finally:
            self._asking.release()


def create_celery(settings: CeleryTasksSettings, broker: BrokerKind) -> Celery:
    """Build the Celery application, the same for those who send and those who run."""
    celery = _Deaf(broker.url)
    celery.amqp.Connection = _asking(broker)
    celery.conf.update(
        broker_use_ssl=broker.proof() if broker.address.encrypted else None,
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


def _asking(broker: BrokerKind) -> type[Connection]:
    """Give connections that look up a password that is refused: it may be another."""

    class Asking(Connection):
        def _establish_connection(self) -> Any:
            try:
                return super()._establish_connection()
            except broker.refusals:
                if not renew(broker.url):
                    raise
                address = broker.address
                self.userid, self.password = address.user, address.password
                return super()._establish_connection()

    return Asking


class _Deaf(Celery):
    """
    Hears the settings alone: `CELERY_BROKER_URL` would send messages elsewhere.

    So would `BROKER_URL`, which the command turns into the former.
    """

    backend_cls = "disabled://"

    def __init__(self, url: SecretStr) -> None:
        super().__init__("app", broker=url.get_secret_value(), loader=_DeafLoader)
        self._url = url

    def connection_for_read(self, url: str | None = None, **more: Any) -> Connection:
        return super().connection_for_read(url or self._now(), **more)

    def connection_for_write(self, url: str | None = None, **more: Any) -> Connection:
        return super().connection_for_write(url or self._now(), **more)

    def _now(self) -> str:
        return self._url.get_secret_value()


class _DeafLoader(AppLoader):
    """Imports no configuration, whatever `CELERY_CONFIG_MODULE` says."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:
        return {}
