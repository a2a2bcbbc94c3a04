"""Whether the database has what this version of the code expects."""

from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.platform.database.branches import heads
from app.platform.database.database import Database
from app.platform.database.migrations import alembic_config
from app.platform.errors import DomainError


class SchemaBehind(DomainError):
    """Migrations of this version have not been applied."""


class SchemaCheck:
    """Compares what the database notes of each branch with the branch's head."""

    def __init__(self, database: Database) -> None:
        self._database = database
        script = ScriptDirectory.from_config(alembic_config())
        self._heads = heads(script)
        self._known = {revision.revision for revision in script.walk_revisions()}
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

    async def _applied(self) -> dict[str, str]:
        async with self._database.read_session() as session:
            exists = text("SELECT to_regclass('alembic_branches') IS NOT NULL")
            if not await session.scalar(exists):
                return {}
            noted = text("SELECT branch, version_num FROM alembic_branches")
            return {row.branch: row.version_num for row in await session.execute(noted)}

    def _behind(self, applied: dict[str, str]) -> set[str]:
        # What nobody here knows is of a newer version, and comes after the head.
        ahead = {branch for branch, at in applied.items() if at not in self._known}
        return {
            head
            for branch, head in self._heads.items()
            if branch not in ahead and applied.get(branch) != head
        }
