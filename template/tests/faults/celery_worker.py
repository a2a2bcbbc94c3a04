"""A worker with other tasks than the service's: `-A tests.faults.celery_worker`."""

import os

from app import background
from app.platform.tasks import TaskRouter
from tests.faults.tasks import tasks

# An older version is one that knows nothing of them.
older = os.environ.get("WORKER_VERSION") == "older"
background.tasks = TaskRouter() if older else tasks

from app.celery import celery  # noqa: E402 - it registers the tasks it finds

__all__ = ["celery"]
