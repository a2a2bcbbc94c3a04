"""Logging is global to the process: each test gets it back as it was."""

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    handlers, level = logging.root.handlers, logging.root.level
    configuration = structlog.get_config()
    yield
    logging.captureWarnings(capture=False)
    logging.root.handlers, logging.root.level = handlers, level
    structlog.configure(**configuration)
