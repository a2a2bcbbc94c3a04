"""A PostgreSQL of one's own: it keeps what it is given, and admits one server."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from dev import postgres
from dev.process import Data, NotStartedError, Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    server = postgres.start(folder, Data.DISPOSABLE)
    yield server
    server.stop()


async def value_of(server: Server, sql: str) -> object:
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


class TestStart:
    def test_a_second_server_on_the_same_data_is_refused(
        self, folder: Path, server: Server
    ) -> None:
        with pytest.raises(NotStartedError, match="PostgreSQL did not start"):
            postgres.start(folder, Data.DISPOSABLE)

        assert server.process.poll() is None

    async def test_text_is_utf8_and_statements_are_counted(
        self, server: Server
    ) -> None:
        await value_of(server, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

        assert await value_of(server, "SHOW server_encoding") == "UTF8"
        assert await value_of(server, "SELECT upper('é')") == "É"
        assert await value_of(server, "SELECT sum(calls) > 0 FROM pg_stat_statements")

    async def test_kept_data_outlive_the_server(self, folder: Path) -> None:
        first = postgres.start(folder, Data.KEPT)
        await value_of(first, "CREATE TABLE kept AS SELECT 7 AS number")
        first.stop()

        second = postgres.start(folder, Data.KEPT)

        assert await value_of(second, "SELECT number FROM kept") == 7
        assert await value_of(second, "SHOW fsync") == "on"
        second.stop()
