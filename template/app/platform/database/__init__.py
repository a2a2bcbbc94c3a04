"""PostgreSQL: connections, transactions, and what tables and repositories share."""

from app.platform.database.database import Database, Stage, UnitEnded, UnitOfWork
from app.platform.database.model import Base, Model, Versioned
from app.platform.database.repository import Page, Repository
from app.platform.database.settings import DatabaseAlone, DatabaseSettings
from app.platform.database.sorting import Position

__all__ = [
    "Base",
    "Database",
    "DatabaseAlone",
    "DatabaseSettings",
    "Model",
    "Page",
    "Position",
    "Repository",
    "Stage",
    "UnitEnded",
    "UnitOfWork",
    "Versioned",
]
