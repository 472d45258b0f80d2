"""Qt as Taurus has chosen it: PySide6, or what the program around the panel uses already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6 import QtCore, QtGui, QtWidgets
else:
    from taurus.external.qt import QtCore, QtGui, QtWidgets

Signal = QtCore.Signal

__all__ = ["QtCore", "QtGui", "QtWidgets", "Signal"]
