"""Whether the database has what this version of the code expects."""

from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.platform.database.database import Database
from app.platform.database.migrations import alembic_config
from app.platform.errors import DomainError


class SchemaBehind(DomainError):
    """Migrations of this version have not been applied."""


class SchemaCheck:
    """Compares the database's revisions with the heads of every branch."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._script = ScriptDirectory.from_config(alembic_config())
        self._passed = False

    async def __call__(self) -> None:
        """Raise while a branch is behind. A database that is ahead will do."""
        if self._passed:
            return
        behind = self._behind(await self._applied())
        if behind:
            names = ", ".join(sorted(behind))
            raise SchemaBehind(f"Not migrated to {names}: run `make migrate`.")
        self._passed = True

    async def _applied(self) -> set[str]:
        async with self._database.read_session() as session:
            exists = text("SELECT to_regclass('alembic_version') IS NOT NULL")
            if not await session.scalar(exists):
                return set()
            versions = text("SELECT version_num FROM alembic_version")
            return set(await session.scalars(versions))

    def _behind(self, applied: set[str]) -> set[str]:
        heads = set(self._script.get_heads()) - applied
        known = {script.revision for script in self._script.walk_revisions()}
        if applied <= known:
            return heads
        # What nobody here knows belongs to a newer version, and may be ahead of a head.
        return {head for head in heads if self._lineage(head) & applied}

    def _lineage(self, head: str) -> set[str]:
        return {each.revision for each in self._script.iterate_revisions(head, "base")}
