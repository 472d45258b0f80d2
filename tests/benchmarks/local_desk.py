"""What stands behind a manager's commands, in this process: store, verbs, view, and a recorder without detectors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from beamsession.model.instrument import Instrument
from beamsession.model.plan import InstrumentFacts
from beamsession.model.ports import RecorderPort
from beamsession.model.principal import Caller, Principal
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.servers.manager.projector import Projector
from beamsession.store import Store
from beamsession.verbs.dispatch import Dispatcher

_PATIENCE_S = 60.0
_OPERATOR = Principal("operator")


class LocalDesk:
    """Verbs of the instrument of one store, whose data are in `data_root`."""

    def __init__(self, name: str, store: Store, data_root: Path, recorder: RecorderPort) -> None:
        data_root.mkdir(exist_ok=True)
        self.store = store
        self.instrument = Instrument(
            facts=InstrumentFacts(name=name), data_root=data_root, has_catalogue=True, ingest_on_complete=True
        )
        self._dispatcher = Dispatcher(self.instrument, store, recorder, id_floor=0)
        self.projector = Projector(self.instrument, store)
        self.projector.load()

    def ask(self, verb: str, **arguments: Any) -> Any:
        """The answer of a verb that reads."""
        return self._dispatcher.call(verb, arguments, Caller(_OPERATOR, "tango"))

    def change(self, verb: str, **arguments: Any) -> Any:
        """The answer of a verb that changes something, once the view shows it: what a client waits for."""
        answer = self._dispatcher.call(verb, arguments, Caller(_OPERATOR, "tango", uuid.uuid4().hex))
        self.projector.follow()
        return answer

    def new_files(self, number: int) -> list[str]:
        """Paths of so many new empty files in the folder of the open session."""
        session = self.projector.view.session
        assert session is not None, "files are made for an open session"
        folder = self.instrument.data_root / session.folder
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{uuid.uuid4().hex}.h5" for _ in range(number)]
        for path in paths:
            path.touch()
        return [str(path) for path in paths]


@contextmanager
def open_desk(name: str, database: Path, recorder: RecorderPort) -> Iterator[LocalDesk]:
    """A desk over the store in the file `database`; its data lie beside it."""
    store = Store.open(f"sqlite:///{database}", patience=_PATIENCE_S)
    try:
        yield LocalDesk(name, store, database.with_suffix(".data"), recorder)
    finally:
        store.close()


@contextmanager
def idle_recorder(folder: Path) -> Iterator[Recorder]:
    """A recorder that answers questions about disk and files."""
    recorder = Recorder("bench", {}, partial(ReadingsRecorder, (), ()), folder)
    try:
        until = time.monotonic() + _PATIENCE_S
        while recorder.report().problems:
            if time.monotonic() > until:
                raise TimeoutError("the recorder of the benchmark does not become ready")
            time.sleep(0.01)
        yield recorder
    finally:
        recorder.shutdown()
