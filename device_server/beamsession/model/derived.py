"""Files that are made of a run's data and can be made again: where they are, and by what they are known as ours."""

from __future__ import annotations

import re
from pathlib import Path

from beamsession.model.run import Run

QUICK_LOOK_MARK = b"beamsession quick look"
"""In the first kilobyte of every file of a quick look."""
HEAD = 1024
LONG_LISTS = ("per_frame", "projections")
"""What the JSON file of a quick look tells of a detector and the result of its job leaves out."""
_COPY = "beamsession copy"
_COPY_END = re.compile(rb"\[beamsession copy [^\[\]]+\]\Z")
TAIL = 256
_QUICK_LOOK_FOLDER = re.compile(r"run_\d{4,}_quicklook")


def home_session(run: Run) -> int:
    """The session in whose folder the run was recorded or registered; it does not change when the run is moved."""
    return run.recorded_in or run.session_id


def stem_of(run: Run) -> str:
    """`run_0001`, by the number under which it was recorded or registered."""
    return f"run_{run.recorded_as or run.number:04d}"


def quick_look_folder(folder: Path, run: Run) -> Path:
    """Where the run's quick look is; `folder` is that of its home session."""
    return folder / f"{stem_of(run)}_quicklook"


def single_file(folder: Path, run: Run) -> Path:
    """Where the run's single-file copy is unless another place was named; `folder` is that of its home session."""
    return folder / f"{stem_of(run)}_single.nxs"


def copy_end(mark: str) -> bytes:
    """The last bytes of a single-file copy, behind what HDF5 reads: who made it, so that nobody else's is replaced."""
    return f"[{_COPY} {mark}]".encode()


def is_copy_end(tail: bytes) -> bool:
    """Whether a file that ends so is a single-file copy of ours."""
    return _COPY_END.search(tail) is not None


def is_quick_look_folder(name: str) -> bool:
    """Whether a folder of this name may hold a quick look."""
    return _QUICK_LOOK_FOLDER.fullmatch(name) is not None
