"""Where migrations live: a branch for each package that owns tables."""

import os
from collections.abc import Iterator
from pathlib import Path

from alembic.config import Config
from alembic.operations.ops import (
    AddColumnOp,
    CreateTableOp,
    DropTableOp,
    MigrationScript,
    ModifyTableOps,
)
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table

from app.platform.database.model import Base
from app.platform.database.settings import DatabaseSettings

APP = Path(__file__).parents[2]

_FILE = "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s"


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
    config = Config()
    config.attributes |= {"branch": branch, "database": database}
    config.set_main_option("script_location", str(APP.parent / "migrations"))
    folders = os.pathsep.join(map(str, branches().values()))
    config.set_main_option("version_locations", folders)
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", _FILE)
    return config


def tables_of(branch: str) -> Iterator[Table]:
    """List the tables whose models live under the branch's package, and no deeper."""
    for mapper in Base.registry.mappers:
        table = mapper.local_table
        if isinstance(table, Table) and _owner(mapper.class_.__module__) == branch:
            yield table


def modules_of(metadata: MetaData) -> list[str]:
    """List the modules that have tables, each after those that it refers to."""
    homes = {
        str(mapper.local_table): mapper.class_.__module__.split(".")
        for mapper in Base.registry.mappers
    }
    found = (homes.get(table.name, ["", ""]) for table in metadata.sorted_tables)
    return list(dict.fromkeys(home[2] for home in found if home[1] == "modules"))


def created_by(branch: str, table: str) -> bool:
    """Tell whether a revision of the branch created the table."""
    revisions = branches()[branch].glob("*.py")
    return any(f'"{table}"' in revision.read_text() for revision in revisions)


def missing_dependencies(branch: str) -> list[str] | None:
    """
    List revisions of other branches that the branch has yet to depend on.

    They create the tables that a foreign key of the branch refers to.
    """
    script = ScriptDirectory.from_config(alembic_config())
    known = {
        dependency
        for revision in script.walk_revisions()
        if Path(revision.path).parent == branches()[branch]
        for dependency in revision.dependencies or ()
    }
    needed = {_creator(script, table) for table in _foreign_tables(branch)}
    return sorted(needed - known) or None


def summary(revision: MigrationScript) -> str:
    """Say what a revision does: create tickets, add priority to tickets."""
    done: list[str] = []
    for group in revision.upgrade_ops_list:
        for operation in group.ops:
            if isinstance(operation, CreateTableOp):
                done.append(f"create {operation.table_name}")
            elif isinstance(operation, DropTableOp):
                done.append(f"drop {operation.table_name}")
            elif isinstance(operation, ModifyTableOps):
                done.append(_change(operation))
    # A table's indexes stand beside it, as operations on it.
    created = {each.partition(" ")[2] for each in done if each.startswith("create ")}
    said = [each for each in done if each.removeprefix("change ") not in created]
    return " and ".join(said) or "change the schema"


def _change(operations: ModifyTableOps) -> str:
    added = [
        each.column.name for each in operations.ops if isinstance(each, AddColumnOp)
    ]
    table = operations.table_name
    return f"add {' and '.join(added)} to {table}" if added else f"change {table}"


def _foreign_tables(branch: str) -> set[str]:
    own = {table.name for table in tables_of(branch)}
    keys = [key for table in tables_of(branch) for key in table.foreign_keys]
    return {key.column.table.name for key in keys} - own


def _creator(script: ScriptDirectory, table: str) -> str:
    """Find the first revision that names the table."""
    return next(
        revision.revision
        for revision in reversed(list(script.walk_revisions()))
        if f'"{table}"' in Path(revision.path).read_text()
    )


def _is_there(folder: Path) -> bool:
    """Pass over what Git leaves behind when a package goes: compiled files."""
    return [path.name for path in folder.iterdir()] != ["__pycache__"]


def _owner(module: str) -> str | None:
    """Find the innermost package with migrations above a Python module."""
    root, *packages, _ = module.split(".")
    known = branches() if root == APP.name else {}
    return next((name for name in reversed(packages) if name in known), None)
