"""How long an answer is remembered."""

from datetime import timedelta

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field


class IdempotencySettings(BaseModel, frozen=True):
    """`IDEMPOTENCY__*` in the environment."""

    retention_hours: float = Field(24.0, gt=0)


def install(app: FastAPI, settings: IdempotencySettings) -> None:
    app.state.idempotency = settings


def retention(request: Request) -> timedelta:
    settings: IdempotencySettings = request.app.state.idempotency
    return timedelta(hours=settings.retention_hours)
