"""Which file system holds a path, and whether data files can be written and followed there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(r"\\([0-7]{3})")
# Clients of these keep pages of their own for some time, or cannot map files: a reader of a file that is being written
# sees parts of it that do not fit each other. Lustre, GPFS, BeeGFS and CephFS keep their clients together.
_INCOHERENT = {
    "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "9p", "davfs", "fuse", "vboxsf", "prl_fs"
}  # fmt: skip
_FUSE = "fuse."
_POINT, _SOURCE = 4, 1  # fields of a line: before the dash, and after it
_COHERENT_FUSE = {"fuse.ceph", "fuse.ceph-fuse", "fuse.lxcfs", "fuse.fuse-overlayfs"}


@dataclass(frozen=True)
class Mount:
    """A mounted file system: where, of which type, from what (a device, `server:/export`)."""

    point: Path
    kind: str
    source: str

    @property
    def is_incoherent(self) -> bool:
        """Whether readers of a file that is being written may see what never was (HDF5: no SWMR there)."""
        return self.kind in _INCOHERENT or (self.kind.startswith(_FUSE) and self.kind not in _COHERENT_FUSE)


def mount_of(path: Path, mounts: Path = _MOUNTS) -> Mount | None:
    """The file system that holds `path` (symbolic links followed), or will; None where the system does not tell.

    Format: proc_pid_mountinfo(5). Of several file systems on one point the last one is seen.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    real = path.resolve()
    holding = [mount for line in lines if (mount := _parsed(line)) and real.is_relative_to(mount.point)]
    return max(reversed(holding), key=lambda mount: len(mount.point.parts), default=None)


def _parsed(line: str) -> Mount | None:
    before, separator, after = line.partition(" - ")
    fields, facts = before.split(" "), after.split(" ")
    if not separator or len(fields) <= _POINT or len(facts) <= _SOURCE:
        return None
    return Mount(Path(_unescaped(fields[_POINT])), facts[0], _unescaped(facts[_SOURCE]))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
