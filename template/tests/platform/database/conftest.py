"""A database that also has the tables of the tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from app.platform.database import Base, Database, DatabaseSettings
from tests.fixtures.database import Stage
from tests.platform.database.code import Code
from tests.platform.database.notes import TABLES


@pytest.fixture
def code(tmp_path: Path, database_settings: DatabaseSettings) -> Code:
    return Code(tmp_path, database_settings)


@pytest.fixture
async def database(
    database_settings: DatabaseSettings, stage: Stage
) -> AsyncIterator[Database]:
    engine = create_async_engine(database_settings.url.get_secret_value())
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all, tables=TABLES)
        await connection.exec_driver_sql("CREATE EXTENSION pg_stat_statements")
    await engine.dispose()
    async with Database.open(database_settings, stage=stage) as database:
        yield database
