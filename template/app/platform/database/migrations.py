"""Where migrations live: a branch for each package that owns tables."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from traceback import walk_tb
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import CreateTableOp, RenameTableOp
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_list
from sqlalchemy import MetaData, Table
from sqlalchemy.exc import SQLAlchemyError

from app.platform.database.model import Base, defined_in
from app.platform.database.settings import DatabaseSettings

APP = Path(__file__).parents[2]

# No two revisions have the same name: each has an identifier of its own.
_FILE = "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d_%%(rev)s_%%(slug)s"


def branches() -> dict[str, Path]:
    """Find every package with a `migrations` folder, by the name of the package."""
    folders = [each for each in sorted(APP.rglob("migrations")) if _is_there(each)]
    return {folder.parent.name: folder for folder in folders}


def alembic_config(
    *, branch: str | None = None, database: DatabaseSettings | None = None
) -> Config:
    """
    Configure Alembic for all branches: the folders are found, never listed.

    A new revision is for the tables of `branch`. Without `database`, the environment
    says where it is.
    """
    config = Config(toml_file=APP.parent / "pyproject.toml")
    config.attributes |= {"branch": branch, "database": database}
    config.set_main_option("script_location", str(APP.parent / "migrations"))
    folders = os.pathsep.join(map(str, branches().values()))
    config.set_main_option("version_locations", folders)
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", _FILE)
    return config


def tables_of(branch: str) -> list[Table]:
    """List the tables that are defined under the branch's package, and no deeper."""
    tables = Base.metadata.tables.values()
    return [table for table in tables if _owner(defined_in(table)) == branch]


def modules_of(metadata: MetaData) -> list[str]:
    """List the modules that have tables, each after those that it refers to."""
    needs: dict[str, list[str]] = {}
    for table in metadata.sorted_tables:
        names = sorted(_module(key.column.table) for key in table.foreign_keys)
        needs[_module(table)] = needs.get(_module(table), []) + names
    found: list[str] = []

    def visit(name: str) -> None:
        others = needs.pop(name, None)
        if others is not None:
            for other in others:
                visit(other)
            found.append(name)

    for name in [*needs]:
        visit(name)
    return [name for name in found if name]


def _module(table: Table) -> str:
    """Name the module that defines a table; empty if none does."""
    home = defined_in(table).split(".")
    return home[2] if home[:2] == ["app", "modules"] else ""


def revisions(config: Config) -> ScriptDirectory:
    """Read every revision. Raises, in a sentence, when a chain of them is broken."""
    script = ScriptDirectory.from_config(config)
    require_whole(script)
    return script


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say in a sentence what went wrong, and in which revision."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
        cause = re.sub(r"^<class '[\w.]+'>: ", "", cause).rstrip(".")
        where = f"{file} failed: " if (file := _revision_in(error)) else ""
        raise CommandError(f"{where}{cause}") from error


def _revision_in(error: BaseException) -> str | None:
    """Find the revision in which it was raised."""
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    files = [Path(frame.f_code.co_filename) for frame in frames]
    folders = branches().values()
    return next((file.name for file in files if file.parent in folders), None)


def require_whole(script: ScriptDirectory) -> None:
    """Alembic only warns of a revision that is missing or twice, and then stumbles."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            script.get_heads()
    except UserWarning as warning:
        raise CommandError(f"The migrations are broken: {warning}") from warning


def require_one_head(branch: str) -> None:
    """Two revisions that were written at the same time both follow the same one."""
    found = _of(branch, revisions(alembic_config()))
    ends = [each.revision for each in found if each.is_head]
    if len(ends) > 1:
        raise CommandError(
            f"The branch {branch} has {len(ends)} heads, {' and '.join(sorted(ends))}:"
            " one must name the other as its down_revision"
        )


def created_by(branch: str, table: str) -> bool:
    """Tell whether a revision of the branch created the table."""
    script = revisions(alembic_config())
    return any(table in _creates(revision) for revision in _of(branch, script))


def missing_dependencies(branch: str) -> list[str] | None:
    """
    List revisions of other branches that the branch has yet to depend on.

    They create the tables that a foreign key of the branch refers to.
    """
    script = revisions(alembic_config())
    known = {
        dependency
        for revision in _of(branch, script)
        for dependency in to_list(revision.dependencies, [])
    }
    needed = {_creator(script, table) for table in _foreign_tables(branch)}
    return sorted(needed - known) or None


def _foreign_tables(branch: str) -> list[Table]:
    own = tables_of(branch)
    keys = [key for table in own for key in table.foreign_keys]
    return [key.column.table for key in keys if key.column.table not in own]


def _creator(script: ScriptDirectory, table: Table) -> str:
    """Find the revision that creates the table: at the latest, its branch's head."""
    revisions = _of(_owner(defined_in(table)), script)
    if not revisions:
        raise CommandError(f"The table {table.name} has no migration: write it first")
    creators = [each for each in revisions if table.name in _creates(each)]
    return (creators or revisions[:1])[-1].revision


def _of(branch: str | None, script: ScriptDirectory) -> list[Script]:
    """List the revisions of a branch, the last one first."""
    return [each for each in script.walk_revisions() if branch in each.branch_labels]


def _creates(revision: Script) -> set[str]:
    """Run the revision against no database, and name the tables that it makes."""
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": StringIO()}
    )
    recorder = _Recorder(context)
    # The module belongs to this `ScriptDirectory` alone.
    vars(revision.module)["op"] = recorder
    # What it does after it has asked for rows cannot be known without a database.
    with suppress(Exception):
        revision.module.upgrade()
    return recorder.tables


class _Recorder(Operations):
    """Stands for `op` in a revision, and notes which tables it creates."""

    def __init__(self, context: MigrationContext) -> None:
        super().__init__(context)
        self.tables: set[str] = set()

    def invoke(self, operation: MigrateOperation) -> Any:
        if isinstance(operation, CreateTableOp):
            self.tables.add(operation.table_name)
        elif isinstance(operation, RenameTableOp):
            self.tables.add(operation.new_table_name)
        return super().invoke(operation)


def _is_there(folder: Path) -> bool:
    """Pass over what Git leaves behind when a package goes: compiled files."""
    return [path.name for path in folder.iterdir()] != ["__pycache__"]


def _owner(module: str) -> str | None:
    """Find the innermost package with migrations above a Python module."""
    root, *packages, _ = module.split(".")
    known = branches() if root == APP.name else {}
    return next((name for name in reversed(packages) if name in known), None)
