"""What every table of the domain has, so that nobody regrets its absence later."""

import ast
from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    Uuid,
)

from app import tables
from app.platform.database import Base, Model
from app.platform.database.migrations import APP
from app.platform.database.model import defined_in

MODELS = {
    str(mapper.local_table)
    for mapper in Base.registry.mappers
    if issubclass(mapper.class_, Model)
}
# A table is the service's own, whether or not a class maps it.
ALL = [
    table
    for table in tables.metadata.sorted_tables
    if defined_in(table).startswith("app.")
]
DOMAIN = [table for table in ALL if table.name in MODELS]


class TestDomainTables:
    def test_have_a_uuid_as_their_key(self) -> None:
        for table in DOMAIN:
            [key] = table.primary_key

            assert isinstance(key.type, Uuid), f"Derive {table}'s class from Model."

    def test_have_aware_timestamps(self) -> None:
        for table in DOMAIN:
            for name in ("created_at", "updated_at", "deleted_at"):
                kind = table.c[name].type

                assert isinstance(kind, DateTime)
                assert kind.timezone, f"Make {table}.{name} a timestamptz."

    def test_ignore_the_deleted_in_what_is_unique(self) -> None:
        for index in (each for table in DOMAIN for each in table.indexes):
            condition = index.dialect_options["postgresql"]["where"]

            assert not index.unique or str(condition) == "deleted_at IS NULL", (
                f"Make {index.name} with unique_among_living."
            )


KEYS = (PrimaryKeyConstraint, UniqueConstraint)


def unindexed(table: Table) -> list[str]:
    """Name the foreign keys that no index and no key of the table leads with."""
    keys = [each for each in table.constraints if isinstance(each, KEYS)]
    ways = [list(each.columns) for each in (*table.indexes, *keys)]
    return [
        ", ".join(key.column_keys)
        for key in table.foreign_key_constraints
        if not any(set(key.columns) == set(way[: len(key.columns)]) for way in ways)
    ]


class TestForeignKeys:
    def test_are_indexed(self) -> None:
        for table in ALL:
            assert not unindexed(table), f"Index {unindexed(table)} of {table}."

    def test_may_be_what_a_composite_key_begins_with(self) -> None:
        metadata = MetaData()
        for name in ("tickets", "tags"):
            Table(name, metadata, Column("id", Uuid, primary_key=True))
        links = Table(
            "links",
            metadata,
            Column("ticket_id", ForeignKey("tickets.id"), primary_key=True),
            Column("tag_id", ForeignKey("tags.id"), primary_key=True),
        )

        assert unindexed(links) == ["tag_id"]
        Index(None, links.c.tag_id)
        assert not unindexed(links)


# Where SQL stands as text, and why that is right there.
REVIEWED = {
    "app/platform/database/postgresql.py": "It is what only this database can do.",
}


def raw_sql(source: str) -> Iterator[int]:
    """Find the lines that hand text to the database."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            said = isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            if said and name in {"text", "exec_driver_sql", "execute"}:
                yield node.lineno


class TestSql:
    def test_stands_as_text_only_where_it_was_reviewed(self) -> None:
        for folder in (APP, APP.parent / "migrations"):
            for file in folder.rglob("*.py"):
                path = file.relative_to(APP.parent)
                # A migration is written for one database: a trigger is text anyway.
                if path.match("app/*/*/migrations/*") or str(path) in REVIEWED:
                    continue
                assert not [*raw_sql(file.read_text())], (
                    f"Say it in {path} as SQLAlchemy or database/postgresql.py does,"
                    " or add the file to REVIEWED with the reason."
                )

    @pytest.mark.parametrize(
        "source",
        [
            'op.execute("DROP TABLE a")',
            'sa.text("now()")',
            'connection.exec_driver_sql(f"SET {a}")',
        ],
    )
    def test_is_recognised(self, source: str) -> None:
        assert list(raw_sql(source)) == [1]
