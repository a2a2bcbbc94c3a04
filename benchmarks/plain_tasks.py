"""Celery alone with the same task: a worker, `-A plain_tasks`, or who sends it.

    python -m plain_tasks NUMBER    says when it begins to send

It repeats what its worker's end interrupts, as the service does, and does no more: no
outbox, no inbox, no quarantine, no retries, no telemetry.
"""

import asyncio
import os
import sys
import time
from functools import cache
from uuid import uuid4

import asyncpg
from celery import Celery

celery = Celery("plain", broker=os.environ["BROKER__URL"])
celery.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    task_default_queue="plain",
)


@cache
def connection() -> tuple[asyncio.Runner, asyncpg.Connection]:
    """One for each process of the worker."""
    runner = asyncio.Runner()
    url = os.environ["DATABASE__URL"].replace("+asyncpg", "")
    return runner, runner.run(asyncpg.connect(url))


@celery.task(name="store")
def store(id_: str) -> None:
    runner, opened = connection()
    runner.run(opened.execute("INSERT INTO effects (id) VALUES ($1)", id_))


if __name__ == "__main__":
    with celery.producer_pool.acquire(block=True) as producer:
        producer.connection.ensure_connection()
        print(time.time(), flush=True)
        for _ in range(int(sys.argv[1])):
            store.apply_async(args=[str(uuid4())], producer=producer)
