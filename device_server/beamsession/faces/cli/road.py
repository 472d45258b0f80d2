"""How the command line has a verb done: by the running server, or itself where there is none.

Nothing is imported for a road that is not taken: the Tango library and the database each take a noticeable time.
"""

from __future__ import annotations

import os
import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Any

from beamsession.faces.cli.place import Location
from beamsession.model.errors import UnavailableError
from beamsession.model.principal import Caller, Principal
from beamsession.model.verb import Place
from beamsession.user_name import user_name

if TYPE_CHECKING:
    from beamsession.config import Beamline
    from beamsession.faces.tango.manager_client import TangoManager

_UNREACHABLE = "MANAGER_UNREACHABLE"
_NOWHERE = "127.0.0.1:1"  # where no database is named, the Tango library complains on stderr by itself


class Road:
    """The way to one beamline; `by_server` tells after each answer whether the server gave it."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self.by_server = False

    def ask(self, verb: str, arguments: dict[str, Any]) -> Any:
        """The verb's answer, asked for as the user who is logged in.

        The server is asked first. Without one, and with a configuration file, the verb is done here: reading needs
        nothing, changing takes the instrument's lock. Raises what the verb raises, or UnavailableError.
        """
        caller = Caller(Principal(user_name()), "cli", uuid.uuid4().hex)
        try:
            answer = self._ask_server(verb, arguments, caller)
        except UnavailableError as error:
            if error.code != _UNREACHABLE or self._location.config is None:
                raise
        else:
            self.by_server = True
            return answer
        self.by_server = False
        return _do_here(self._beamline, verb, arguments, caller)

    def _ask_server(self, verb: str, arguments: dict[str, Any], caller: Caller) -> Any:
        return self._manager.call(
            verb, arguments, principal=caller.principal, face=caller.face, request_id=caller.request_id
        )

    def device(self) -> str:
        """The session manager's device, in the Tango database that TANGO_HOST names from now on."""
        import tango

        device, host = self._location.device, ""
        if not device or not tango.ApiUtil.get_env_var("TANGO_HOST"):
            configured = self._beamline.tango if self._location.config else None
            device = device or (configured.manager if configured else "")
            host = (configured.host if configured else None) or ""
        if not tango.ApiUtil.get_env_var("TANGO_HOST"):
            os.environ["TANGO_HOST"] = host or _NOWHERE
        return device

    @cached_property
    def _manager(self) -> TangoManager:
        from beamsession.faces.tango.manager_client import TangoManager

        return TangoManager(self.device())

    @cached_property
    def _beamline(self) -> Beamline:
        from beamsession.config import load

        assert self._location.config is not None
        return load(self._location.config)


def _do_here(beamline: Beamline, verb: str, arguments: dict[str, Any], caller: Caller) -> Any:
    from beamsession.archive.high_water import last_id
    from beamsession.faces.tango.recorders import tango_recorders
    from beamsession.store import Store
    from beamsession.store.instrument_lock import InstrumentLock
    from beamsession.verbs import REGISTRY
    from beamsession.verbs.dispatch import Dispatcher

    caller = Caller(Principal(caller.principal.name, beamline.operator.role), caller.face, caller.request_id)
    instrument = beamline.instrument_value()
    recorder = tango_recorders(beamline)
    if REGISTRY[verb].place is Place.STORE:
        store = Store.open(beamline.store_url, migrate=False)
        try:
            return Dispatcher(instrument, store, recorder, id_floor=0, log_refusals=False).call(verb, arguments, caller)
        finally:
            store.close()
    with InstrumentLock(beamline.state, instrument.name):
        floor = last_id(instrument.data_root)
        store = Store.open(beamline.store_url)
        try:
            return Dispatcher(instrument, store, recorder, id_floor=floor).call(verb, arguments, caller)
        finally:
            store.close()
