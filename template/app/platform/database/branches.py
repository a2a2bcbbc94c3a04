"""What a database remembers of its branches, and whether the code goes with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_list
from sqlalchemy import Connection, RowMapping, text

from app.platform.database.database import Database
from app.platform.database.migrations import alembic_config, revisions
from app.platform.errors import DomainError

log = structlog.get_logger(__name__)

TABLE = "alembic_branches"
# `alembic_version` names revisions, but not the branches that they belong to.
_CREATE = """
    CREATE TABLE IF NOT EXISTS alembic_branches (
        branch text PRIMARY KEY,
        version_num text NOT NULL,
        applied text[] NOT NULL,
        needed text,
        set_aside boolean NOT NULL DEFAULT false
    )
"""
NOTES = text("SELECT * FROM alembic_branches")


class Standing(StrEnum):
    """Where a database is, seen from a branch of the code."""

    BEHIND = "behind"
    LEVEL = "level"
    AHEAD = "ahead"
    # Of a newer version that says that older code cannot work with it.
    TOO_NEW = "too new"
    # It has what the code does not know, and has not what the code has.
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Note:
    """How far a branch has come. Code that does not know `needed` is too old for it."""

    branch: str
    version: str
    applied: frozenset[str]
    needed: str | None
    set_aside: bool

    @classmethod
    def of(cls, row: RowMapping) -> "Note":
        applied = frozenset(row["applied"])
        version, needed = row["version_num"], row["needed"]
        return cls(row["branch"], version, applied, needed, row["set_aside"])


class Branches:
    """The branches of the code, compared with what a database has noted of them."""

    def __init__(self, script: ScriptDirectory) -> None:
        self.heads = heads(script)
        self.known = {revision.revision for revision in script.walk_revisions()}

    def standing(self, branch: str, note: Note | None) -> Standing:
        if note is None:
            return Standing.BEHIND
        if note.version in self.known:
            level = self.heads[branch] in note.applied
            return Standing.LEVEL if level else Standing.BEHIND
        if self.heads[branch] not in note.applied:
            return Standing.APART
        too_new = note.needed is not None and note.needed not in self.known
        return Standing.TOO_NEW if too_new else Standing.AHEAD

    def standings(self, notes: Mapping[str, Note]) -> dict[str, Standing]:
        return {
            branch: self.standing(branch, notes.get(branch)) for branch in self.heads
        }

    def refusal(self, notes: Mapping[str, Note]) -> str | None:
        """Say why this code and this database do not go together, if they do not."""
        for branch, standing in self.standings(notes).items():
            if standing is Standing.TOO_NEW:
                return _TOO_NEW.format(needed=notes[branch].needed, branch=branch)
            if standing is Standing.APART:
                ours, theirs = self.heads[branch], notes[branch].version
                return _APART.format(branch=branch, ours=ours, theirs=theirs)
        return None


def recall(connection: Connection, script: ScriptDirectory) -> set[str]:
    """
    Set aside the revisions that the code does not know: Alembic stops at such a one.

    A branch that has left is set aside until it returns; its tables stay. A branch
    that is ahead is set aside until `remember`, and its head stands in for it. Returns
    the heads that stand in.
    """
    connection.execute(text(_CREATE))
    branches, notes = Branches(script), _notes(connection)
    if refusal := branches.refusal(notes):
        raise CommandError(refusal)
    strange = {b: n for b, n in notes.items() if n.version not in branches.known}
    ahead = {
        branch: branches.heads[branch] for branch in strange if branch in branches.heads
    }
    for branch, note in sorted(strange.items()):
        _set_aside(connection, note, ahead=branch in ahead)
    if strange or any(note.set_aside for note in notes.values()):
        # What leaves may have stood for what it depends on.
        known = notes.keys() - strange.keys()
        _restore(
            connection, script, {notes[b].version for b in known} | {*ahead.values()}
        )
        connection.execute(_UNMARK, {"branches": list(known)})
    _name_none_twice(connection, script)
    connection.commit()
    return set(ahead.values())


def remember(connection: Connection, script: ScriptDirectory) -> None:
    """Note how far each branch of the code has been applied."""
    branches, notes = Branches(script), _notes(connection)
    ahead = branches.heads.keys() & {
        note.branch for note in notes.values() if note.version not in branches.known
    }
    for branch in ahead:
        connection.execute(_FORGET, {"version": branches.heads[branch]})
        connection.execute(_APPLY, {"version": notes[branch].version})
    connection.execute(_UNMARK, {"branches": list(ahead)})
    applied = lineage(script, _versions(connection))
    for branch in branches.heads.keys() - ahead:
        _note(connection, branch, _applied(script, branch, applied))
    connection.commit()


def lineage(script: ScriptDirectory, versions: Iterable[str]) -> set[str]:
    """Add to revisions whatever they follow or depend on; ignore unknown ones."""
    known = {revision.revision for revision in script.walk_revisions()}
    waiting = [version for version in versions if version in known]
    found: set[str] = set()
    while waiting:
        version = waiting.pop()
        if version not in found:
            found.add(version)
            waiting += _parents(script.get_revision(version), script)
    return found


def heads(script: ScriptDirectory) -> dict[str, str]:
    """Name the last revision of each branch that the code has."""
    last = [script.get_revision(head) for head in script.get_heads()]
    return {label: head.revision for head in last for label in head.branch_labels}


def _notes(connection: Connection) -> dict[str, Note]:
    rows = connection.execute(NOTES).mappings()
    return {note.branch: note for note in map(Note.of, rows)}


def _set_aside(connection: Connection, note: Note, *, ahead: bool) -> None:
    if ahead:
        log.info("migrations.ahead", branch=note.branch, version=note.version)
    elif not note.set_aside:
        log.info(
            "migrations.branch_set_aside", branch=note.branch, version=note.version
        )
    connection.execute(_FORGET, {"version": note.version})
    connection.execute(_MARK, {"branch": note.branch})


def _restore(connection: Connection, script: ScriptDirectory, wanted: set[str]) -> None:
    """Let `alembic_version` say that these are applied."""
    for version in wanted - lineage(script, _versions(connection)):
        connection.execute(_APPLY, {"version": version})


def _name_none_twice(connection: Connection, script: ScriptDirectory) -> None:
    """Leave out what another revision builds on, as Alembic does."""
    versions = _versions(connection)
    for version in sorted(versions):
        if version in lineage(script, versions - {version}):
            connection.execute(_FORGET, {"version": version})
            versions.remove(version)


def _versions(connection: Connection) -> set[str]:
    if not connection.scalar(_IS_THERE):
        return set()
    return {str(version) for version in connection.scalars(_VERSIONS)}


def _note(connection: Connection, branch: str, applied: list[Script]) -> None:
    if not applied:
        connection.execute(_DELETE, {"branch": branch})
        return
    needed = (each.revision for each in applied if _ends_older_code(each))
    values: dict[str, Any] = {
        "branch": branch,
        "version": applied[0].revision,
        "applied": [each.revision for each in applied],
        "needed": next(needed, None),
    }
    connection.execute(_NOTE, values)


def _applied(script: ScriptDirectory, branch: str, applied: set[str]) -> list[Script]:
    """List the revisions of a branch that are applied, the last one first."""
    revisions = script.walk_revisions()
    return [r for r in revisions if branch in r.branch_labels and r.revision in applied]


def _ends_older_code(revision: Script) -> bool:
    return not getattr(revision.module, "backward_compatible", True)


def _parents(revision: Script, script: ScriptDirectory) -> list[str]:
    named = to_list(revision.down_revision, []) + to_list(revision.dependencies, [])
    return [parent.revision for parent in script.get_revisions(named)]


_TOO_NEW = (
    "The database has {needed} of the branch {branch}, and code that does not know it"
    " cannot work with it: deploy the newer version"
)
_APART = (
    "The database is at {theirs} of the branch {branch}, which this code does not know,"
    " and has not had {ours}: deploy code that has both"
)
_IS_THERE = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_VERSIONS = text("SELECT version_num FROM alembic_version")
_DELETE = text("DELETE FROM alembic_branches WHERE branch = :branch")
_NOTE = text("""
    INSERT INTO alembic_branches VALUES (:branch, :version, :applied, :needed)
    ON CONFLICT (branch) DO UPDATE SET
        version_num = excluded.version_num,
        applied = excluded.applied,
        needed = excluded.needed
""")
_MARK = text("UPDATE alembic_branches SET set_aside = true WHERE branch = :branch")
_UNMARK = text(
    "UPDATE alembic_branches SET set_aside = false WHERE branch = ANY(:branches)"
)
_APPLY = text("INSERT INTO alembic_version VALUES (:version)")
_FORGET = text("DELETE FROM alembic_version WHERE version_num = :version")


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
