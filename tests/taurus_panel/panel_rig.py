"""A panel that is clicked at, before a real manager, a recorder and two simulated detectors."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beamsession.faces.taurus.caller import ManagerCaller
from beamsession.model.errors import WrongStateError
from beamsim.running import Beamline
from manager_server import DEVICE, RECORDER, Server, free_port, manager, recorder, trl

if TYPE_CHECKING:
    from PySide6 import QtWidgets

    from beamsession.faces.taurus import SessionPanel

PATIENCE_S = 60.0
_CONFIG = """
state_dir = "{folder}/state"
[instrument]
name = "test"
[data]
root = "{folder}/data"
min_free_gib = 0
low_free_gib = 0
[tango]
manager = "{manager}"
recorder_url = "{recorder_url}"
[[detectors]]
name = "camera"
source = "pva"
pv = "{prefix}PVA1:Image"
acquire_pv = "{prefix}PVA1:Acquire"
frames_pv = "{prefix}PVA1:NumImages"
open_end_frames = 0
ring_mib = 16
[[detectors]]
name = "monitor"
source = "ca"
pv = "{prefix}CAM1:ArrayData"
width_pv = "{prefix}CAM1:SizeX_RBV"
height_pv = "{prefix}CAM1:SizeY_RBV"
id_pv = "{prefix}CAM1:UniqueId_RBV"
dtype = "uint16"
acquire_pv = "{prefix}CAM1:Acquire"
frames_pv = "{prefix}CAM1:NumImages"
open_end_frames = 0
ring_mib = 16
[[metadata.keys]]
name = "sample"
mandatory = true
default = "CeO2"
help = "The material in the beam"
[[metadata.keys]]
name = "technique"
choices = ["imaging", "diffraction"]
[[metadata.keys]]
name = "energy"
type = "Double"
default = 12.4
units = "keV"
[[metadata.keys]]
name = "scans"
type = "Integer"
[[metadata.keys]]
name = "aligned"
type = "Boolean"
[[metadata.keys]]
name = "filters"
type = "List"
[[metadata.keys]]
name = "setup"
type = "Map"
"""


class PanelBeamline:
    """The servers of one beamline."""

    def __init__(self, folder: Path, beamline: Beamline) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        port = free_port()
        config = folder / "beamline.toml"
        url = trl(port, RECORDER)
        text = _CONFIG.format(folder=folder, manager=DEVICE, recorder_url=url, prefix=beamline.prefix)
        config.write_text(text)
        self.recorder, self.manager = recorder(config, port), manager(config)
        self.address = trl(self.manager.port)

    @property
    def servers(self) -> tuple[Server, Server]:
        return self.recorder, self.manager

    def ask(self, verb: str, **arguments: Any) -> Any:
        """A verb's answer, as somebody at another place has it done."""
        return ManagerCaller(self.address).order(verb, **arguments)

    def close_session(self) -> None:
        """No session is open any more, and no alarm is left."""
        proxy = self.manager.proxy()
        if proxy.read_attribute("SessionId").value:  # pyright: ignore[reportAttributeAccessIssue]
            with contextlib.suppress(WrongStateError):  # it is completing already
                self.ask("session_complete")
        until = time.monotonic() + PATIENCE_S
        while proxy.read_attribute("SessionId").value:  # pyright: ignore[reportAttributeAccessIssue]
            assert time.monotonic() < until, "the session does not complete"
            time.sleep(0.02)
        self.ask("alarm_acknowledge")


@contextmanager
def panel_beamline(folder: Path, beamline: Beamline) -> Iterator[PanelBeamline]:
    """Both servers for the length of a block."""
    found = PanelBeamline(folder, beamline)
    try:
        for server in found.servers:
            server.start()
        found.recorder.proxy(RECORDER)
        found.manager.proxy()
        yield found
    finally:
        for server in reversed(found.servers):
            server.stop()


class Hand:
    """A person at the panel: clicks, types, and waits until something is seen."""

    def __init__(self, panel: SessionPanel) -> None:
        from PySide6 import QtTest, QtWidgets

        self.panel = panel
        self._test = QtTest.QTest
        self._widgets = QtWidgets

    def wait(self, what: str, seen: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
        """Let the window live until `seen()` is true."""
        until = time.monotonic() + patience_s
        while not (answer := seen()):
            assert time.monotonic() < until, f"waited in vain: {what}; the panel says: {self.said}"
            self._test.qWait(10)
        return answer

    def find(self, name: str) -> Any:
        """The widget of this name, in the panel or in a dialog before it."""
        found: list[Any] = self.panel.findChildren(self._widgets.QWidget, name)
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def click(self, name: str) -> None:
        """Click at it, as soon as it can be."""
        self.press(self.find(name))

    def press(self, button: QtWidgets.QAbstractButton) -> None:
        """Click at this button, as soon as it can be."""
        from PySide6 import QtCore

        self.wait(f"'{button.text()}' can be pressed ({button.toolTip()})", button.isEnabled)
        self._test.mouseClick(button, QtCore.Qt.MouseButton.LeftButton)

    def type(self, name: str, text: str) -> None:
        """Replace what stands in a line by `text`, key by key."""
        from PySide6 import QtCore

        line = self.find(name)
        self.wait(f"{name} can be typed into", line.isEnabled)
        line.selectAll()
        self._test.keyClick(line, QtCore.Qt.Key.Key_Delete)
        line.insert(text) if not text.isascii() else self._test.keyClicks(line, text)
        if not text.isascii():
            line.textEdited.emit(line.text())  # as an input method does: no key makes these letters

    def answer(self, text: str) -> None:
        """Press the button of this name in the question that was asked."""
        boxes: list[Any] = self.panel.findChildren(self._widgets.QMessageBox)
        box = self.wait("a question", lambda: next((box for box in boxes if box.isVisible()), None))
        self.press(next(button for button in box.buttons() if button.text() == text))

    @property
    def said(self) -> str:
        """What the panel says in its line."""
        return self.panel.message.message.text

    def state(self) -> tuple[str, str]:
        """SessionState and RunState as they are seen."""
        return self.panel.header.session.text(), self.panel.header.run.text()
