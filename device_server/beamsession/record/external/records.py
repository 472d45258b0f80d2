"""The records of a camera and its file plugin that are used, by what they are for."""

from __future__ import annotations

from beamsession.model.detector import AreaDetector

_CAMERA = ("Acquire_RBV", "ArrayCallbacks_RBV", "ArrayCounter_RBV")
_DRIVEN = ("Acquire", "ImageMode", "NumImages", "ArrayCallbacks")
_PLUGIN = (
    "EnableCallbacks",
    "EnableCallbacks_RBV",
    "FilePath",
    "FilePath_RBV",
    "FilePathExists_RBV",
    "FileName",
    "FileName_RBV",
    "FileTemplate",
    "FileWriteMode",
    "NumCapture",
    "NumCaptured_RBV",
    "LazyOpen",
    "Capture",
    "Capture_RBV",
    "WriteStatus",
    "WriteMessage",
    "DroppedArrays_RBV",
    "QueueSize",
    "QueueFree",
)
_CAMERA_EXTRA = ("AcquirePeriod_RBV", "ArraySize_RBV", "StatusMessage_RBV")
_PLUGIN_EXTRA = (
    "ArraySize0_RBV",
    "DroppedOutputArrays_RBV",
    "NumExtraDims",
    "NumFramesFlush",
    "NumFramesFlush_RBV",
    "StoreAttr",
    "SWMRActive_RBV",
    "SWMRMode",
    "SWMRSupported_RBV",
    "TempSuffix",
    "XMLFileName",
)


class Records:
    """Full names of the records; `needed` without which no run can be, `extra` that a version may lack."""

    def __init__(self, config: AreaDetector) -> None:
        self._config = config
        camera = (*_CAMERA, *(_DRIVEN if config.drive else ()))
        plugin = (*_PLUGIN, *(("SWMRMode",) if config.swmr else ()))
        self.needed = (*map(self.camera, camera), *map(self.plugin, plugin))
        extra = (*map(self.camera, _CAMERA_EXTRA), *map(self.plugin, _PLUGIN_EXTRA))
        self.extra = tuple(name for name in extra if name not in self.needed)

    def camera(self, record: str) -> str:
        """A record of the camera."""
        return f"{self._config.camera}{record}"

    def plugin(self, record: str) -> str:
        """A record of the file plugin."""
        return f"{self._config.file_plugin}{record}"
