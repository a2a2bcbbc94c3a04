"""What a database remembers of its branches, so that one may leave and come back."""

from collections.abc import Iterable, Iterator

import structlog
from alembic.script import Script, ScriptDirectory
from alembic.util import to_list
from sqlalchemy import Connection, text

log = structlog.get_logger(__name__)

# `alembic_version` names revisions, but not the branches that they belong to.
_CREATE = """
    CREATE TABLE IF NOT EXISTS alembic_branches (
        branch text PRIMARY KEY,
        version_num text NOT NULL,
        set_aside boolean NOT NULL DEFAULT false
    )
"""


def recall(connection: Connection, script: ScriptDirectory) -> None:
    """
    Set aside the branches that the code has no more: Alembic stops at such a revision.

    Their tables stay. A branch that has come back goes on from where it was.
    """
    connection.execute(text(_CREATE))
    here = heads(script)
    gone = {b: v for b, v in _noted(connection, aside=False).items() if b not in here}
    back = {b: v for b, v in _noted(connection, aside=True).items() if b in here}
    for branch, version in gone.items():
        _set_aside(connection, branch, version)
    if gone or back:
        # A branch that leaves may have stood for one that it depends on.
        _restore(connection, script, back | _noted(connection, aside=False))
    connection.commit()


def remember(connection: Connection, script: ScriptDirectory) -> None:
    """Note how far each branch of the code has been applied."""
    applied = lineage(script, connection.scalars(_VERSIONS))
    connection.execute(_CLEAR)
    for branch in heads(script):
        for version in _newest(script, branch, applied):
            connection.execute(_NOTE, {"branch": branch, "version": version})
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


def _noted(connection: Connection, *, aside: bool) -> dict[str, str]:
    noted = text(
        "SELECT branch, version_num FROM alembic_branches WHERE set_aside = :aside"
    )
    rows = connection.execute(noted, {"aside": aside})
    return {row.branch: row.version_num for row in rows}


def _set_aside(connection: Connection, branch: str, version: str) -> None:
    log.info("migrations.branch_set_aside", branch=branch, version=version)
    values = {"branch": branch, "version": version}
    connection.execute(_FORGET, values)
    connection.execute(_MARK, values)


def _restore(
    connection: Connection, script: ScriptDirectory, noted: dict[str, str]
) -> None:
    applied = lineage(script, connection.scalars(_VERSIONS))
    for branch, version in noted.items():
        if version not in applied:
            connection.execute(_APPLY, {"version": version})
        connection.execute(_UNMARK, {"branch": branch})


def _newest(script: ScriptDirectory, branch: str, applied: set[str]) -> Iterator[str]:
    """Find the last revision of a branch that is applied, if there is one."""
    for revision in script.walk_revisions():
        if branch in revision.branch_labels and revision.revision in applied:
            yield revision.revision
            return


def _parents(revision: Script, script: ScriptDirectory) -> list[str]:
    named = to_list(revision.down_revision, []) + to_list(revision.dependencies, [])
    return [parent.revision for parent in script.get_revisions(named)]


_VERSIONS = text("SELECT version_num FROM alembic_version")
# What this code does not know, a newer version has applied: it stays noted.
_CLEAR = text("""
    DELETE FROM alembic_branches
    WHERE NOT set_aside AND version_num NOT IN (SELECT version_num FROM alembic_version)
""")
_NOTE = text("""
    INSERT INTO alembic_branches VALUES (:branch, :version)
    ON CONFLICT (branch) DO UPDATE SET version_num = excluded.version_num
""")
_MARK = text("UPDATE alembic_branches SET set_aside = true WHERE branch = :branch")
_UNMARK = text("UPDATE alembic_branches SET set_aside = false WHERE branch = :branch")
_APPLY = text("INSERT INTO alembic_version VALUES (:version)")
_FORGET = text("DELETE FROM alembic_version WHERE version_num = :version")
