"""Making a file plugin ready for one run, in the order in which areaDetector takes it, and letting it go again."""

from __future__ import annotations

import logging
from contextlib import suppress

from beamsession.model.detector import AreaDetector
from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.record.external.ioc_path import folder_on_ioc, same_folder
from beamsession.record.external.messages import Begin
from beamsession.record.external.pvs import Given, Pvs, wait_until
from beamsession.record.external.records import Records

_READBACK_S = 2.0
_PATH_S = 4.0  # a folder that was made a moment ago may not be seen on another host yet
_CAPTURE_S = 3.0
_STANDS_S = 0.2  # a capture that falls back does so at once
_PATH_BYTES = 255  # areaDetector's own limit
_LAZY = "Lazy Open"
_CANNOT_OPEN = "Error opening file"
_log = logging.getLogger(__name__)


class Handshake:
    """Everything that is put at the IOC before the first frame and after the last one.

    `gated`: the camera is not ours and may be acquiring, so the plugin's callbacks stay off until the run records.
    """

    def __init__(self, config: AreaDetector, pvs: Pvs, records: Records) -> None:
        self._config = config
        self._pvs = pvs
        self._records = records
        self._before: dict[str, int] = {}

    def prepare(self, order: Begin) -> None:
        """All settings, then Capture. Raises RefusedError or UnavailableError; then all is as it was before."""
        try:
            self._enable()
            self._name_the_file(order)
            self._set_the_plugin(order)
            if self._config.drive:
                self._set_the_camera(order.frames)
            self._capture()
        except BeamsessionError:
            with suppress(BeamsessionError):
                if self._is("Capture_RBV"):
                    self._put("Capture", 0, wait=False)
            self.restore()
            raise

    def open_gate(self) -> None:
        """Let frames through to the plugin."""
        self._switch_callbacks(1)

    def close_gate(self) -> None:
        """Let frames pass the plugin by; those in its queue are still written."""
        self._switch_callbacks(0)

    def set_images(self, frames: int | None) -> None:
        """How many frames the next Acquire makes; None: until it is stopped."""
        camera = self._records.camera
        self._pvs.put(camera("ImageMode"), "Continuous" if frames is None else "Multiple")
        if frames is not None:
            self._pvs.put(camera("NumImages"), frames)

    def let_go(self, order: Begin) -> None:
        """Put back what was there before, unless the plugin has been given another run's file since."""
        with suppress(BeamsessionError):
            if not self._is_named(order):
                self._before.clear()
        self.restore()

    def restore(self) -> None:
        """Put back what was there before; what cannot be is told in the log."""
        for name, value in reversed(self._before.items()):
            try:
                self._pvs.put(name, value, timeout=_READBACK_S)
            except BeamsessionError as fault:
                _log.warning("%s was not put back to %s: %s", name, value, fault.text)
        self._before.clear()

    def is_capturing(self, order: Begin) -> bool:
        """Whether the plugin captures into the file of this run."""
        return self._is("Capture_RBV") and self._is_named(order)

    def _is_named(self, order: Begin) -> bool:
        plugin, pvs = self._records.plugin, self._pvs
        folder = folder_on_ioc(order.path.parent, order.data_root, self._config.root_on_ioc)
        return pvs.text(plugin("FileName_RBV")) == order.path.name and same_folder(
            pvs.text(plugin("FilePath_RBV")), folder
        )

    def _enable(self) -> None:
        """A driven camera stands still, so its plugin can listen now."""
        plugin = self._records.plugin
        self._before[plugin("EnableCallbacks")] = int(self._pvs.number(plugin("EnableCallbacks_RBV")))
        self._switch_callbacks(1 if self._config.drive else 0)

    def _switch_callbacks(self, wanted: int) -> None:
        self._put("EnableCallbacks", wanted)
        readback = self._records.plugin("EnableCallbacks_RBV")
        if not wait_until(lambda: int(self._pvs.number(readback)) == wanted, _READBACK_S):
            raise RefusedError(
                f"The callbacks of the file plugin of {self._config.name} could not be switched "
                f"({readback} stays {1 - wanted}).",
                code="PLUGIN_NOT_READY",
                value=readback,
                remedy="Look at the IOC's log, and at NDArrayPort of the plugin.",
            )

    def _name_the_file(self, order: Begin) -> None:
        folder = folder_on_ioc(order.path.parent, order.data_root, self._config.root_on_ioc)
        room = min(self._pvs.room(self._records.plugin("FilePath")) - 1, _PATH_BYTES)
        if len(f"{folder}{order.path.name}".encode()) > room:
            raise RefusedError(
                f"The path {folder}{order.path.name} is longer than the {room} bytes that the file plugin of "
                f"{self._config.name} can hold.",
                code="PATH_TOO_LONG",
                value=folder,
                remedy="Choose a shorter data root or template, or a shorter session name.",
            )

        def exists() -> bool:
            self._put("FilePath", folder)
            told = self._records.plugin("FilePath_RBV")
            if not wait_until(lambda: same_folder(self._pvs.text(told), folder), _STANDS_S):
                return False
            # What it says at once may still be said of the folder before.
            return not wait_until(lambda: not self._is("FilePathExists_RBV"), _STANDS_S)

        if not wait_until(exists, _PATH_S):
            raise RefusedError(
                f"The folder {folder} does not exist on the host of the IOC that serves {self._config.file_plugin}.",
                code="PATH_NOT_ON_IOC",
                value=folder,
                remedy="Mount the data root there, or set root_on_ioc to what it is called there; let its account "
                "enter the folders (group and folder_mode of [data]).",
            )
        self._put("FileName", order.path.name)
        self._put("FileTemplate", "%s%s")

    def _set_the_plugin(self, order: Begin) -> None:
        config = self._config
        self._put("FileWriteMode", "Stream")
        self._put("NumCapture", order.frames or 0)
        self._put("LazyOpen", 1)
        if config.swmr:
            self._put("SWMRMode", 1)
        elif self._pvs.has(self._records.plugin("SWMRMode")):
            self._put("SWMRMode", 0)
        optional: dict[str, Given | None] = {
            "NumExtraDims": 0,
            "StoreAttr": 1,
            "NumFramesFlush": config.flush_frames,
            "TempSuffix": "",
            "XMLFileName": "",
        }
        for record, value in optional.items():
            if value is not None and self._pvs.has(self._records.plugin(record)):
                self._put(record, value)

    def _set_the_camera(self, frames: int | None) -> None:
        camera, pvs = self._records.camera, self._pvs
        for record in ("ImageMode", "NumImages", "ArrayCallbacks"):
            self._before[camera(record)] = int(pvs.number(camera(record)))
        pvs.put(camera("ArrayCallbacks"), 1)
        self.set_images(frames)

    def _capture(self) -> None:
        """Capture is a busy record: waiting for the put would be waiting for the end of the run."""
        self._put("Capture", 1, wait=False)
        if not wait_until(lambda: self._is("Capture_RBV"), _CAPTURE_S) or wait_until(
            lambda: not self._is("Capture_RBV"), _STANDS_S
        ):
            raise RefusedError(
                f"The file plugin of {self._config.name} does not capture: {self._why()}.",
                code="CAPTURE_REFUSED",
                value=self._records.plugin("Capture"),
                remedy="Look at the IOC's console; a plugin that has never seen a frame may want one first.",
            )

    def _why(self) -> str:
        size = self._records.plugin("ArraySize0_RBV")
        unprimed = self._pvs.has(size) and not self._pvs.number(size)
        seen = ", and it has never seen a frame" if unprimed else ""
        return f"Capture fell back to Done ({self.complaint() or 'it gives no reason'}{seen})"

    def complaint(self) -> str:
        """What WriteMessage says; that a file will be opened with the first frame is no complaint."""
        said = self._pvs.text(self._records.plugin("WriteMessage")).strip().rstrip(".")
        if said == _LAZY:
            return ""
        return f"{said}; see whether the IOC's account may write there" if said.startswith(_CANNOT_OPEN) else said

    def last_words(self) -> str:
        """Why it has stopped capturing; its message may be posted a moment after Capture_RBV."""
        wait_until(lambda: bool(self.complaint()), _STANDS_S)
        return self.complaint()

    def _is(self, record: str) -> bool:
        return bool(self._pvs.number(self._records.plugin(record)))

    def _put(self, record: str, value: Given, *, wait: bool = True) -> None:
        self._pvs.put(self._records.plugin(record), value, wait=wait, timeout=_READBACK_S)
