"""The pictures of the Taurus panel in the how-to: `python -m docs.generate.panel_pictures` draws them again.

A simulated beamline is started for them, with a session on it; nothing is shown on a display.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from beamsession.model.situation import Command

IMAGES = Path(__file__).parents[1] / "images"
SIZE = (1180, 800)
_PATIENCE_S = 120.0
_OPTIONS = ("--simulator=--size-x=512", "--simulator=--size-y=512", "--simulator=--rate=10")


@contextmanager
def _beamline(state: Path) -> Iterator[str]:
    """A simulated beamline; the address of its session manager."""
    ready = state / "ready-for-pictures.json"
    command = [sys.executable, "-m", "beamsession.servers.up", "--simulate", "--state", str(state)]
    with (state / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--ready-file", str(ready), *_OPTIONS], stdout=log, stderr=log)
    try:
        _await("the beamline", ready.exists)
        told = json.loads(ready.read_text(encoding="utf-8"))
        yield f"tango://{told['tango_host']}/{told['session_managers'][0]}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _await(what: str, reached: Callable[[], Any], beat: Callable[[], Any] = lambda: time.sleep(0.1)) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not reached():
        if time.monotonic() > until:
            raise TimeoutError(what)
        beat()


def draw(address: str) -> None:
    """Both pictures."""
    from PySide6 import QtTest, QtWidgets

    from beamsession.faces.taurus import SessionPanel
    from beamsession.faces.taurus.caller import ManagerCaller

    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    manager, panel = ManagerCaller(address), SessionPanel()
    panel.setModel(address)
    panel.resize(*SIZE)
    panel.show()

    def see(what: str, seen: Callable[[], Any]) -> None:
        _await(what, seen, lambda: QtTest.QTest.qWait(20))

    def ended() -> bool:
        return panel.scene.run_state.is_verdict

    see("the panel", lambda: panel.scene.connected)
    metadata = {"sample": "CeO2", "technique": "diffraction", "energy": 12.4, "aligned": True}
    manager.order("session_start", name="align", title="Ceria, Łukasz 2θ", proposal="p12345", metadata=metadata)
    for title, frames in (("dark", 5), ("flat", 8)):
        manager.order("run_start", frames=frames, title=title)
        see(title, lambda title=title: panel.scene.runs and panel.scene.runs[0]["title"] == title and ended())
    panel.run.frames.setValue(200)
    panel.run.run_title.setText("2θ from 5 to 60")
    panel.orders.give(Command.START_RUN)
    see("a live picture", lambda: panel.picture.shown and panel.picture.shown.number > 30)
    _save(panel, "taurus-panel.png")

    manager.order("run_abort")
    see("the verdict", ended)
    for name, text in (("energy", "12.7"), ("filters", "[0.5, 1")):
        line = panel.metadata.findChild(QtWidgets.QLineEdit, f"field:{name}")
        assert line is not None
        line.clear()
        QtTest.QTest.keyClicks(line, text)
    manager.order("metadata_set", values={"energy": 12.658})
    see("the other's change", lambda: panel.metadata.form.contested)
    see("its picture", lambda: panel.picture.shown)
    panel.orders.comment(" ")
    see("the refusal", lambda: not panel.orders.busy)
    QtTest.QTest.qWait(700)
    _save(panel, "taurus-panel-form.png")
    panel.close()
    panel.stop(10)
    manager.order("session_complete")
    application.processEvents()


def _save(panel: Any, name: str) -> None:
    """With 160 colours, which makes it a third as large."""
    whole = IMAGES / name
    panel.grab().save(str(whole))
    with Image.open(whole) as picture:
        small = picture.convert("RGB").quantize(160, dither=Image.Dither.NONE)
    small.save(whole, optimize=True)


def main() -> None:
    """Draw them into docs/images."""
    os.environ |= {"QT_API": "pyside6", "QT_QPA_PLATFORM": "offscreen"}
    os.environ.pop("TANGO_HOST", None)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, _beamline(Path(folder)) as address:
        draw(address)


if __name__ == "__main__":
    main()
