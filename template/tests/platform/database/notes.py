"""Tables of the tests' own: a thing that has what every table of the domain has."""

from uuid import UUID

from sqlalchemy import Column, ForeignKey, Table, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.platform.database import (
    Base,
    Database,
    Followed,
    Model,
    Page,
    Position,
    Repository,
    Versioned,
)
from app.platform.database.postgresql import unique_among_living
from app.platform.database.postgresql_text import words_index
from app.platform.errors import Conflict, DomainError, Invalid, NotFound


class Notebook(Model):
    __tablename__ = "test_notebooks"

    title: Mapped[str]


class Label(Model):
    __tablename__ = "test_labels"

    word: Mapped[str]


LABELS = Table(
    "test_note_labels",
    Base.metadata,
    Column("note_id", ForeignKey("test_notes.id"), primary_key=True),
    Column("label_id", ForeignKey(Label.id), primary_key=True, index=True),
)


class Note(Versioned, Model):
    __tablename__ = "test_notes"
    __table_args__ = (
        unique_among_living("text"),
        words_index("ix_test_notes_words", "text"),
    )

    text: Mapped[str]
    notebook_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Notebook.id), default=None
    )
    notebook: Mapped[Notebook | None] = relationship(lazy="raise", init=False)
    labels: Mapped[list[Label]] = relationship(
        secondary=LABELS, lazy="raise", default_factory=list
    )


class NoteNotFound(NotFound):
    def __init__(self, note_id: UUID) -> None:
        super().__init__(f"There is no note {note_id}.")


class NoteTaken(Conflict):
    """There is such a note."""


class Notes(Repository[Note]):
    model = Note
    not_found = NoteNotFound
    eager = (Note.notebook,)

    async def list_of(self, *, after: Position | None, limit: int) -> Page[Note]:
        return await self.page(select(Note), after=after, limit=limit)

    def refusal(self, row: Note, constraint: str | None) -> DomainError | None:
        return NoteTaken(row.text) if constraint == "ix_test_notes_text" else None


class LabelledNotes(Notes):
    eager = (Note.labels,)  # type: ignore[assignment]


class Leaf(Model):
    """It cannot do without its notebook."""

    __tablename__ = "test_leaves"

    notebook_id: Mapped[UUID] = mapped_column(ForeignKey(Notebook.id))
    notebook: Mapped[Notebook | None] = relationship(lazy="raise", init=False)


class Notebooks(Repository[Notebook]):
    model = Notebook


class NotebookUnknown(Invalid):
    """There is no such notebook."""

    def __init__(self) -> None:
        super().__init__("There is no such notebook.")


class Leaves(Repository[Leaf]):
    model = Leaf
    eager = (Leaf.notebook,)
    unknown = (("notebook_id", NotebookUnknown),)


class Tiding(Followed, Model):
    """What clients are told of as it comes."""

    __tablename__ = "test_tidings"

    text: Mapped[str]


class Tidings(Repository[Tiding]):
    model = Tiding


TABLES = [
    *(each.metadata.tables[each.__tablename__] for each in (Notebook, Label, Note)),
    LABELS,
    *(each.metadata.tables[each.__tablename__] for each in (Leaf, Tiding)),
]


async def store(database: Database, *texts: str) -> list[Note]:
    async with database.unit_of_work() as unit:
        return [await Notes(unit.session).add(Note(text=text)) for text in texts]
