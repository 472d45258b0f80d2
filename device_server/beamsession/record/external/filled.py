"""The data file that a plugin fills: made exclusively before it, looked at and dressed after it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import h5py
import numpy as np

from beamsession.model.data_layout import DataLayout
from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.model.plan import FileRules
from beamsession.record.datafile import reserve
from beamsession.record.folders import dress
from beamsession.record.nexus.objects import LIBRARY_VERSIONS

_GROUP_WRITES = 0o060
_log = logging.getLogger(__name__)


class FilledFile:
    """The file of one run. With `reserved` it is ours, empty, and the plugin opens it as it would a new one."""

    def __init__(self, path: Path, rules: FileRules, layout: DataLayout, *, reserved: bool) -> None:
        self.path = path
        self._rules = rules
        self._layout = layout
        self._reserved = reserved

    def claim(self) -> None:
        """See that it is new. Raises RefusedError: FILE_EXISTS, DISK_FULL, ROOT_NOT_WRITABLE."""
        path, rules = self.path, self._rules
        if self._reserved:
            # The IOC's account is in the group; the mode of the rules comes when it has written.
            reserve(path, rules.model_copy(update={"file_mode": rules.file_mode | _GROUP_WRITES}))
        elif path.exists() or path.is_symlink():
            raise RefusedError(
                f"The data file {path} exists already; nothing is ever overwritten.",
                code="FILE_EXISTS",
                value=str(path),
                remedy="Move the file away if it does not belong there, then start the run again.",
            )

    def call_off(self) -> None:
        """Remove what was reserved, where nothing was written into it."""
        if self._reserved and self.path.exists() and not self.path.stat().st_size:
            self.path.unlink()

    def dress(self) -> None:
        """Give it the mode and group of the rules, where that is in our power."""
        try:
            dress(self.path, self._rules.file_mode, self._rules.group)
        except (OSError, BeamsessionError) as fault:
            _log.warning("mode and group of %s stay as the IOC made them: %s", self.path, fault)

    def finish_without_frames(self) -> None:
        """Let a file that the plugin never opened hold no frames, in the place where they would be."""
        if self.path.exists() and self.path.stat().st_size:
            return
        if not self._reserved:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._rules.file_mode))
        with h5py.File(self.path, "w", libver=LIBRARY_VERSIONS) as file:
            file.create_dataset(self._layout.data, data=np.empty(0, np.uint16))
            for path in (self._layout.unique_id, self._layout.epics_seconds, self._layout.epics_nanoseconds):
                if path is not None:
                    file.create_dataset(path, data=np.empty(0, np.int64))
