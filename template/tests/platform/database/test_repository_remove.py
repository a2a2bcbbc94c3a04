import asyncio
from uuid import UUID

import pytest
from sqlalchemy import Delete, Update, delete, func, select, text, update

from app.platform.database import Database
from app.platform.errors import InUse
from tests.platform.database.notes import (
    Label,
    LabelledNotes,
    Labels,
    LabelUnknown,
    Leaf,
    Leaves,
    Note,
    Notebook,
    Notebooks,
    NotebookUnknown,
    Notes,
    store,
)


async def store_notebook(database: Database) -> UUID:
    async with database.unit_of_work() as unit:
        return (await Notebooks(unit.session).add(Notebook(title="n"))).id


async def remove_notebook(database: Database, key: UUID) -> None:
    async with database.unit_of_work() as unit:
        notebooks = Notebooks(unit.session)
        await notebooks.remove(await notebooks.get(key))


async def add_leaf(database: Database, notebook: UUID) -> Leaf:
    async with database.unit_of_work() as unit:
        leaves = Leaves(unit.session)
        return await leaves.reload(await leaves.add(Leaf(notebook_id=notebook)))


class TestRemove:
    async def test_hides_the_row_from_every_query(self, database: Database) -> None:
        notes = await store(database, "a", "b")

        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(notes[0].id))

        async with database.read_session() as session:
            assert await Notes(session).find(notes[0].id) is None
            assert await session.scalar(select(func.count(Note.id))) == 1
            everything = select(Note).execution_options(include_deleted=True)
            assert len((await session.scalars(everything)).all()) == 2

    async def test_frees_what_was_unique(self, database: Database) -> None:
        [note] = await store(database, "a")

        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(note.id))

        assert await store(database, "a")

    @pytest.mark.parametrize(
        "statement",
        [
            update(Note).values(text=func.concat(Note.text, "!")),
            delete(Note),
            delete(Note).where(Note.text.in_(select(Note.text).scalar_subquery())),
        ],
        ids=str,
    )
    async def test_hides_the_row_from_changes_in_bulk(
        self, database: Database, statement: Update | Delete
    ) -> None:
        notes = await store(database, "a", "b")
        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(notes[0].id))

        async with database.unit_of_work() as unit:
            returned = (await unit.session.scalars(statement.returning(Note.id))).all()

        assert returned == [notes[1].id]
        everything = select(Note.text).execution_options(include_deleted=True)
        async with database.read_session() as session:
            assert "a" in (await session.scalars(everything)).all()

    async def test_leaves_the_row_to_who_asks_for_it(self, database: Database) -> None:
        [note] = await store(database, "a")
        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(note.id))

        purge = delete(Note).where(Note.deleted_at.is_not(None))
        async with database.unit_of_work() as unit:
            everything = {"include_deleted": True}
            await unit.session.execute(purge, execution_options=everything)

        async with database.read_session() as session:
            everything_left = select(Note).execution_options(include_deleted=True)
            assert (await session.scalars(everything_left)).all() == []


class TestTextThatReads:
    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT count(*) FROM test_notes",
            "WITH n AS (SELECT * FROM test_notebooks WHERE deleted_at IS NULL)"
            ' SELECT count(*) FROM n JOIN "test_notes" t ON t.notebook_id = n.id',
        ],
    )
    async def test_is_refused_when_it_takes_deleted_rows_along(
        self, database: Database, statement: str
    ) -> None:
        async with database.read_session() as session:
            with pytest.raises(RuntimeError, match="test_notes along"):
                await session.execute(text(statement))
            with pytest.raises(RuntimeError, match="ask for deleted_at IS NULL"):
                await session.scalars(select(Note).from_statement(text(statement)))

    async def test_says_which_rows_it_wants(self, database: Database) -> None:
        [note, _] = await store(database, "a", "b")
        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(note.id))
        count = "SELECT count(*) FROM test_notes"

        async with database.read_session() as session:
            living = await session.scalar(text(f"{count} WHERE deleted_at IS NULL"))
            everything = text(count).execution_options(include_deleted=True)
            labels = await session.scalar(text("SELECT count(*) FROM test_note_labels"))

            assert (living, await session.scalar(everything)) == (1, 2)
            assert labels == 0


class TestRemoveWhatIsReferredTo:
    async def test_is_refused_while_a_living_row_needs_it(
        self, database: Database
    ) -> None:
        notebook = await store_notebook(database)
        leaf = await add_leaf(database, notebook)

        with pytest.raises(InUse) as refusal:
            await remove_notebook(database, notebook)

        assert refusal.value.context == {"referred_by": ["test_leaves"]}
        async with database.unit_of_work() as unit:
            await Leaves(unit.session).remove(await Leaves(unit.session).get(leaf.id))
        await remove_notebook(database, notebook)

    async def test_lets_go_where_the_reference_may_be_null(
        self, database: Database
    ) -> None:
        notebook = await store_notebook(database)
        async with database.unit_of_work() as unit:
            note = Note(text="a", notebook_id=notebook)
            other = await Notes(unit.session).add(Note(text="b"))
            await Notes(unit.session).add(note)

        await remove_notebook(database, notebook)

        async with database.read_session() as session:
            found = await Notes(session).get(note.id)
            assert (found.notebook_id, found.version) == (None, 2)
            assert found.updated_at > note.updated_at
            assert (await Notes(session).get(other.id)).version == 1

    async def test_leaves_no_row_that_refers_to_it_at_the_same_moment(
        self, database: Database
    ) -> None:
        notebooks = [await store_notebook(database) for _ in range(10)]
        work = [
            each
            for key in notebooks
            for each in (add_leaf(database, key), remove_notebook(database, key))
        ]

        done = await asyncio.gather(*work, return_exceptions=True)

        for added, removed in zip(done[::2], done[1::2], strict=True):
            outcome = isinstance(added, Leaf), removed is None
            assert outcome in {(True, False), (False, True)}, (added, removed)
            assert isinstance(added, Leaf | NotebookUnknown)
            assert removed is None or isinstance(removed, InUse)

    async def test_waits_for_an_insert_that_has_not_committed(
        self, database: Database
    ) -> None:
        notebook = await store_notebook(database)
        async with database.unit_of_work() as unit:
            leaves = Leaves(unit.session)
            await leaves.add(Leaf(notebook_id=notebook))
            removal = asyncio.create_task(remove_notebook(database, notebook))
            await asyncio.sleep(0.2)

            assert not removal.done()

        with pytest.raises(InUse):
            await removal

    async def test_keeps_what_refers_to_it_changeable(self, database: Database) -> None:
        notebook, other = [await store_notebook(database) for _ in range(2)]
        leaf = await add_leaf(database, notebook)
        async with database.unit_of_work() as unit:
            gone = update(Notebook).values(deleted_at=func.now())
            await unit.session.execute(gone)

        async with database.unit_of_work() as unit:
            leaves = Leaves(unit.session)
            found = await leaves.get(leaf.id)
            found.notebook_id = notebook
            await leaves.save(found)
            assert (await leaves.reload(found)).notebook is None

        with pytest.raises(NotebookUnknown):
            async with database.unit_of_work() as unit:
                leaves = Leaves(unit.session)
                found = await leaves.get(leaf.id)
                found.notebook_id = other
                await leaves.save(found)
                await leaves.reload(found)


async def label(database: Database, note: UUID, *labels: UUID) -> Note:
    async with database.unit_of_work() as unit:
        notes = LabelledNotes(unit.session)
        found = await notes.get(note)
        values = await notes.linked({"label_ids": labels, "text": "labelled"})
        for name, value in values.items():
            setattr(found, name, value)
        await notes.save(found)
        return await notes.reload(found)


class TestRemoveWhatACollectionHolds:
    async def test_takes_it_out_as_a_change_of_whom_that_belongs_to(
        self, database: Database
    ) -> None:
        [note] = await store(database, "a")
        async with database.unit_of_work() as unit:
            first = await Labels(unit.session).add(Label(word="a"))
            second = await Labels(unit.session).add(Label(word="b"))
        labelled = await label(database, note.id, second.id, first.id, first.id)

        async with database.unit_of_work() as unit:
            await Labels(unit.session).remove(first)

        async with database.read_session() as session:
            found = await LabelledNotes(session).get(note.id)
        assert [each.id for each in labelled.labels] == [first.id, second.id]
        assert [each.id for each in found.labels] == [second.id]
        assert found.version == labelled.version + 1

    async def test_lets_nobody_hold_it_at_the_same_moment(
        self, database: Database
    ) -> None:
        [note] = await store(database, "a")
        async with database.unit_of_work() as unit:
            held = await Labels(unit.session).add(Label(word="a"))

        async with database.unit_of_work() as unit:
            labels = Labels(unit.session)
            await labels.remove(await labels.get(held.id))
            waiting = asyncio.create_task(label(database, note.id, held.id))
            done, _ = await asyncio.wait({waiting}, timeout=0.3)

        assert not done
        with pytest.raises(LabelUnknown):
            await waiting
