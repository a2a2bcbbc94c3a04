"""Whether the database has what this version of the code expects."""

from collections.abc import Mapping

from alembic.config import Config
from sqlalchemy import text

from app.platform.database.branches import NOTES, Branches, Note, Standing
from app.platform.database.database import Database
from app.platform.database.migrations import alembic_config, revisions
from app.platform.errors import DomainError


class SchemaUnfit(DomainError):
    """The code and the database do not go together."""


class SchemaBehind(SchemaUnfit):
    """Migrations of this version have not been applied."""


class SchemaCheck:
    """Judges the database as `migrate` does, by what it notes of each branch."""

    def __init__(self, database: Database, code: Config | None = None) -> None:
        self._database = database
        self._branches = Branches(revisions(code or alembic_config()))
        self._passed = False

    async def __call__(self) -> None:
        """Raise while a branch is behind. A database that is ahead will do."""
        if self._passed:
            return
        notes = await self._notes()
        if refusal := self._branches.refusal(notes):
            raise SchemaUnfit(f"{refusal}.")
        standings = self._branches.standings(notes).items()
        behind = [branch for branch, where in standings if where is Standing.BEHIND]
        if behind:
            names = ", ".join(sorted(self._branches.heads[branch] for branch in behind))
            raise SchemaBehind(f"Not migrated to {names}: run `make migrate`.")
        self._passed = True

    async def _notes(self) -> Mapping[str, Note]:
        async with self._database.watching() as connection:
            exists = text("SELECT to_regclass('alembic_branches') IS NOT NULL")
            if not await connection.scalar(exists):
                return {}
            rows = (await connection.execute(NOTES)).mappings()
            return {note.branch: note for note in map(Note.of, rows)}
