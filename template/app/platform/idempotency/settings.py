"""How long an answer is remembered."""

from datetime import timedelta

from fastapi import FastAPI, Request
from pydantic import Field

from app.platform.configuration import Section


class IdempotencySettings(Section):
    """`IDEMPOTENCY__*` in the environment."""

    retention_hours: float = Field(24.0, gt=0)
    """How long a repeated request gets the first one's answer."""


def install(app: FastAPI, settings: IdempotencySettings) -> None:
    app.state.idempotency = settings


def retention(request: Request) -> timedelta:
    settings: IdempotencySettings = request.app.state.idempotency
    return timedelta(hours=settings.retention_hours)
