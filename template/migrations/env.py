"""How Alembic reaches the database: one at a time, and one owner's tables at a time."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationInfo
from alembic.util import CommandError
from sqlalchemy import Connection

from app import tables
from app.platform.database import (
    DatabaseSettings,
    autogenerate,
    branches,
    migrations,
)
from app.platform.database.autogenerate import complete
from app.platform.database.engine import create_session_engine
from app.platform.database.postgresql import limit_lock_waits, session_lock
from app.settings import DatabaseAlone

METADATA = tables.metadata


def main() -> None:
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql",
            target_metadata=METADATA,
            transaction_per_migration=True,
        )
        context.run_migrations()
        return
    attributes = context.config.attributes
    if branch := _asked_by_name():
        attributes["branch"] = branch
    settings = attributes.get("database") or DatabaseAlone.load().database
    with migrations.plain_errors():
        asyncio.run(_migrate(settings, branch and partial(complete, branch)))


def _asked_by_name() -> str | None:
    """Have `alembic revision --autogenerate` be for one branch, as `make migration`."""
    words = context.config.cmd_opts
    if words is None or words.cmd[0].__name__ != "revision":
        return None
    branch = str(words.head).partition("@")[0]
    if branch not in migrations.branches():
        raise CommandError(
            'A revision is of one branch: make migration module=NAME m="what it does"'
            ' writes it, or alembic revision --autogenerate --head NAME@head -m "..."'
        )
    return branch


async def _migrate(settings: DatabaseSettings, complete: Any) -> None:
    engine = create_session_engine(settings)
    # Of several replicas that migrate at once, one works and the others wait for it.
    async with engine.connect() as connection, session_lock(connection, "migrations"):
        # One that cannot have its lock gives up before others queue behind it.
        await limit_lock_waits(connection, settings.lock_timeout_seconds)
        await connection.run_sync(_run, complete)


def _run(connection: Connection, complete: Any) -> None:
    script = context.script
    # The command `alembic` knows the folders that pyproject.toml lists.
    listed = [Path(str(folder)) for folder in script.version_locations]
    folders = [*listed, *migrations.branches().values()]
    script.version_locations = list(
        {each.resolve(): str(each) for each in folders}.values()
    )
    migrations.require_whole(script)
    stand_ins = branches.recall(connection, script)
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=_belongs_to_branch,
        transaction_per_migration=True,
        compare_server_default=True,
        render_item=autogenerate.render,
        process_revision_directives=complete,
        on_version_apply=partial(_applied, stand_ins),
    )
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        branches.remember(connection, script)


def _applied(
    stand_ins: set[str], *, heads: set[str], step: MigrationInfo, **_: Any
) -> None:
    """Undo a step below what this code does not know: its tables build on it."""
    if lost := stand_ins - branches.lineage(context.script, heads):
        names = ", ".join(sorted(lost))
        message = f"The database is ahead of {names}: use the newer code to go back"
        raise CommandError(message)
    if tell := context.config.attributes.get("on_apply"):
        tell(step.up_revision)


def _belongs_to_branch(
    thing: Any, name: str | None, kind: str, reflected: bool, compared: Any
) -> bool:
    """Show autogenerate only the tables of the branch that the revision is for."""
    branch: str | None = context.config.attributes.get("branch")
    if kind == "table" and name == branches.NOTES.name:
        return False
    if kind != "table" or branch is None:
        return True
    if reflected and compared is None:
        return migrations.created_by(branch, str(name))
    return name in {table.name for table in migrations.tables_of(branch)}


main()
