"""What the databases complain of, told in the family of errors."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from beamsession.model.errors import BeamsessionError, ConflictError, UnavailableError

_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SQLITE_REMEDIES = {
    "SQLITE_FULL": "Free some space on its disk, then try again.",
    "SQLITE_READONLY": "Give this account write permission on the file and its folder, then try again.",
    "SQLITE_CANTOPEN": "Check that the folder exists and that this account may use it.",
    "SQLITE_IOERR": "Check its disk (full, failing, or a network disk that is gone), then try again.",
    "SQLITE_CORRUPT": "Restore the file from a backup, or rebuild the store from the data folders.",
    "SQLITE_NOTADB": "The configured file is not a store: correct the configuration.",
}
_POSTGRES_BUSY = ("55P03", "40P01", "40001")
_POSTGRES_REMEDIES = {
    "08": "Check that the database server runs and can be reached.",
    "25006": "The database takes no writes (a standby?): configure the primary server.",
    "53": "Give the database server disk space, memory or connections, then try again.",
    "57": "The database server is going down or coming up: try again when it is up.",
    "58": "Look at the database server's log and its disk.",
}
_UNREACHABLE = "Check that the database server runs and that its address and password are right."


@contextmanager
def translated() -> Generator[None]:
    """Raise errors of the database that are not ours as UnavailableError or ConflictError; leave the rest.

    A value that cannot be stored (NaN in JSON, a naive time) is the ValueError or TypeError that says so.
    """
    try:
        yield
    except PoolTimeoutError as fault:
        raise _busy(str(fault)) from fault
    except IntegrityError as fault:
        raise ConflictError(
            "Another record stands in the way of this change.",
            value=_first_line(fault),
            remedy="Look at the present state and ask again.",
        ) from fault
    except DBAPIError as fault:
        error = _translate(fault)
        if error is None:
            raise
        raise error from fault
    except StatementError as fault:
        if isinstance(fault.orig, (ValueError, TypeError)):
            raise fault.orig from fault
        raise


def _translate(fault: DBAPIError) -> BeamsessionError | None:
    cause = fault.orig
    sqlite_name = str(getattr(cause, "sqlite_errorname", None) or "")
    sqlstate = str(getattr(cause, "sqlstate", None) or "")
    if sqlite_name.startswith(_SQLITE_BUSY) or sqlstate in _POSTGRES_BUSY:
        return _busy(_first_line(fault))
    for prefix, remedy in _SQLITE_REMEDIES.items():
        if sqlite_name.startswith(prefix):
            return _unavailable(fault, remedy)
    for prefix, remedy in _POSTGRES_REMEDIES.items():
        if sqlstate.startswith(prefix):
            return _unavailable(fault, remedy)
    if fault.connection_invalidated or (
        not sqlite_name and not sqlstate and type(cause).__name__ == "OperationalError"
    ):
        return _unavailable(fault, _UNREACHABLE)
    return None


def _busy(value: str) -> UnavailableError:
    return UnavailableError(
        "The store is busy: another program holds it.",
        code="STORE_BUSY",
        value=value,
        remedy="Try again; if it stays so, look for a program that keeps a change open.",
    )


def _unavailable(fault: DBAPIError, remedy: str) -> UnavailableError:
    cause = _first_line(fault)
    return UnavailableError(
        f"The store cannot be used: {cause}. Nothing was changed.", code="STORE_UNAVAILABLE", value=cause, remedy=remedy
    )


def _first_line(fault: DBAPIError) -> str:
    return next(iter(str(fault.orig).strip().splitlines()), type(fault.orig).__name__)
