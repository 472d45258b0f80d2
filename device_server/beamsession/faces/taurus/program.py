"""The program around the panel: one window."""

from __future__ import annotations

import logging
import os
import signal
import sys

_QT = "pyside6"
_log = logging.getLogger(__name__)


def run_panel(address: str) -> int:
    """Show the panel of this manager until its window is closed; the exit code. ImportError where Taurus is missing."""
    os.environ.setdefault("QT_API", _QT)
    from taurus.qt.qtgui.application import TaurusApplication

    from beamsession.faces.taurus.qt import QtCore
    from beamsession.faces.taurus.session_panel import SessionPanel

    application = TaurusApplication(["beamsession"], cmd_line_parser=None, app_name="beamsession")
    sys.excepthook = _log_only
    # Qt's objects must not be freed in one of Tango's threads. It takes the Qt that is there, so it is imported last.
    from pyqtgraph.util.garbage_collector import GarbageCollector

    collector = GarbageCollector()
    panel = SessionPanel()
    panel.setModel(address)
    panel.show()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: application.quit())
    beat = QtCore.QTimer()  # lets Python see the signals
    beat.timeout.connect(lambda: None)
    beat.start(200)
    code = int(application.exec())
    collector.timer.stop()
    all_ended = panel.stop(5.0)
    sys.stdout.flush()
    sys.stderr.flush()
    if not all_ended:  # a call that never returns must not meet the end of the interpreter
        os._exit(code)
    return code


def _log_only(kind: type[BaseException], fault: BaseException, where: object) -> None:
    _log.error("The panel failed", exc_info=(kind, fault, where))  # pyright: ignore[reportArgumentType]
