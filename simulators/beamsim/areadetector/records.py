"""The records of camera and plugin over Channel Access, named as areaDetector names them."""

from __future__ import annotations

from typing import Any

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from beamsim.areadetector.camera import Camera
from beamsim.areadetector.file_plugin import FilePlugin

_DISABLE_ENABLE = ["Disable", "Enable"]
_NO_YES = ["No", "Yes"]
_TEXT = 256


def _choice(labels: list[str], name: str, value: int = 0) -> Any:
    return pvproperty(value=labels[value], dtype=ChannelType.ENUM, enum_strings=labels, name=name)


def _text(name: str) -> Any:
    return pvproperty(value=b"", dtype=bytes, max_length=_TEXT, name=name)


def _decoded(value: Any) -> str:
    return bytes(value).split(b"\0")[0].decode()


class CameraRecords(PVGroup):
    """Records below for example ``SIM1:cam1:``."""

    acquire = _choice(["Done", "Acquire"], "Acquire")
    acquire_rbv = _choice(["Done", "Acquiring"], "Acquire_RBV")
    image_mode = _choice(["Single", "Multiple", "Continuous"], "ImageMode", 2)
    num_images = pvproperty(value=1, name="NumImages")
    period = pvproperty(value=0.01, name="AcquirePeriod")
    period_rbv = pvproperty(value=0.01, name="AcquirePeriod_RBV")
    callbacks = _choice(_DISABLE_ENABLE, "ArrayCallbacks")
    callbacks_rbv = _choice(_DISABLE_ENABLE, "ArrayCallbacks_RBV")
    counter = pvproperty(value=0, name="ArrayCounter")
    counter_rbv = pvproperty(value=0, name="ArrayCounter_RBV")
    size_rbv = pvproperty(value=0, name="ArraySize_RBV")
    status_message = _text("StatusMessage_RBV")

    def __init__(self, camera: Camera, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.camera = camera

    @acquire.putter
    async def acquire(self, _instance: Any, value: Any) -> None:
        """A busy record: the put ends when the acquisition does."""
        if value == "Acquire":
            self.camera.start()
            await self.camera.done()
        else:
            self.camera.stop()

    @image_mode.putter
    async def image_mode(self, instance: Any, value: Any) -> None:
        self.camera.mode = instance.enum_strings.index(value)

    @num_images.putter
    async def num_images(self, _instance: Any, value: Any) -> None:
        self.camera.images = int(value)

    @period.putter
    async def period(self, _instance: Any, value: Any) -> None:
        self.camera.period = float(value)

    @callbacks.putter
    async def callbacks(self, _instance: Any, value: Any) -> None:
        self.camera.callbacks = value == "Enable"

    @counter.putter
    async def counter(self, _instance: Any, value: Any) -> None:
        self.camera.counter = int(value)

    def readings(self) -> dict[Any, Any]:
        """What the read-only records show now."""
        camera = self.camera
        return {
            self.acquire_rbv: int(camera.acquiring),
            self.period_rbv: camera.period,
            self.callbacks_rbv: int(camera.callbacks),
            self.counter_rbv: camera.counter,
            self.size_rbv: camera.frame_bytes,
            self.status_message: b"Acquiring data" if camera.acquiring else b"Acquisition stopped",
        }


class FilePluginRecords(PVGroup):
    """Records below for example ``SIM1:HDF1:``; WriteDelay is the simulation's own, seconds for each frame."""

    enable = _choice(_DISABLE_ENABLE, "EnableCallbacks")
    enable_rbv = _choice(_DISABLE_ENABLE, "EnableCallbacks_RBV")
    file_path = _text("FilePath")
    file_path_rbv = _text("FilePath_RBV")
    path_exists = _choice(_NO_YES, "FilePathExists_RBV")
    file_name = _text("FileName")
    file_name_rbv = _text("FileName_RBV")
    file_template = _text("FileTemplate")
    full_name = _text("FullFileName_RBV")
    write_mode = _choice(["Single", "Capture", "Stream"], "FileWriteMode")
    num_capture = pvproperty(value=1, name="NumCapture")
    num_captured = pvproperty(value=0, name="NumCaptured_RBV")
    lazy_open = _choice(_NO_YES, "LazyOpen")
    swmr_mode = _choice(["Off", "On"], "SWMRMode")
    swmr_supported = _choice(["Not Supported", "Supported"], "SWMRSupported_RBV")
    swmr_active = _choice(["Off", "Active"], "SWMRActive_RBV")
    frames_flush = pvproperty(value=0, name="NumFramesFlush")
    flush_now = pvproperty(value=0, name="FlushNow")
    capture = _choice(["Done", "Capture"], "Capture")
    capture_rbv = _choice(["Done", "Capturing"], "Capture_RBV")
    write_status = _choice(["Write OK", "Write error"], "WriteStatus")
    write_message = _text("WriteMessage")
    dropped = pvproperty(value=0, name="DroppedArrays_RBV")
    dropped_output = pvproperty(value=0, name="DroppedOutputArrays_RBV")
    counter = pvproperty(value=0, name="ArrayCounter_RBV")
    queue_size = pvproperty(value=20, name="QueueSize")
    queue_free = pvproperty(value=20, name="QueueFree")
    array_size_0 = pvproperty(value=0, name="ArraySize0_RBV")
    extra_dims = pvproperty(value=0, name="NumExtraDims")
    store_attributes = _choice(_NO_YES, "StoreAttr", 1)
    temp_suffix = _text("TempSuffix")
    xml_file_name = _text("XMLFileName")
    write_delay = pvproperty(value=0.0, name="WriteDelay")

    def __init__(self, plugin: FilePlugin, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.plugin = plugin

    @enable.putter
    async def enable(self, _instance: Any, value: Any) -> None:
        self.plugin.enabled = value == "Enable"

    @file_path.putter
    async def file_path(self, _instance: Any, value: Any) -> None:
        """As the plugin does, add the separator that is missing at the end."""
        text = _decoded(value)
        separator = "\\" if "\\" in text else "/"
        self.plugin.file_path = text if not text or text.endswith(separator) else text + separator

    @file_name.putter
    async def file_name(self, _instance: Any, value: Any) -> None:
        self.plugin.file_name = _decoded(value)

    @file_template.putter
    async def file_template(self, _instance: Any, value: Any) -> None:
        self.plugin.file_template = _decoded(value)

    @write_mode.putter
    async def write_mode(self, instance: Any, value: Any) -> None:
        self.plugin.write_mode = instance.enum_strings.index(value)

    @num_capture.putter
    async def num_capture(self, _instance: Any, value: Any) -> None:
        self.plugin.wanted = int(value)

    @lazy_open.putter
    async def lazy_open(self, _instance: Any, value: Any) -> None:
        self.plugin.lazy_open = value == "Yes"

    @swmr_mode.putter
    async def swmr_mode(self, _instance: Any, value: Any) -> None:
        self.plugin.swmr = value == "On"

    @frames_flush.putter
    async def frames_flush(self, _instance: Any, value: Any) -> None:
        self.plugin.frames_per_flush = int(value)

    @flush_now.putter
    async def flush_now(self, _instance: Any, value: Any) -> None:
        if value and self.plugin.file is not None:
            self.plugin.file.flush()

    @capture.putter
    async def capture(self, _instance: Any, value: Any) -> None:
        """A busy record: the put ends when the capture does."""
        if value == "Capture":
            self.plugin.capture()
            await self.plugin.ended()
        else:
            self.plugin.end()

    @queue_size.putter
    async def queue_size(self, _instance: Any, value: Any) -> None:
        self.plugin.queue_size = int(value)

    @write_delay.putter
    async def write_delay(self, _instance: Any, value: Any) -> None:
        self.plugin.write_delay = float(value)

    def readings(self) -> dict[Any, Any]:
        """What the read-only records show now; what is in the queue before what was captured."""
        plugin = self.plugin
        return {
            self.enable_rbv: int(plugin.enabled),
            self.file_path_rbv: plugin.file_path.encode(),
            self.path_exists: int(plugin.path_exists),
            self.file_name_rbv: plugin.file_name.encode(),
            self.full_name: plugin.full_name.encode(),
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
