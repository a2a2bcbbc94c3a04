"""The task queue, on Celery: the outbox keeps the messages, Celery runs them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Protocol
from uuid import UUID

from anyio import to_thread
from celery import Celery
from pydantic import Field, SecretStr

from app.platform.configuration import Limit, Refusal, refuse_url
from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.outbox import OutboxSettings, staging
from app.platform.tasks.router import TaskRouter

DELIVER = "deliver"


class TransportOptions(Protocol):
    """What one kind of broker needs to be told."""

    def __call__(self, *, redeliver_after_seconds: float) -> dict[str, Any]: ...


class CeleryTasksSettings(OutboxSettings, frozen=True):
    """`TASKS__*` in the environment."""

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
        yield from refuse_url("broker_url", self.broker_url)


class CeleryTasks:
    """Leaves every task in the outbox. No request ever waits for the broker."""

    def __init__(self, _: CeleryTasksSettings, tasks: TaskRouter) -> None:
        self._tasks = tasks

    async def stage(self, unit: UnitOfWork, events: Sequence[Event]) -> None:
        await staging.stage(unit, events, self._tasks)

    @asynccontextmanager
    async def running(self, _: Any) -> AsyncIterator[None]:
        """Nothing to run here: the worker opens a platform of its own."""
        yield


class CeleryBroker:
    """
    Sends ids, never payloads: what a task works on stays in the database.

    Which task it is stays there too: the worker of a newer or an older version
    judges for itself, and confines what it does not know.
    """

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

    async def send(self, ids: Sequence[UUID]) -> None:
        # Celery blocks while it talks to the broker.
        await to_thread.run_sync(self._send, ids)

    def _send(self, ids: Sequence[UUID]) -> None:
        with self._celery.producer_pool.acquire(block=True) as producer:
            for id_ in ids:
                self._celery.send_task(DELIVER, args=[str(id_)], producer=producer)


def create_celery(
    settings: CeleryTasksSettings, transport_options: TransportOptions
) -> Celery:
    """Build the Celery application, the same for those who send and those who run."""
    celery = Celery("app", broker=settings.broker_url.get_secret_value())
    celery.conf.update(
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
        broker_transport_options=transport_options(
            redeliver_after_seconds=settings.attempt_seconds
        ),
    )
    return celery
