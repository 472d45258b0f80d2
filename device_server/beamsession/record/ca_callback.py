"""What EPICS' Channel Access library calls back with, as its headers have it (cadef.h, caerr.h)."""

from __future__ import annotations

import ctypes
from ctypes import c_int, c_long, c_void_p

NORMAL = 1
"""ECA_NORMAL: the request was done."""
EPICS_EPOCH_S = 631_152_000
"""The beginning of EPICS time, s since 1970."""


class CaEvent(ctypes.Structure):
    """struct event_handler_args: a value, or what became of the request for it."""

    _fields_ = [
        ("user", c_void_p),
        ("channel", c_void_p),
        ("type", c_long),
        ("count", c_long),
        ("data", c_void_p),
        ("status", c_int),
    ]


OnCaEvent = ctypes.CFUNCTYPE(None, CaEvent)
"""A Python function as the library wants it; it must be kept as long as the library may call it."""
