"""Statements as the driver takes them, past a cursor that takes longer than it does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, Connection, Dialect, Engine, Executable
from sqlalchemy.sql.selectable import ReturnsRows
from sqlalchemy.util import await_only

type Values = Mapping[str, Any]
type Rows = Sequence[Sequence[Any]]
type Convert = Callable[[Any], Any]


def look(engine: Engine, statement: Executable, values: Values) -> Rows:
    """Run it on a connection of the pool: on one that sends no BEGIN, and no COMMIT."""
    is_spelt = _spelt(statement, engine.dialect) is not None
    # Nothing is to be set on the connection for what the driver is told by itself.
    lent = Connection(engine, _has_events=False) if is_spelt else engine.connect()
    with lent as connection:
        return run(connection, statement, values)


def run(connection: Connection, statement: Executable, values: Values) -> Rows:
    """Do what `connection.execute(statement, values).all()` does, to the same ends."""
    spelt = _spelt(statement, connection.dialect)
    if spelt is None:
        return connection.execute(statement, values).all()
    # It tells who listens to failures, and judges what becomes of the connection.
    failed = connection._handle_dbapi_exception  # noqa: SLF001
    try:
        given = spelt.arguments(values)
    except Exception as error:
        # A value that its type refuses, which is an error of this statement.
        failed(error, spelt.text, values, None, None)
    execution: Any = Run()
    told = connection, None, spelt.text, given, execution, False
    for hear in connection.engine.dispatch.before_cursor_execute:
        hear(*told)
    try:
        found = await_only(_send(connection, spelt.text, given))
    except BaseException as error:
        failed(error, spelt.text, given, None, execution)
    for hear in connection.engine.dispatch.after_cursor_execute:
        hear(*told)
    return spelt.rows(found)


@dataclass(frozen=True, slots=True)
class Spelt:
    """
    A statement and how its values are written and read, found out once.

    What SQLAlchemy's types make of a value is made of it here, too.
    """

    text: str
    given: Sequence[tuple[BindParameter[Any], Convert | None]]
    read: Sequence[tuple[int, Convert]]

    @classmethod
    def of(cls, statement: Any, dialect: Dialect) -> Self | None:
        """None if values change its text, or are found only as it is run."""
        if not isinstance(statement, ReturnsRows):
            return None
        compiled = statement.compile(dialect=dialect)
        if compiled.post_compile_params or compiled.literal_execute_params:
            return None
        if compiled.insert_prefetch or compiled.update_prefetch:
            return None
        given = [compiled.binds[name] for name in compiled.positiontup or ()]
        readers = (
            each.type.dialect_impl(dialect).result_processor(dialect, _NUMERIC)
            for each in statement.exported_columns
        )
        return cls(
            compiled.string,
            [
                (each, each.type.dialect_impl(dialect).bind_processor(dialect))
                for each in given
            ],
            [(place, read) for place, read in enumerate(readers) if read],
        )

    def arguments(self, values: Values) -> list[Any]:
        return [
            value if convert is None else convert(value)
            for each, convert in self.given
            for value in (
                values[each.key]
                if each.required
                else values.get(each.key, each.effective_value),
            )
        ]

    def rows(self, found: Rows) -> Rows:
        if not self.read:
            return found
        rows = [list(row) for row in found]
        for row in rows:
            for place, read in self.read:
                row[place] = read(row[place])
        return rows


class Run:
    """What listeners to statements may note something of one on."""

    executemany = False
    span: Any = None

    def handle_dbapi_exception(self, error: BaseException) -> None:
        """Do nothing more: the driver forgets by itself what it had prepared."""


async def _send(connection: Connection, text: str, arguments: Sequence[Any]) -> Rows:
    level = connection.get_execution_options().get("isolation_level")
    lent: Any = connection.connection.dbapi_connection
    async with lent._execute_mutex:  # noqa: SLF001
        if level != "AUTOCOMMIT" and lent._transaction is None:  # noqa: SLF001
            await lent._start_transaction()  # noqa: SLF001
        try:
            found: Rows = await lent.driver_connection.fetch(text, *arguments)
        except Exception as error:
            # It raises what SQLAlchemy knows the error as.
            lent._handle_exception(error)  # noqa: SLF001
            raise
        return found


def _spelt(statement: Executable, dialect: Dialect) -> Spelt | None:
    try:
        return _SPELT[statement]
    except KeyError:
        return _SPELT.setdefault(statement, Spelt.of(statement, dialect))


# What the server calls a number that is no integer; the driver reads it exactly.
_NUMERIC = 1700
_SPELT = WeakKeyDictionary[Executable, Spelt | None]()
