"""A worker with other tasks than the service's: `-A tests.faults.celery_worker`."""

from app import background
from tests.faults.tasks import tasks

background.tasks = tasks

from app.celery import celery  # noqa: E402 - it registers the tasks it finds

__all__ = ["celery"]
