"""How the command line has a verb done: by the running server, or itself where there is none."""

from __future__ import annotations

import getpass
import os
import uuid
from typing import Any

import tango

from beamsession.config import TangoTable, load
from beamsession.faces.cli.place import Location
from beamsession.faces.tango.manager_client import TangoManager
from beamsession.faces.tango.recorder_client import TangoRecorder
from beamsession.model.errors import UnavailableError
from beamsession.model.principal import Caller, Principal
from beamsession.model.verb import Place
from beamsession.store import Store
from beamsession.store.instrument_lock import InstrumentLock
from beamsession.verbs import REGISTRY
from beamsession.verbs.dispatch import Dispatcher

_UNREACHABLE = "MANAGER_UNREACHABLE"
_NOWHERE = "127.0.0.1:1"  # where no database is named, the Tango library complains on stderr by itself


def do(location: Location, verb: str, arguments: dict[str, Any]) -> Any:
    """The verb's answer, asked for as the user who is logged in.

    The server is asked first. Without one, and with a configuration file, the verb is done here: reading needs
    nothing, changing takes the instrument's lock. Raises what the verb raises, or UnavailableError.
    """
    caller = Caller(Principal(getpass.getuser()), "cli", uuid.uuid4().hex)
    configured = load(location.config).tango if location.config else TangoTable()
    device = location.device or configured.manager
    if not tango.ApiUtil.get_env_var("TANGO_HOST"):
        os.environ["TANGO_HOST"] = configured.host or _NOWHERE
    try:
        return TangoManager(device).call(
            verb, arguments, principal=caller.principal, face=caller.face, request_id=caller.request_id
        )
    except UnavailableError as error:
        if error.code != _UNREACHABLE or location.config is None:
            raise
    return _do_here(location, verb, arguments, caller)


def _do_here(location: Location, verb: str, arguments: dict[str, Any], caller: Caller) -> Any:
    assert location.config is not None
    beamline = load(location.config)
    caller = Caller(Principal(caller.principal.name, beamline.operator.role), caller.face, caller.request_id)
    instrument = beamline.instrument_value()
    recorder = TangoRecorder(beamline.tango.recorder_url or beamline.tango.recorder)
    if REGISTRY[verb].place is Place.STORE:
        store = Store.open(beamline.store_url, migrate=False)
        try:
            return Dispatcher(instrument, store, recorder, log_refusals=False).call(verb, arguments, caller)
        finally:
            store.close()
    with InstrumentLock(beamline.state, instrument.name):
        store = Store.open(beamline.store_url)
        try:
            return Dispatcher(instrument, store, recorder).call(verb, arguments, caller)
        finally:
            store.close()
