"""The worker's beamline with a site's ingestor, whose program each test writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beamsession.model.session import Session
from beamsession.model.states import IngestState, SessionState
from beamsim.scicat import Catalogue
from worker_rig import Rig, eventually

PID = "20.500.11935/7f9a1b2c-0d4e-4f8a-9b1c-2d3e4f5a6b7c"
STORES = f"echo {PID}"


class IngestorRig(Rig):
    """`table` is the configuration's [catalogue] table, in which @FOLDER@ stands for the place of the program."""

    def __init__(self, folder: Path, catalogue: Catalogue, table: str) -> None:
        self.program = folder / "bin" / "datasetIngestor"
        self.program.parent.mkdir()
        (folder / "ingestor.secret").write_text("ingestor:ingestor\n")
        super().__init__(folder, catalogue, has_catalogue=False, tables=table.replace("@FOLDER@", str(folder)))

    def program_is(self, shell: str) -> None:
        """Have the ingestor be this script; every call of it is noted with its words."""
        note = f'printf "%s\\037" "$@" >> "{self._notes}"; printf "\\036" >> "{self._notes}"'
        self._write(f'#!/bin/sh\n{note}\nPATH=/usr/bin:/bin\nmetadata="" listing=""\n{_LAST_TWO}\n{shell}\n')

    def program_is_the_stand_in(self) -> None:
        """Have it be the imitation of the real one."""
        api = f"{self.catalogue.url}/api/v3"
        words = f'-m beamsim.dataset_ingestor --scicat-url {api} --user "$SECRET" "$@"'
        self._write(f"#!/bin/sh\nshift\nexec {sys.executable} -P {words}\n")

    @property
    def calls(self) -> list[list[str]]:
        """The words of every call since `forget_calls`."""
        if not self._notes.exists():
            return []
        return [call.split("\037")[:-1] for call in self._notes.read_text().split("\036")[:-1]]

    def forget_calls(self) -> None:
        self._notes.unlink(missing_ok=True)

    def archived(self, session: Session) -> Session:
        """The session as it is once it is ARCHIVED."""

        def look() -> Session | None:
            ingest, found = self.store.ingest(session.id), self.store.session(session.id)
            assert ingest is None or ingest.state is not IngestState.PARKED, ingest
            return found if found.state is SessionState.ARCHIVED else None

        return self._told(session, look, "archived")

    def ingest_in(self, session: Session, state: IngestState) -> dict[str, Any]:
        """The ingest, as it is shown, once it is in this state."""

        def look() -> dict[str, Any] | None:
            shown = self.call("ingest_show", session=session.id)
            return shown if shown["state"] == state.value else None

        return self._told(session, look, state.value)

    def given(self, call: int = -1) -> tuple[dict[str, Any], list[str]]:
        """The contents of the two files that a call was given."""
        metadata, listing = (Path(word) for word in self.calls[call][-2:])
        return json.loads(metadata.read_text()), listing.read_text().splitlines()

    @property
    def _notes(self) -> Path:
        return self.folder / "calls.txt"

    def _write(self, text: str) -> None:
        new = self.program.with_name("new")
        new.write_text(text)
        new.chmod(0o755)
        new.replace(self.program)

    def _told(self, session: Session, look: Any, what: str) -> Any:
        try:
            return eventually(look, f"session {session.id} is {what}")
        except AssertionError as fault:
            raise AssertionError(f"{self.store.ingest(session.id)}\n{self.log()}") from fault


_LAST_TWO = 'for word in "$@"; do metadata="$listing" listing="$word"; done'


@contextmanager
def running_ingestor_rig(folder: Path, catalogue: Catalogue, table: str) -> Iterator[IngestorRig]:
    """Manager and worker for the length of a block."""
    rig = IngestorRig(folder, catalogue, table)
    try:
        rig.start_manager()
        rig.start_worker()
        yield rig
    finally:
        rig.close()
