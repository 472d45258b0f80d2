"""Sessions of another program, as scripts see them once they are imported."""

from __future__ import annotations

import json

import pytest

from beamsession.sessions import session_get_file_list, session_get_runs
from scripting_rig import ScriptingRig

START = 1_611_838_800_000


@pytest.mark.parametrize(("mode", "is_listed"), [("On", True), ("Files", False)])
def test_the_runs_of_a_session_of_files_stay_out_of_the_list_of_files(
    rig: ScriptingRig, mode: str, is_listed: bool
) -> None:
    folder = rig.folder / f"elsewhere-{mode}"
    (folder / "1").mkdir(parents=True)
    data, notes = folder / "scan.h5", folder / "notes.txt"
    data.write_bytes(b"measured")
    notes.write_bytes(b"written")
    run = {"data": "scan.h5", "start": START, "stop": START + 1000, "state": "completed"}
    info = {"id": 1, "name": "old", "start": START, "stop": START + 2000, "state": "completed", "root": str(folder)}
    (folder / "1" / "info.json").write_text(json.dumps(info | {"mode": mode, "runs": [run], "files": ["notes.txt"]}))
    job = rig.ended(rig.call("session_import", path=str(folder)))
    (imported,) = job.result["imported"]
    number = imported["session"]

    assert [item["enabled"] for item in session_get_runs(number)] == [is_listed]
    listed = session_get_file_list(number)
    assert str(notes) in listed
    assert (str(data) in listed) == is_listed
