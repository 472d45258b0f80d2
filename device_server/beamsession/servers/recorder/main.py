"""The server `RunRecorder`: a Tango device over the recorder of the configured beamline.

`RunRecorder <instance> [Tango options]`. The beamline's TOML file is the device property ConfigFile, else the
environment variable BEAMSESSION_CONFIG.
"""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from pathlib import Path

from tango.server import run

from beamsession.config import Beamline, load
from beamsession.faces.tango.run_recorder import RunRecorder
from beamsession.model.errors import InvalidInputError
from beamsession.model.parts import MAIN_RECORDER
from beamsession.record.kinds import detector_of
from beamsession.record.recorder import Recorder
from beamsession.record.scalars import Scalars
from beamsession.servers.logs import log_to_stderr

_log = logging.getLogger(__name__)
_opened: list[Recorder] = []


def main() -> None:
    """Serve until SIGTERM, SIGINT or the admin device's Kill; a live run is then closed in order."""
    log_to_stderr()
    RunRecorder.open_recorder = staticmethod(open_recorder)
    try:
        run((RunRecorder,), args=["RunRecorder", *sys.argv[1:]])
    finally:
        for recorder in _opened:
            recorder.shutdown()


def open_recorder(device: str, config_file: str) -> Recorder:
    """The recorder for `device`. Raises ConfigError, InvalidInputError, RefusedError (JOURNAL_IN_USE)."""
    beamline = load(_config_path(config_file))
    # Client libraries read these when they are loaded, which happens in the child processes.
    os.environ.update(beamline.environment)
    name = _recorder_name(beamline, device)
    recorder = Recorder(
        device,
        {config.name: partial(detector_of, config) for config in beamline.detectors_of(name)},
        partial(_scalars, beamline) if name == MAIN_RECORDER else _no_scalars,
        beamline.state / "recorder" / device.lower().replace("/", "_"),
        readings=beamline.readings,
    )
    _opened.append(recorder)
    _log.info("%s records for %s", device, beamline.instrument.name)
    return recorder


def _scalars(beamline: Beamline) -> Scalars:
    from beamsession.record.readings.recorder import ReadingsRecorder

    return ReadingsRecorder(beamline.readings, beamline.constants, beamline.run.readings_waiting)


def _no_scalars() -> Scalars:
    from beamsession.record.readings.recorder import ReadingsRecorder

    return ReadingsRecorder((), ())


def _recorder_name(beamline: Beamline, device: str) -> str:
    """Which of the configured recorders `device` is; the only one is it whatever it is called."""
    if not beamline.recorders:
        return MAIN_RECORDER
    for recorder in beamline.all_recorders:
        if recorder.device.lower() == device.lower():
            return recorder.name
    devices = ", ".join(recorder.device for recorder in beamline.all_recorders)
    raise InvalidInputError(
        f"{device} is none of the configured recorders ({devices}).",
        code="BAD_CONFIG",
        value=device,
        remedy="Correct the device's name in [[recorders]] or in the Tango database.",
    )


def _config_path(config_file: str) -> Path:
    path = config_file or os.environ.get("BEAMSESSION_CONFIG", "")
    if not path:
        raise InvalidInputError(
            "No configuration file is named.",
            code="BAD_CONFIG",
            remedy="Set BEAMSESSION_CONFIG or the device property ConfigFile to the beamline's TOML file.",
        )
    return Path(path)
