"""What a database error means to a caller: come back later, or send other values."""

import socket
from traceback import walk_tb

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm.exc import StaleDataError

from app.platform.errors import Conflict, DomainError, Invalid, Unavailable

log = structlog.get_logger(__name__)

UNREACHABLE = (PoolExhausted, ConnectionError, TimeoutError, socket.gaierror)
_DRIVER = ("asyncpg", "sqlalchemy")
HANDLED = (*UNREACHABLE, DBAPIError, StaleDataError)

# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html
_REFUSED_VALUES = (
    "22000",  # what the driver cannot encode
    "22001",  # string too long
    "22003",  # number out of range
    "22007",  # no such date
    "22008",  # date out of range
    "22021",  # character that cannot be stored
    "22P05",  # character that cannot be translated
    "2201W",  # negative LIMIT
    "2201X",  # negative OFFSET
)
_PASSING = (
    "08",  # connection exceptions
    "40",  # serialization failures and deadlocks
    "53",  # out of connections, memory or disk
    "55P03",  # a lock was not granted in time
    "57",  # statement cancelled by its timeout, server shutting down or starting
    "25P03",  # idle in transaction for too long
    "25P04",  # transaction took too long
)


def translate(error: Exception) -> DomainError | None:
    """Name the refusal behind an error of the driver; None if it is a defect."""
    if isinstance(error, StaleDataError):
        return Conflict("It was changed by someone else at the same time.")
    sqlstate = _sqlstate(error)
    if sqlstate in _REFUSED_VALUES:
        log.warning("database.value_refused", error=_name(error), sqlstate=sqlstate)
        return Invalid("A value is outside the range that can be stored.")
    if _will_pass(error, sqlstate):
        log.warning("database.unavailable", error=_name(error), sqlstate=sqlstate)
        return Unavailable("The database cannot answer at the moment.")
    return None


def _will_pass(error: Exception, sqlstate: str) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or sqlstate.startswith(_PASSING)
    return isinstance(error, UNREACHABLE) and _is_of_the_driver(error)


def _is_of_the_driver(error: Exception) -> bool:
    """The driver passes on what the system raises, as any other code may do."""
    frames = walk_tb(error.__traceback__)
    names = (str(frame.f_globals.get("__name__")) for frame, _ in frames)
    return any(name.partition(".")[0] in _DRIVER for name in names)


def _sqlstate(error: Exception) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _name(error: Exception) -> str:
    return type(getattr(error, "orig", None) or error).__name__
