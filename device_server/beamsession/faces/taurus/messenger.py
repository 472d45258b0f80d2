"""The only way from another thread to a widget."""

from __future__ import annotations

import contextlib

from beamsession.faces.taurus.qt import QtCore, Signal


class Messenger(QtCore.QObject):
    """Whatever thread calls `tell`, those connected to `came` are called in the window's own thread."""

    came = Signal(object)

    def tell(self, news: object) -> None:
        """Hand `news` over; it is dropped where the window is gone already."""
        with contextlib.suppress(RuntimeError):
            self.came.emit(news)
