"""Threads that take only what nobody else wants: the lowest priority, and the disk when it is idle."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import threading

log = logging.getLogger(__name__)
_NICE = 19
# linux/ioprio.h: the class in the upper three bits of sixteen; who 1 is one thread, 0 the one that asks.
_IDLE_CLASS = 3 << 13
_ONE_THREAD = 1
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}


def calm_down() -> None:
    """Make the calling thread the last in every queue. Linux has priorities by thread; elsewhere nothing happens."""
    number = _IOPRIO_SET.get(platform.machine())
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    except OSError as fault:
        log.warning("a thread keeps its priority: %s", fault.strerror)
    if number is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, _ONE_THREAD, 0, _IDLE_CLASS) != 0:
        log.warning("a thread keeps its priority on the disk: %s", os.strerror(ctypes.get_errno()))
