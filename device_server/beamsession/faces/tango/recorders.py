"""The recorders of a beamline behind Tango: one as it is, several as a team."""

from __future__ import annotations

from beamsession.config import Beamline
from beamsession.faces.tango.recorder_client import TangoRecorder
from beamsession.model.abridged import digest_of
from beamsession.model.ports import RecorderPort
from beamsession.team import RecorderTeam


def tango_recorders(beamline: Beamline) -> RecorderPort:
    """What records for `beamline`; nothing is connected yet."""
    digest_of(beamline.readings)  # Found out now, the first run need not wait for it.
    clients = {recorder.name: TangoRecorder(recorder.address) for recorder in beamline.all_recorders}
    if len(clients) == 1:
        return next(iter(clients.values()))
    return RecorderTeam(beamline.instrument.name, clients)
