"""How PostgreSQL reads text and writes it: words, statements, and its errors."""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Select,
    Table,
    Text,
    bindparam,
    func,
    inspect,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.dml import ReturningInsert

from app.platform.database.driver import run
from app.platform.database.model import Base
from app.platform.database.postgresql import Model, code_of

type Write = tuple[ReturningInsert[Any], Mapping[str, Any]]
type _Text = ColumnElement[Any] | InstrumentedAttribute[Any]

# Whatever is not one of these is DML, DDL, or changes the connection for the next.
_READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"})
_SAID = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$((?:[A-Za-z_]\w*)?)\$.*?\$\1\$"
    r"|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"",
    re.DOTALL,
)
_WRITES_WITHIN = re.compile(
    r"\bINTO\b|\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b|\bFOR\s+(?:KEY\s+)?SHARE\b"
    r"|(?:[()]|\bEXPLAIN|\bANALYZE|\bVERBOSE)\s*"
    r"(?:DELETE\s+FROM|UPDATE\s+\w|CREATE\s|REFRESH\s|EXECUTE\s)",
    re.IGNORECASE,
)


def words_index(name: str, *columns: str) -> Index:
    """Find rows by the words in these columns: for `has_words`."""
    named = (literal_column(f'"{column}"', Text) for column in columns)
    return Index(name, _words_of(*named), postgresql_using="gin")


def has_words(question: str, *columns: _Text) -> ColumnElement[bool]:
    """Ask for rows in which each word of the question, or its beginning, occurs."""
    words = [f"{word}:*" for word in _WORD.findall(question)]
    asked = func.to_tsquery(_DICTIONARY, " & ".join(words))
    return _words_of(*columns).op("@@", is_comparison=True)(asked)


@lru_cache(maxsize=2048)
def changes_something(statement: str) -> bool:
    """
    Tell whether a statement is more than a look, whoever wrote it.

    It may lock rows or hide a change in a WITH. What a function does is not seen.
    """
    words = _SAID.sub(" x ", statement)
    first = re.search(r"\w+", words)
    if first is None or first[0].upper() not in _READS:
        return True
    return _WRITES_WITHIN.search(words) is not None


def hide_values(failure: ExceptionContext) -> None:
    """
    Take out of every error what may be a customer's value, before anybody logs it.

    What remains: the kind of the error, the constraint, the column, the SQL.
    """
    original = failure.original_exception
    encoded = not isinstance(original, _NOT_ENCODED)
    about_a_value = not encoded or code_of(original).startswith(_DATA)
    for error in (failure.sqlalchemy_exception, *_causes(original)):
        if error is not None:
            _shorten(error, about_a_value=about_a_value)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _shorten(error: Any, *, about_a_value: bool) -> None:
    if hasattr(error, "sqlstate"):
        error.detail = None
    said = error.args[0] if error.args else None
    if isinstance(error, LookupError):
        # It may be the value itself, without quotes.
        said = repr(said)
    if isinstance(said, str):
        said, _, _ = said.partition("\nDETAIL:")
        error.args = (_without_value(said) if about_a_value else said,)


def _without_value(message: str) -> str:
    """Cut where the server and the driver begin to quote."""
    head, colon, _ = message.partition(": ")
    return _QUOTED.sub("'...'", head + colon).rstrip(": ")


def forgetful(statement: Any) -> str | None:
    """Name the tables that SQL as text reads without a word on deleted rows."""
    said = getattr(getattr(statement, "element", statement), "text", None)
    return _tables_of(said) if isinstance(said, str) else None


@lru_cache(maxsize=2048)
def _tables_of(statement: str) -> str | None:
    known = Base.metadata.tables
    read = [name for name in _READ.findall(statement) if name in known]
    kept = [name for name in read if "deleted_at" in known[name].columns]
    return " or ".join(kept) if len(kept) > statement.count("deleted_at") else None


def insertion(
    model: Model, rows: Sequence[Mapping[str, Any]], *, ignore: bool = False
) -> Write:
    """
    Insert rows, or leave alone what is there already.

    All have the same columns; the database has a default for every other.
    """
    name = model.__tablename__
    values = {
        f"{name}_{number}_{column}": value
        for number, row in enumerate(rows)
        for column, value in row.items()
    }
    return _insertion(model, tuple(rows[0]), len(rows), ignore), values


@lru_cache(maxsize=512)
def _insertion(
    model: Model, columns: Sequence[str], number: int, ignore: bool
) -> ReturningInsert[Any]:
    table = cast("Table", model.__table__)
    # Selected, since SQLAlchemy compiles VALUES of several rows anew each time.
    rows = (
        select(
            *(
                bindparam(f"{table.name}_{place}_{name}", type_=table.c[name].type)
                for name in columns
            )
        )
        for place in range(number)
    )
    statement = insert(table).from_select(
        columns, union_all(*rows), include_defaults=False
    )
    if ignore:
        statement = statement.on_conflict_do_nothing()
    return statement.returning(*inspect(model).primary_key)


def store_as_one(connection: Connection, writes: Sequence[Write]) -> list[int]:
    """Run inserts as one, if their parameters differ in name; count their rows."""
    values = {name: value for _, given in writes for name, value in given.items()}
    if len(values) < sum(len(given) for _, given in writes):
        return [store_as_one(connection, [each])[0] for each in writes]
    statement = as_one(*(insert for insert, _ in writes))
    [counts] = run(connection, statement, values)
    return [*counts]


@lru_cache(maxsize=512)
def as_one(*inserts: ReturningInsert[Any]) -> Select[Any]:
    """Make inserts one statement, built once, that counts the rows of each."""
    parts = (each.cte(f"stored_{number}") for number, each in enumerate(inserts))
    counts = (select(func.count()).select_from(part) for part in parts)
    return select(*(count.scalar_subquery() for count in counts))


def _words_of(*columns: _Text) -> ColumnElement[Any]:
    """Spell it as PostgreSQL does, so that Alembic sees that the two are the same."""
    words: ColumnElement[str] = func.coalesce(columns[0], _NOTHING)
    for column in columns[1:]:
        words = words.op("||")(_SPACE).op("||")(func.coalesce(column, _NOTHING))
    spaced = func.regexp_replace(words, _PUNCTUATION, _SPACE, _EVERYWHERE)
    return func.to_tsvector(_DICTIONARY, spaced)


# Words as they are: of no language, so of any.
_DICTIONARY = literal_column("'simple'", Text)
_PUNCTUATION = literal_column("'[[:punct:]]+'", Text)
_EVERYWHERE = literal_column("'g'", Text)
_SPACE = literal_column("' '", Text)
_NOTHING = literal_column("''", Text)
# Without punctuation, which PostgreSQL would read as signs, paths and addresses.
_WORD = re.compile(rf"[^\s{re.escape(string.punctuation)}]+")
# The class of errors about values, in every database of the SQL standard.
_DATA = "22"
# What the driver or a type of SQLAlchemy raises.
_NOT_ENCODED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
_READ = re.compile(r'(?<!DELETE )\b(?:FROM|JOIN)\s+"?(\w+)', re.IGNORECASE)
