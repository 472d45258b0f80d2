"""The records of camera and plugin over Channel Access, named as areaDetector names them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from beamsim.areadetector.camera import Camera
from beamsim.areadetector.file_plugin import FilePlugin

_DISABLE_ENABLE = ["Disable", "Enable"]
_NO_YES = ["No", "Yes"]
_TEXT = 256
_SEGMENTATION_FAULT = 139


def _choice(labels: list[str], name: str, value: int = 0, put: Any = None) -> Any:
    kind: Any = ChannelType.ENUM
    return pvproperty(value=labels[value], dtype=kind, enum_strings=labels, name=name, put=put)


def _text(name: str, put: Any = None) -> Any:
    kind: Any = bytes
    return pvproperty(value=b"", dtype=kind, max_length=_TEXT, name=name, put=put)


def _number(name: str, value: float = 0, put: Any = None) -> Any:
    return pvproperty(value=value, name=name, put=put)


def _sets(attribute: str, convert: Callable[[Any], Any]) -> Any:
    """What a put does: set an attribute of the group's model."""

    async def put(group: Any, _instance: Any, value: Any) -> None:
        setattr(group.model, attribute, convert(value))

    return put


def _is(label: str) -> Callable[[Any], bool]:
    return lambda value: value == label


def _decoded(value: Any) -> str:
    return bytes(value).split(b"\0")[0].decode()


def _folder(value: Any) -> str:
    """As the plugin does, add the separator that is missing at the end."""
    text = _decoded(value)
    separator = "\\" if "\\" in text else "/"
    return text if not text or text.endswith(separator) else text + separator


async def _put_acquire(group: Any, _instance: Any, value: Any) -> None:
    """A busy record: the put ends when the acquisition does."""
    if value == "Acquire":
        group.model.start()
        await group.model.done()
    else:
        group.model.stop()


async def _put_capture(group: Any, _instance: Any, value: Any) -> None:
    """A busy record: the put ends when the capture does."""
    if value == "Capture":
        group.model.capture()
        await group.model.ended()
    else:
        group.model.stop()


async def _put_flush_now(group: Any, _instance: Any, value: Any) -> None:
    """As in ADCore 3.14, where it meets the closing of the file the IOC is gone; here always, for a client to learn."""
    if value and group.model.file is not None:
        os._exit(_SEGMENTATION_FAULT)


_IMAGE_MODES = ["Single", "Multiple", "Continuous"]
_WRITE_MODES = ["Single", "Capture", "Stream"]


class CameraRecords(PVGroup):
    """Records below for example ``SIM1:cam1:``."""

    acquire = _choice(["Done", "Acquire"], "Acquire", put=_put_acquire)
    acquire_rbv = _choice(["Done", "Acquiring"], "Acquire_RBV")
    image_mode = _choice(_IMAGE_MODES, "ImageMode", 2, put=_sets("mode", _IMAGE_MODES.index))
    num_images = _number("NumImages", 1, put=_sets("images", int))
    period = _number("AcquirePeriod", 0.01, put=_sets("period", float))
    period_rbv = _number("AcquirePeriod_RBV", 0.01)
    callbacks = _choice(_DISABLE_ENABLE, "ArrayCallbacks", put=_sets("callbacks", _is("Enable")))
    callbacks_rbv = _choice(_DISABLE_ENABLE, "ArrayCallbacks_RBV")
    counter = _number("ArrayCounter", put=_sets("counter", int))
    counter_rbv = _number("ArrayCounter_RBV")
    size_rbv = _number("ArraySize_RBV")
    status_message = _text("StatusMessage_RBV")

    def __init__(self, camera: Camera, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.model = camera

    def readings(self) -> dict[Any, Any]:
        """What the read-only records show now."""
        camera = self.model
        return {
            self.acquire_rbv: int(camera.acquiring),
            self.period_rbv: camera.period,
            self.callbacks_rbv: int(camera.callbacks),
            self.counter_rbv: camera.counter,
            self.size_rbv: camera.frame_bytes,
            self.status_message: b"Acquiring data" if camera.acquiring else b"Acquisition stopped",
        }


class FilePluginRecords(PVGroup):
    """Records below for example ``SIM1:HDF1:``; WriteDelay (s a frame) and OpenFails are the simulation's own."""

    enable = _choice(_DISABLE_ENABLE, "EnableCallbacks", put=_sets("enabled", _is("Enable")))
    enable_rbv = _choice(_DISABLE_ENABLE, "EnableCallbacks_RBV")
    file_path = _text("FilePath", put=_sets("file_path", _folder))
    file_path_rbv = _text("FilePath_RBV")
    path_exists = _choice(_NO_YES, "FilePathExists_RBV")
    file_name = _text("FileName", put=_sets("file_name", _decoded))
    file_name_rbv = _text("FileName_RBV")
    file_template = _text("FileTemplate", put=_sets("file_template", _decoded))
    full_name = _text("FullFileName_RBV")
    write_mode = _choice(_WRITE_MODES, "FileWriteMode", put=_sets("write_mode", _WRITE_MODES.index))
    num_capture = _number("NumCapture", 1, put=_sets("wanted", int))
    num_captured = _number("NumCaptured_RBV")
    lazy_open = _choice(_NO_YES, "LazyOpen", put=_sets("lazy_open", _is("Yes")))
    swmr_mode = _choice(["Off", "On"], "SWMRMode", put=_sets("swmr", _is("On")))
    swmr_supported = _choice(["Not Supported", "Supported"], "SWMRSupported_RBV")
    swmr_active = _choice(["Off", "Active"], "SWMRActive_RBV")
    frames_flush = _number("NumFramesFlush", put=_sets("frames_per_flush", int))
    frames_flush_rbv = _number("NumFramesFlush_RBV")
    flush_now = _number("FlushNow", put=_put_flush_now)
    capture = _choice(["Done", "Capture"], "Capture", put=_put_capture)
    capture_rbv = _choice(["Done", "Capturing"], "Capture_RBV")
    write_status = _choice(["Write OK", "Write error"], "WriteStatus")
    write_message = _text("WriteMessage")
    dropped = _number("DroppedArrays_RBV")
    dropped_output = _number("DroppedOutputArrays_RBV")
    counter = _number("ArrayCounter_RBV")
    queue_size = _number("QueueSize", 20, put=_sets("queue_size", int))
    queue_free = _number("QueueFree", 20)
    array_size_0 = _number("ArraySize0_RBV")
    extra_dims = _number("NumExtraDims")
    store_attributes = _choice(_NO_YES, "StoreAttr", 1)
    temp_suffix = _text("TempSuffix")
    xml_file_name = _text("XMLFileName")
    write_delay = _number("WriteDelay", 0.0, put=_sets("write_delay", float))
    open_fails = _choice(_NO_YES, "OpenFails", put=_sets("open_fails", _is("Yes")))

    def __init__(self, plugin: FilePlugin, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.model = plugin

    def readings(self) -> dict[Any, Any]:
        """What the read-only records show now; what was captured before that it has ended."""
        plugin = self.model
        return {
            self.enable_rbv: int(plugin.enabled),
            self.file_path_rbv: plugin.file_path.encode(),
            self.path_exists: int(plugin.path_exists),
            self.file_name_rbv: plugin.file_name.encode(),
            self.full_name: plugin.full_name.encode(),
            self.frames_flush_rbv: plugin.frames_per_flush,
            self.dropped: plugin.dropped,
            self.counter: plugin.counter,
            self.num_captured: plugin.captured,
            self.queue_free: plugin.queue_free,
            self.array_size_0: 0 if plugin.last is None else plugin.last.pixels.shape[1],
            self.swmr_supported: int(plugin.swmr_supported),
            self.swmr_active: int(plugin.file is not None and plugin.file.swmr),
            self.write_status: int(plugin.write_failed),
            self.write_message: plugin.message.encode(),
            self.capture_rbv: int(plugin.capturing),
        }
