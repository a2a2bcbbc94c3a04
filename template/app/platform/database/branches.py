"""What a database remembers of its branches, and whether the code goes with it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_list
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    update,
)

from app.platform.database.database import Database
from app.platform.database.engine import create_session_engine
from app.platform.database.migrations import alembic_config, revisions
from app.platform.database.postgresql import Json
from app.platform.database.settings import DatabaseSettings
from app.platform.errors import DomainError

log = structlog.get_logger(__name__)

# `alembic_version` names revisions, but not the branches that they belong to.
_TABLES = MetaData()
NOTES = Table(
    "alembic_branches",
    _TABLES,
    Column("branch", String(64), primary_key=True),
    Column("version_num", Text, key="version", nullable=False),
    Column("applied", Json, nullable=False),
    Column("needed", Text),
    Column("set_aside", Boolean, nullable=False),
)
_VERSIONS = Table(
    "alembic_version",
    _TABLES,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


class Note(NamedTuple):
    """How far a branch has come. Code that does not know `needed` is too old for it."""

    branch: str
    version: str
    applied: list[str]
    needed: str | None
    set_aside: bool


type Notes = Mapping[str, Note]


class Branches:
    """The branches of the code, compared with what a database has noted of them."""

    def __init__(self, script: ScriptDirectory) -> None:
        self.heads = heads(script)
        self.known = {revision.revision for revision in script.walk_revisions()}

    def strange(self, notes: Notes) -> set[str]:
        """Name the branches that stand at a revision which the code does not know."""
        return {name for name, note in notes.items() if note.version not in self.known}

    def ahead(self, notes: Notes) -> set[str]:
        return self.strange(notes) & self.heads.keys()

    def behind(self, notes: Notes) -> list[str]:
        """Name the revisions that are still to be applied."""
        here = self.heads.keys() - self.ahead(notes)
        return sorted(
            self.heads[name]
            for name in here
            if name not in notes or self.heads[name] not in notes[name].applied
        )

    def refusal(self, notes: Notes) -> str | None:
        """Say why this code and this database do not go together, if they do not."""
        for branch in sorted(self.ahead(notes)):
            note, ours = notes[branch], self.heads[branch]
            if ours not in note.applied:
                return (
                    f"The database is at {note.version} of the branch {branch}, which"
                    f" this code does not know, and has not had {ours}: deploy code"
                    " that has both"
                )
            if note.needed is not None and note.needed not in self.known:
                return (
                    f"The database has {note.needed} of the branch {branch}, and code"
                    " that does not know it cannot work with it: deploy the newer"
                    " version"
                )
        return None


def recall(connection: Connection, script: ScriptDirectory) -> set[str]:
    """
    Set aside the revisions that the code does not know: Alembic stops at such a one.

    A branch that has left is set aside until it returns; its tables stay. A branch
    that is ahead is set aside until `remember`, and its head stands in for it. Returns
    the heads that stand in.
    """
    _TABLES.create_all(connection)
    branches, notes = Branches(script), _notes(connection)
    if refusal := branches.refusal(notes):
        raise CommandError(refusal)
    strange, ahead = branches.strange(notes), branches.ahead(notes)
    stand_ins = {branches.heads[name] for name in ahead}
    versions = _versions(connection)
    if strange or any(note.set_aside for note in notes.values()):
        versions -= {notes[name].version for name in strange}
        # What leaves may have stood for what it depends on.
        versions |= {notes[name].version for name in notes.keys() - strange} | stand_ins
    for name in sorted(strange):
        _tell(notes[name], ahead=name in ahead)
    connection.execute(update(NOTES).values(set_aside=NOTES.c.branch.in_(strange)))
    # Alembic leaves out what another revision builds on.
    for version in sorted(versions):
        if version in lineage(script, versions - {version}):
            versions.remove(version)
    _write(connection, versions)
    return stand_ins


def remember(connection: Connection, script: ScriptDirectory) -> None:
    """Note how far each branch of the code has been applied."""
    branches, notes = Branches(script), _notes(connection)
    ahead, versions = branches.ahead(notes), _versions(connection)
    versions -= {branches.heads[name] for name in ahead}
    versions |= {notes[name].version for name in ahead}
    back = update(NOTES).where(NOTES.c.branch.in_(ahead))
    connection.execute(back.values(set_aside=False))
    applied = lineage(script, versions)
    for branch in branches.heads.keys() - ahead:
        _note(connection, branch, _applied(script, branch, applied))
    _write(connection, versions)


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


async def step_back(settings: DatabaseSettings, branch: str) -> str:
    """
    Name what is below the last revision of a branch, for `alembic downgrade`.

    Raises when nothing is applied, and when other branches would have to go as well.
    """
    engine = create_session_engine(settings)
    async with engine.connect() as connection:
        notes = await connection.run_sync(_notes)
    await engine.dispose()
    note = notes.pop(branch, None)
    if note is None:
        raise CommandError(f"{branch} has no migration to take back")
    script = revisions(alembic_config())
    for other in notes.values():
        if note.version in lineage(script, [other.version]):
            raise CommandError(f"{other.branch} builds on {branch}: take it back first")
    if not hasattr(script.get_revision(note.version).module, "downgrade"):
        raise CommandError(f"{note.version} has no function downgrade")
    below = note.applied[1:2] or ["base"]
    return f"{branch}@{below[0]}"


def heads(script: ScriptDirectory) -> dict[str, str]:
    """Name the last revision of each branch that the code has."""
    last = [script.get_revision(head) for head in script.get_heads()]
    return {label: head.revision for head in last for label in head.branch_labels}


def _notes(connection: Connection) -> dict[str, Note]:
    if not inspect(connection).has_table(NOTES.name):
        return {}
    return {row.branch: Note(*row) for row in connection.execute(select(NOTES))}


def _versions(connection: Connection) -> set[str]:
    return set(connection.scalars(select(_VERSIONS.c.version_num)))


def _write(connection: Connection, versions: set[str]) -> None:
    connection.execute(delete(_VERSIONS))
    if versions:
        rows = [{"version_num": version} for version in versions]
        connection.execute(insert(_VERSIONS), rows)
    connection.commit()


def _tell(note: Note, *, ahead: bool) -> None:
    if ahead:
        log.info("migrations.ahead", branch=note.branch, version=note.version)
    elif not note.set_aside:
        log.info(
            "migrations.branch_set_aside", branch=note.branch, version=note.version
        )


def _note(connection: Connection, branch: str, applied: list[Script]) -> None:
    connection.execute(delete(NOTES).where(NOTES.c.branch == branch))
    if applied:
        ids = [each.revision for each in applied]
        ending = (each.revision for each in applied if _ends_older_code(each))
        note = Note(branch, ids[0], ids, next(ending, None), set_aside=False)
        connection.execute(insert(NOTES), note._asdict())


def _applied(script: ScriptDirectory, branch: str, applied: set[str]) -> list[Script]:
    """List the revisions of a branch that are applied, the last one first."""
    revisions = script.walk_revisions()
    return [r for r in revisions if branch in r.branch_labels and r.revision in applied]


def _ends_older_code(revision: Script) -> bool:
    return not getattr(revision.module, "backward_compatible", True)


def _parents(revision: Script, script: ScriptDirectory) -> list[str]:
    named = to_list(revision.down_revision, []) + to_list(revision.dependencies, [])
    return [parent.revision for parent in script.get_revisions(named)]


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
        async with self._database.watching() as connection:
            notes = await connection.run_sync(_notes)
        if refusal := self._branches.refusal(notes):
            raise SchemaUnfit(f"{refusal}.")
        if behind := self._branches.behind(notes):
            names = ", ".join(behind)
            raise SchemaBehind(f"Not migrated to {names}: run `make migrate`.")
        self._passed = True
