"""`python -m beamsession.servers.worker.engine_child WORK`: work on HDF5 files that must not harm the worker.

The order comes as one JSON line on standard input, which stays open as long as the worker lives: at its end this
process ends at once. On standard output there is a JSON line for each thing told: `{"share"}` or `{"needs"}` on the
way, and at last `{"result"}` or `{"error"}`.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.model.plain import plain
from beamsession.model.quick_look import QuickLookConfig

Tell = Callable[[dict[str, Any]], None]
_NICE = 10
_MIB = 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> int:
    """Do the work that the command line names; 0 also where that ended in an error that was told."""
    # What a library prints must not come between our lines.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.buffer.readline())
    Thread(target=_end_with_the_worker, daemon=True).start()
    os.nice(_NICE)  # A run may be recorded at this moment.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def tell(what: dict[str, Any]) -> None:
        lines.write(json.dumps(what) + "\n")
        lines.flush()

    try:
        tell({"result": _WORKS[sys.argv[1]](order, tell)})
    except BeamsessionError as fault:
        tell({"error": fault.as_json()})
    except MemoryError:
        tell({"error": _no_memory().as_json()})
    except (OSError, RuntimeError) as fault:
        tell({"error": _disk_fault(fault).as_json()})
    return 0


def _quick_look(order: dict[str, Any], tell: Tell) -> dict[str, Any]:
    options = QuickLookConfig.model_validate(order["options"])
    limit = options.memory_mib * _MIB
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    from beamsession.quicklook.look import make_quick_look  # after the limit, and only where it is needed

    made = make_quick_look(
        Path(order["master"]),
        Path(order["folder"]),
        order["stem"],
        order["run"],
        options,
        lambda share: tell({"share": share}),
    )
    return plain(made)


def _pack(order: dict[str, Any], tell: Tell) -> dict[str, Any]:
    from beamsession.archive.single_file import bytes_to_copy, copy_run

    master, part = Path(order["master"]), Path(order["part"])
    needs = bytes_to_copy(master)
    free = shutil.disk_usage(part.parent).free
    if free < needs + order["spare"]:
        raise RefusedError(
            f"The copy needs {needs} bytes and {order['spare']} are to stay free, but {part.parent} has {free}.",
            code="DISK_FULL",
            value=str(part.parent),
            remedy="Make space on that disk or name a file on another one, then ask again.",
        )
    tell({"needs": needs})
    return plain(copy_run(master, part, name=order["name"], end=order["end"].encode()))


_WORKS: dict[str, Callable[[dict[str, Any], Tell], dict[str, Any]]] = {"quick_look": _quick_look, "pack": _pack}


def _end_with_the_worker() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


def _no_memory() -> RefusedError:
    return RefusedError(
        "There is not enough memory for frames of this size.",
        code="NO_MEMORY",
        remedy="Raise quick_look.memory_mib in the configuration if the host has more.",
    )


def _disk_fault(fault: Exception) -> RefusedError:
    text = " ".join(str(fault).split())
    if getattr(fault, "errno", None) in _FULL or "No space left on device" in text:
        return RefusedError(
            f"The disk became full: {text}.",
            code="DISK_FULL",
            remedy="Make space on that disk or name a file on another one, then ask again.",
        )
    return RefusedError(
        f"A file cannot be read or written: {text}.",
        code="FILE_FAULT",
        remedy="Look at the run's files and their disk.",
    )


if __name__ == "__main__":
    sys.exit(main())
