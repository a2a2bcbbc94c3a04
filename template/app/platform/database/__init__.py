"""PostgreSQL: connections, transactions, and what tables and repositories share."""

from app.platform.database.database import Database, Stage, UnitEnded, UnitOfWork
from app.platform.database.model import Base, Followed, Model, Owned, Versioned
from app.platform.database.postgresql import Json, unique_among_living
from app.platform.database.postgresql_text import words_index
from app.platform.database.repository import Repository
from app.platform.database.settings import DatabaseSettings
from app.platform.database.sorting import Page, Position

__all__ = [
    "Base",
    "Database",
    "DatabaseSettings",
    "Followed",
    "Json",
    "Model",
    "Owned",
    "Page",
    "Position",
    "Repository",
    "Stage",
    "UnitEnded",
    "UnitOfWork",
    "Versioned",
    "unique_among_living",
    "words_index",
]
