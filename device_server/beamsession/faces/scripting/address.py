"""Which SessionManager a script means: what it said, its environment, or the only one in the Tango database."""

from __future__ import annotations

import os
import re

import tango

from beamsession.faces.tango.text import transport_error
from beamsession.model.errors import InvalidInputError, NotFoundError
from beamsession.model.names import shortened

_CLASS = "SessionManager"
_ADDRESS = re.compile(r"(?P<host>tango://[^\s/#]+:\d+/)?([^\s/#:]+/){2}[^\s/#:]+(#dbase=(yes|no))?", re.IGNORECASE)
_SAY_WHICH = 'Say which with use("tango://host:port/domain/family/member"), or set BEAMSESSION_DEVICE.'


def checked(device: str) -> str:
    """`device` without blanks around it if it is the form of a Tango device's address; InvalidInputError BAD_DEVICE."""
    device = device.strip()
    if not _ADDRESS.fullmatch(device):
        raise InvalidInputError(
            f"'{shortened(device)}' is not the address of a Tango device.",
            code="BAD_DEVICE",
            value=shortened(device),
            remedy='Give "domain/family/member" or "tango://host:port/domain/family/member".',
        )
    return device


def resolved(device: str) -> str:
    """The address to ask: `device`, else BEAMSESSION_DEVICE, else the only manager that its database knows running.

    Raises InvalidInputError (BAD_DEVICE, NO_TANGO_HOST, SEVERAL_MANAGERS), NotFoundError (NO_MANAGER), and
    UnavailableError TANGO_DATABASE where the database does not answer.
    """
    device = device or os.environ.get("BEAMSESSION_DEVICE", "")
    if device:
        found = _ADDRESS.fullmatch(checked(device))
        if not (found and found["host"]):
            _tango_host()
        return checked(device)
    return _only_manager(_tango_host())


def _tango_host() -> str:
    host = tango.ApiUtil.get_env_var("TANGO_HOST")
    if not host:
        raise InvalidInputError(
            "No Tango database is known here.",
            code="NO_TANGO_HOST",
            remedy=f"Set TANGO_HOST to HOST:PORT of the beamline's database. {_SAY_WHICH}",
        )
    return host


def _only_manager(host: str) -> str:
    try:
        with tango.EnsureOmniThread():
            managers = sorted(tango.Database().get_device_exported_for_class(_CLASS))
    except tango.DevFailed as fault:
        raise transport_error(
            fault,
            who=f"The Tango database {host}",
            code="TANGO_DATABASE",
            remedy="Look whether it runs, and whether TANGO_HOST is right.",
        ) from fault
    if not managers:
        raise NotFoundError(
            f"No {_CLASS} runs that the Tango database {host} knows of.",
            code="NO_MANAGER",
            value=host,
            remedy=f"Start it. If it runs elsewhere: {_SAY_WHICH}",
        )
    if len(managers) > 1:
        raise InvalidInputError(
            f"The Tango database {host} knows several session managers: {', '.join(managers)}.",
            code="SEVERAL_MANAGERS",
            value=managers,
            remedy=_SAY_WHICH,
        )
    return managers[0]
