"""What the simulated beamline serves: every PV with its type, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from beamsim.loopback import Server


class Protocol(StrEnum):
    """How a PV can be reached."""

    CA = "ca"
    PVA = "pva"


@dataclass(frozen=True, slots=True)
class Pv:
    """One PV; ``type`` is the record type or the normative type."""

    name: str
    server: Server
    type: str
    description: str
    units: str = ""
    writable: bool = False

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The IOC serves its records both ways; the other two servers speak one protocol each."""
        match self.server:
            case Server.SOFT_IOC:
                return (Protocol.CA, Protocol.PVA)
            case Server.CAPROTO_IOC:
                return (Protocol.CA,)
            case Server.PVA_DETECTOR:
                return (Protocol.PVA,)


def beamline_pvs(prefix: str) -> tuple[Pv, ...]:
    """All PVs, in the order in which a person would look for them."""
    return (
        *_ca_detector(f"{prefix}CAM1:"),
        *_pva_detector(f"{prefix}PVA1:"),
        *_motor(f"{prefix}M1", "mm", "sample position; the beam is at 2.5"),
        *_motor(f"{prefix}M2", "deg", "sample rotation"),
        *_readings(prefix),
    )


def _ca_detector(prefix: str) -> tuple[Pv, ...]:
    def pv(name: str, type_: str, description: str, units: str = "", *, writable: bool = False) -> Pv:
        return Pv(prefix + name, Server.SOFT_IOC, type_, description, units, writable)

    return (
        pv("Acquire", "bo", "1 starts, 0 stops; back to 0 when all frames are made", writable=True),
        pv("NumImages", "longout", "frames to make, 0 = until stopped", writable=True),
        pv("AcquirePeriod", "ao", "time from frame to frame, 0 = fastest", "s", writable=True),
        pv("AcquireTime", "ao", "exposure time", "s", writable=True),
        pv("DropEvery", "longout", "lose every n-th frame, 0 = none", writable=True),
        pv("SizeX", "longout", "width; fixed while acquiring", "pixel", writable=True),
        pv("SizeY", "longout", "height; fixed while acquiring", "pixel", writable=True),
        pv("Acquire_RBV", "bi", "whether frames are made"),
        pv("DetectorState_RBV", "mbbi", "Idle, Acquire"),
        pv("SizeX_RBV", "longin", "width", "pixel"),
        pv("SizeY_RBV", "longin", "height", "pixel"),
        pv("DataType_RBV", "mbbi", "UInt16"),
        pv("ArrayCounter_RBV", "longin", "frames made in this acquisition, lost ones included"),
        pv("DroppedArrays_RBV", "longin", "frames lost in this acquisition"),
        pv("UniqueId_RBV", "longin", "id of the frame in ArrayData, posted before it"),
        pv("ArrayData", "waveform SHORT", "pixels row by row, to be read as unsigned 16 bit"),
    )


def _pva_detector(prefix: str) -> tuple[Pv, ...]:
    def pv(name: str, type_: str, description: str, units: str = "", *, writable: bool = False) -> Pv:
        return Pv(prefix + name, Server.PVA_DETECTOR, type_, description, units, writable)

    return (
        pv("Image", "NTNDArray", "the frames"),
        pv("Acquire", "NTEnum", "1 starts, 0 stops; back to 0 when all frames are made", writable=True),
        pv("Acquire_RBV", "NTEnum", "whether frames are made"),
        pv("NumImages", "NTScalar int", "frames to make, 0 = until stopped", writable=True),
        pv("AcquirePeriod", "NTScalar double", "time from frame to frame, 0 = fastest", "s", writable=True),
        pv("AcquireTime", "NTScalar double", "exposure time", "s", writable=True),
        pv("DropEvery", "NTScalar int", "lose every n-th frame, 0 = none", writable=True),
        pv("SizeX", "NTScalar int", "width; fixed while acquiring", "pixel", writable=True),
        pv("SizeY", "NTScalar int", "height; fixed while acquiring", "pixel", writable=True),
        pv("DataType", "NTEnum", "UInt8, UInt16, UInt32; fixed while acquiring", writable=True),
        pv("ArrayCounter_RBV", "NTScalar int", "frames made in this acquisition, lost ones included"),
        pv("DroppedArrays_RBV", "NTScalar int", "frames lost in this acquisition"),
        pv("UniqueId_RBV", "NTScalar int", "id of the last frame made"),
    )


def _motor(name: str, units: str, description: str) -> tuple[Pv, ...]:
    server = Server.SOFT_IOC
    return (
        Pv(name, server, "ao", f"{description}; a put with callback ends with the move", units, True),
        Pv(f"{name}:RBV", server, "ai", "readback", units),
        Pv(f"{name}:DMOV", server, "bi", "1 = no move is going on"),
        Pv(f"{name}:VELO", server, "ao", "speed", f"{units}/s", True),
        Pv(f"{name}:STOP", server, "bo", "1 ends the move", "", True),
    )


def _readings(prefix: str) -> tuple[Pv, ...]:
    ioc, hutch = Server.SOFT_IOC, Server.CAPROTO_IOC
    return (
        Pv(f"{prefix}RingCurrent", ioc, "ai", "stored current, 10 Hz", "mA"),
        Pv(f"{prefix}SampleTemperature", ioc, "ai", "at the sample, 2 Hz", "K"),
        Pv(f"{prefix}FrontEndPressure", ioc, "ai", "vacuum, 1 Hz", "mbar"),
        Pv(f"{prefix}BeamEnergy", ioc, "ao", "photon energy", "keV", True),
        Pv(f"{prefix}ExposureTime", ioc, "ao", "shutter time", "s", True),
        Pv(f"{prefix}DetectorDistance", ioc, "ao", "sample to detector", "mm", True),
        Pv(f"{prefix}HutchTemperature", hutch, "ai", "air, 1 Hz", "degC"),
        Pv(f"{prefix}HutchHumidity", hutch, "ai", "relative humidity, 1 Hz", "%"),
        Pv(f"{prefix}CoolingWaterFlow", hutch, "ai", "2 Hz", "l/min"),
        Pv(f"{prefix}PhotonFlux", hutch, "ai", "on the sample, 10 Hz", "1/s"),
    )
