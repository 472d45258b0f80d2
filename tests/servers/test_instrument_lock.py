"""One writer for each instrument, over all processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from beamsession.model.errors import UnavailableError
from beamsession.store.instrument_lock import InstrumentLock

_HOLDER = """
import sys
from pathlib import Path
from beamsession.store.instrument_lock import InstrumentLock
lock = InstrumentLock(Path(sys.argv[1]), "beamline")
print("held", flush=True)
sys.stdin.read()
"""


def test_the_holder_is_named_and_its_death_sets_the_instrument_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UnavailableError) as locked:
            InstrumentLock(tmp_path, "beamline")
        holder.kill()
    assert (locked.value.code, locked.value.value) == ("INSTRUMENT_LOCKED", str(holder.pid))
    assert f"the process {holder.pid} already" in locked.value.sentence
    with InstrumentLock(tmp_path, "beamline") as lock:
        assert lock.path.read_text() == str(os.getpid())


def test_instruments_do_not_lock_each_other(tmp_path: Path) -> None:
    with (
        InstrumentLock(tmp_path, "one"),
        InstrumentLock(tmp_path / "new folder", "one"),
        InstrumentLock(tmp_path, "two"),
    ):
        pass


def test_a_holder_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    held = InstrumentLock(tmp_path, "beamline")
    threading.Timer(0.2, held.release).start()
    began = time.monotonic()
    InstrumentLock(tmp_path, "beamline", wait_s=30).release()
    assert 0.1 < time.monotonic() - began < 30
