"""A service whose branches of migrations come and go, beside its real ones."""

import asyncio
import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from app.platform.database import Database, DatabaseSettings
from app.platform.database.branches import SchemaCheck
from app.platform.database.migrations import alembic_config
from tests.fixtures.database import Stage

REVISION = """
from alembic import op

revision = "{branch}_{number}"
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {depends!r}
backward_compatible = {compatible!r}


def upgrade() -> None:
    op.execute("CREATE TABLE {branch}_{number} (id int)")


def downgrade() -> None:
    op.execute("DROP TABLE {branch}_{number}")
"""


class Code:
    """The branches of the service, and others that come and go."""

    def __init__(self, directory: Path, settings: DatabaseSettings) -> None:
        self.directory = directory
        self._settings = settings
        self.branches: dict[str, int] = {}

    def write(
        self,
        branch: str,
        number: int,
        depends: str | None = None,
        *,
        compatible: bool = True,
    ) -> None:
        """Add a revision to a branch, which is in the code from now on."""
        folder = self.directory / branch
        folder.mkdir(exist_ok=True)
        revision = REVISION.format(
            branch=branch,
            number=number,
            down=f"{branch}_{number - 1}" if number > 1 else None,
            labels=(branch,) if number == 1 else None,
            depends=depends,
            compatible=compatible,
        )
        (folder / f"{number}.py").write_text(revision)
        self.branches[branch] = number

    def lose(self, branch: str, number: int) -> None:
        """Be the older version, which does not have this revision yet."""
        (self.directory / branch / f"{number}.py").unlink()
        self.branches[branch] = number - 1

    def migrate(self) -> list[str]:
        """Upgrade, and return what was logged."""
        with capture_logs() as logs:
            command.upgrade(self.config(), "heads")
        return [f"{entry['event']} {entry['branch']}" for entry in logs]

    def config(self) -> Config:
        config = alembic_config(database=self._settings)
        folders = [str(self.directory / branch) for branch in self.branches]
        own = str(config.get_main_option("version_locations"))
        config.set_main_option("version_locations", os.pathsep.join([own, *folders]))
        return config

    async def check(self) -> None:
        """Ask what `/readyz` asks of this version of the code."""
        async with Database.open(self._settings, stage=Stage()) as database:
            await SchemaCheck(database, self.config())()

    def execute(self, statement: str) -> None:
        asyncio.run(_execute(self._settings, statement))

    def query(self, statement: str) -> set[str]:
        return asyncio.run(_query(self._settings, statement))

    def applied(self) -> set[str]:
        return self.query("SELECT version_num FROM alembic_version")

    def tables(self) -> set[str]:
        return self.query("SELECT tablename FROM pg_tables")


async def _query(settings: DatabaseSettings, statement: str) -> set[str]:
    engine = create_async_engine(settings.session_url.get_secret_value())
    async with engine.connect() as connection:
        found = set(await connection.scalars(text(statement)))
    await engine.dispose()
    return found


async def _execute(settings: DatabaseSettings, statement: str) -> None:
    engine = create_async_engine(settings.session_url.get_secret_value())
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
