"""What a new revision is made to say, and what is said of it."""

from collections.abc import Iterator
from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    CreateIndexOp,
    CreateTableOp,
    DropColumnOp,
    DropTableOp,
    MigrateOperation,
    MigrationScript,
    ModifyTableOps,
)
from sqlalchemy import Column, Connection, Enum, MetaData, Table, inspect
from sqlalchemy.schema import CreateSchema

from app.platform.database.migrations import missing_dependencies, tables_of
from app.platform.database.model import Base
from app.platform.database.postgresql import Json

# Where tables are made as the models have them, and gone again at once.
TRIAL = "as_the_models_say"
SEE = "docs/howto/database.md"
BY_HAND = "Nothing is left to generate: write a revision for it with empty=1."

type Stored = dict[tuple[str, str], Any]


def complete(
    branch: str, context: MigrationContext, _: object, directives: list[MigrationScript]
) -> None:
    """Name the branches it builds on, or write none when there is nothing to do."""
    [revision] = directives
    assert context.connection is not None
    said = list(announcements(context.connection, branch, revision))
    for sentence in said:
        print(sentence)
    if all(operations.is_empty() for operations in revision.upgrade_ops_list):
        directives.clear()
        print(BY_HAND if said else "Nothing has changed: no migration is needed.")
        return
    revision.message = revision.message or summary(revision)
    revision.depends_on = missing_dependencies(branch)


def render(kind: str, thing: object, context: AutogenContext) -> str | Literal[False]:
    """Have a revision name the types of the service, and not what they stand for."""
    if kind != "type" or not isinstance(thing, Json):
        return False
    context.imports.add(f"from {Json.__module__} import Json")
    return "Json()"


def summary(revision: MigrationScript) -> str:
    """Say what a revision does: create tickets, add priority to tickets."""
    done: list[str] = []
    created: set[str] = set()
    for operation in _operations(revision):
        if isinstance(operation, CreateTableOp):
            done.append(f"create {operation.table_name}")
            created.add(operation.table_name)
        elif isinstance(operation, DropTableOp):
            done.append(f"drop {operation.table_name}")
        # A table's indexes stand beside it, as operations on it.
        elif isinstance(operation, ModifyTableOps) and (
            operation.table_name not in created
        ):
            done.append(_change(operation))
    return " and ".join(done) or "change the schema"


def _change(operations: ModifyTableOps) -> str:
    added = _columns(operations, AddColumnOp)
    table = operations.table_name
    return f"add {' and '.join(added)} to {table}" if added else f"change {table}"


def announcements(
    connection: Connection, branch: str, revision: MigrationScript
) -> Iterator[str]:
    """Say what autogenerate does not see, takes for something else, or risks."""
    operations = _operations(revision)
    made = [e.table_name for e in operations if isinstance(e, CreateTableOp)]
    gone = [e.table_name for e in operations if isinstance(e, DropTableOp)]
    if made and gone:
        yield _renamed(", ".join(gone), ", ".join(made), "rename_table", "rows")
    changes = [
        each
        for each in operations
        if isinstance(each, ModifyTableOps) and each.table_name not in {*made, *gone}
    ]
    for change in changes:
        yield from _risks(change)
    seen = {_seen(each) for change in changes for each in change.ops}
    there = set(inspect(connection).get_table_names())
    for table in tables_of(branch):
        if table.name in there:
            yield from _unseen(connection, table, seen)


def _risks(change: ModifyTableOps) -> Iterator[str]:
    """Say what becomes of the rows that are there, and of those who use them."""
    table = change.table_name
    new, old = _columns(change, AddColumnOp), _columns(change, DropColumnOp)
    if new and old:
        names = f"{table}.{', '.join(old)}", ", ".join(new)
        yield _renamed(*names, "alter_column", "values")
    elif old:
        yield (
            f"Code that runs still reads {table}.{', '.join(old)}: drop it one release"
            " after the last code that does."
        )
    for each in change.ops:
        if sentence := _risk(each, table):
            yield sentence


def _risk(operation: MigrateOperation, table: str) -> str | None:
    match operation:
        case AddColumnOp(column=column) if _needs_value(column):
            return (
                f"{table}.{column.name} is required and has no server_default: rows"
                f" that are there refuse it. See {SEE}, Columns."
            )
        case AlterColumnOp(column_name=name, modify_nullable=False):
            return (
                f"{table}.{name} becomes required: rows that lack it refuse that."
                f" See {SEE}, Columns."
            )
        case AlterColumnOp(column_name=name) if operation.modify_type is not None:
            return (
                f"Another type for {table}.{name} may rewrite the table while nobody"
                " can use it, and may need postgresql_using."
            )
        case CreateIndexOp(index_name=name):
            return (
                f"While {name} is built, nobody writes to {table}. See {SEE}, Indexes."
            )
    return None


def _unseen(connection: Connection, table: Table, seen: set[str]) -> Iterator[str]:
    """Compare what is stored with what the database makes of the model."""
    stored, wanted = _stored(connection, table.name), _tried(connection, table)
    for kind, name in sorted(stored.keys() | wanted.keys()):
        old, new = stored.get((kind, name)), wanted.get((kind, name))
        # Autogenerate sees an index that comes or goes; types are used in conditions.
        if old == new or {name, table.name} & seen:
            continue
        if kind == "type":
            do = "ALTER TYPE" if old else "CREATE TYPE"
            values = ", ".join(new or ())
            yield f"The type {name} is to have the values {values}: write {do} by hand."
        elif old and new:
            what = f"The {kind} {name} of {table.name}"
            yield f"{what} has changed: drop it and create it anew, by hand."
        elif kind == "CHECK":
            do = "create_check_constraint" if new else "drop_constraint"
            yield f"The CHECK {name} of {table.name} needs op.{do}, by hand."


def _tried(connection: Connection, table: Table) -> Stored:
    """Make the table as its model has it, look, and take it back."""
    with connection.begin_nested() as trial:
        connection.execute(CreateSchema(TRIAL))
        metadata = MetaData(naming_convention=Base.metadata.naming_convention)
        copy = table.to_metadata(metadata, schema=TRIAL)
        copy.constraints -= set(copy.foreign_key_constraints)
        copy.create(connection)
        found = _stored(connection, table.name, schema=TRIAL)
        trial.rollback()
    return found


def _stored(connection: Connection, table: str, schema: str | None = None) -> Stored:
    database = inspect(connection)
    checks = database.get_check_constraints(table, schema)
    found: Stored = {("CHECK", str(e["name"])): e["sqltext"] for e in checks}
    key = database.get_pk_constraint(table, schema)
    found["key", str(key["name"])] = key["constrained_columns"]
    for index in database.get_indexes(table, schema):
        found["index", str(index["name"])] = index
    for column in database.get_columns(table, schema):
        if isinstance(column["type"], Enum):
            found["type", str(column["type"].name)] = column["type"].enums
    return found


def _seen(operation: MigrateOperation) -> str:
    """Name the index, or the table of which a column gets another type."""
    if isinstance(operation, AlterColumnOp):
        return operation.table_name if operation.modify_type is not None else ""
    return str(getattr(operation, "index_name", ""))


def _operations(revision: MigrationScript) -> list[MigrateOperation]:
    return [each for group in revision.upgrade_ops_list for each in group.ops]


def _columns[C: (AddColumnOp, DropColumnOp)](
    table: ModifyTableOps, kind: type[C]
) -> list[str]:
    return [each.to_column().name for each in table.ops if isinstance(each, kind)]


def _needs_value(column: Column[Any]) -> bool:
    return not column.nullable and column.server_default is None


def _renamed(old: str, new: str, operation: str, lost: str) -> str:
    return f"To rename {old} to {new}, write op.{operation}: {lost} get lost."
