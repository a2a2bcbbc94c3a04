"""The database's password changes while requests are answered, and none fails."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from alembic import command
from pydantic import SecretStr

from app.platform.database import DatabaseSettings
from app.platform.database.migrations import alembic_config
from app.platform.mail.smtp import SmtpMailSettings
from dev import postgres
from dev.process import Data
from tests.fixtures.service import Service
from tests.platform.secrets.contract import CANARY, Kept
from tests.platform.secrets.drill import Drill, Load, known_to


class Postgres:
    """A server that wants passwords, and a user who has one for the service."""

    def __init__(self, url: str, folder: Path) -> None:
        self.admin = url
        self.password = CANARY
        self._log, self._rules = folder / "log", folder / "data/pg_hba.conf"

    @property
    def url(self) -> str:
        return self.admin.replace("postgres@", f"shop:{self.password}@")

    async def prepare(self) -> None:
        self._rules.write_text(
            "host all shop all scram-sha-256\nhost all all all trust\n"
        )
        await self.tell(
            f"CREATE ROLE shop LOGIN PASSWORD '{self.password}'",
            "GRANT pg_read_all_data, pg_write_all_data TO shop",
            "SELECT pg_reload_conf()",
        )

    async def rotate(self) -> None:
        self.password = f"{CANARY}-{token_hex(8)}"
        alter = f"ALTER ROLE shop PASSWORD '{self.password}'"
        _, self._rotated_at = await self.tell(alter, "SELECT now()::text")

    async def end_those_before(self) -> int:
        """End the sessions that the service has left: none of them is in use."""
        [ended] = await self.tell(f"""
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE usename = 'shop' AND backend_start < '{self._rotated_at}'
        """)
        return int(ended)

    async def tell(self, *statements: str) -> list[Any]:
        place = urlsplit(self.admin)
        connection = await asyncpg.connect(
            host=place.hostname, port=place.port, user="postgres", database="postgres"
        )
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    def refused(self) -> int:
        said = 'password authentication failed for user "shop"'
        return self._log.read_text().count(said)


@pytest.fixture
def postgres_of_its_own(tmp_path: Path) -> Iterator[Postgres]:
    folder = tmp_path / "postgres"
    server = postgres.start(folder, Data.DISPOSABLE)
    database = Postgres(server.url, folder)
    config = alembic_config(database=DatabaseSettings(url=SecretStr(server.url)))
    command.upgrade(config, "heads")
    asyncio.run(database.prepare())
    yield database
    server.stop()


class TestDatabase(Drill):
    @pytest.fixture
    def places(
        self,
        kept: Kept,
        postgres_of_its_own: Postgres,
        mail_settings: SmtpMailSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> dict[str, Any]:
        monkeypatch.delenv("DATABASE__URL", raising=False)
        # Connections come and go, and nobody is in a hurry.
        monkeypatch.setenv("DATABASE__POOL_SIZE", "2")
        monkeypatch.setenv("DATABASE__POOL_OVERFLOW", "8")
        monkeypatch.setenv("DATABASE__RECYCLE_AFTER_SECONDS", "1")
        monkeypatch.setenv("DATABASE__CHECKOUT_TIMEOUT_SECONDS", "3.5")
        kept.put(DATABASE__URL=postgres_of_its_own.url)
        return {"mail": mail_settings}

    async def test_changes_its_password_without_a_failed_request(
        self,
        kept: Kept,
        postgres_of_its_own: Postgres,
        service: Service,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        load, database = Load(service), postgres_of_its_own

        async with load.going_on():
            await asyncio.sleep(0.5)
            for _ in range(2):
                await database.rotate()
                # Who connects now is refused, and tries again.
                await asyncio.sleep(0.3)
                kept.put(DATABASE__URL=database.url)
                await known_to(service, DATABASE__URL=database.url)
                await database.end_those_before()
                await asyncio.sleep(0.5)

        assert load.failed() == {}
        assert database.refused() > 0, "Nobody has met the new password."
        told = capsys.readouterr()
        assert CANARY not in told.out + told.err
