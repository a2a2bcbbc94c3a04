"""What every table of the domain has, so that nobody regrets its absence later."""

from sqlalchemy import DateTime, Uuid

from app import tables
from app.platform.database import Base, Model

MODELS = {
    str(mapper.local_table): mapper.class_
    for mapper in Base.registry.mappers
    if mapper.class_.__module__.startswith("app.")
}
ALL = [tables.metadata.tables[name] for name in MODELS]
DOMAIN = [table for table in ALL if issubclass(MODELS[table.name], Model)]


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


def test_every_foreign_key_is_indexed() -> None:
    for table in ALL:
        leading = {index.columns[0].name for index in table.indexes}
        leading |= {column.name for column in list(table.primary_key)[:1]}

        for key in table.foreign_keys:
            assert key.parent.name in leading, f"Index {table}.{key.parent.name}."
