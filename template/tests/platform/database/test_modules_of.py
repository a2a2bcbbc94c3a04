"""The order in which modules get their first migrations."""

from uuid import UUID

from sqlalchemy import Column, ForeignKey, MetaData, Table, Uuid

from app.platform.database.migrations import modules_of


def table(metadata: MetaData, module: str, name: str, *refers_to: str) -> None:
    keys: list[Column[UUID]] = [Column(to, ForeignKey(f"{to}.id")) for to in refers_to]
    Table(name, metadata, Column("id", Uuid, primary_key=True), *keys)
    metadata.info[name] = f"app.modules.{module}.models"


class TestModulesOf:
    def test_puts_what_any_table_of_a_module_refers_to_before_it(self) -> None:
        metadata = MetaData()
        table(metadata, "albums", "albums")
        table(metadata, "albums", "album_tags", "albums", "tags")
        table(metadata, "tags", "tags", "users")
        table(metadata, "users", "users")

        assert modules_of(metadata) == ["users", "tags", "albums"]

    def test_ends_where_modules_refer_to_one_another(self) -> None:
        metadata = MetaData()
        table(metadata, "albums", "albums")
        table(metadata, "albums", "album_tags", "tags")
        table(metadata, "tags", "tags")
        table(metadata, "tags", "tag_albums", "albums")

        assert sorted(modules_of(metadata)) == ["albums", "tags"]
