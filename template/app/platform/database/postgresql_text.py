"""How PostgreSQL reads text: the words of a row, and what a statement does."""

import re
import string
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Index, Text, func, literal_column
from sqlalchemy.orm import InstrumentedAttribute

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
