"""Where a folder of ours is on the IOC's host."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

_DRIVE = re.compile(r"^[A-Za-z]:")


def folder_on_ioc(folder: Path, data_root: Path, root_on_ioc: str | None) -> str:
    """`folder` with its final separator, as areaDetector's FilePath wants it.

    `root_on_ioc` stands for `data_root`; one with a drive letter or a backslash is a Windows path.
    """
    if root_on_ioc is None:
        return f"{folder}/"
    below = folder.relative_to(data_root).parts
    if _DRIVE.match(root_on_ioc) or "\\" in root_on_ioc:
        return f"{PureWindowsPath(root_on_ioc, *below)}\\"
    return f"{PurePosixPath(root_on_ioc, *below)}/"


def same_folder(told: str, folder: str) -> bool:
    """Whether the IOC's FilePath_RBV is `folder`; it may add or turn separators."""
    return _plain(told) == _plain(folder)


def _plain(path: str) -> str:
    return path.replace("\\", "/").rstrip("/")
