from collections.abc import AsyncIterator

import pytest

from app.platform.http import HttpClient, HttpSettings
from tests.fixtures.third_party import Stub


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub.open() as stub:
        yield stub


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient.open(hasty()) as client:
        yield client


def hasty(**changes: float) -> HttpSettings:
    """Settings under which a failure takes a fraction of a second."""
    quick: dict[str, float] = {
        "deadline_seconds": 2.0,
        "connection_wait_seconds": 0.05,
        "first_pause_seconds": 0.005,
        "longest_pause_seconds": 0.02,
        "breaker_open_seconds": 0.1,
        "max_response_bytes": 1000,
    }
    return HttpSettings.model_validate(quick | changes)
