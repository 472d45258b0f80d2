"""What the files of one beamline depend on: its PVs, their prefix, and its name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from beamsession.config import Beamline
from beamsession.epics_table import EpicsTable
from beamsession.faces.epics.layout import MAX_DETECTORS, layout
from beamsession.faces.epics.pv import Kind, Pv

_ANY_INTERFACE = "0.0.0.0"


@dataclass(frozen=True)
class Site:
    """One beamline. `prefix` and `record_prefix` become the macros P and R; `detectors` is how many are configured.

    `displays` is the folder, or the URL of it, in which Phoebus finds the screens. `address` is host:port of the
    bridge, empty where only the site knows it.
    """

    instrument: str
    prefix: str
    record_prefix: str
    detectors: int
    displays: str = ""
    address: str = ""

    @cached_property
    def pvs(self) -> dict[str, Pv]:
        """All PVs of the bridge by name."""
        return {pv.name: pv for pv in layout(self.detectors)}

    @property
    def shown_detectors(self) -> int:
        """How many detectors have PVs."""
        return min(self.detectors, MAX_DETECTORS)

    def expanded(self, name: str) -> str:
        """The channel of the PV `name` for what knows no macros."""
        return f"{self.prefix}{self.record_prefix}{channel(self.pvs[name])}"

    def display(self, file: str) -> str:
        """The display `file` with its macros, as Phoebus takes it in links and menus."""
        folder = self.displays if "://" in self.displays else f"file://{quote(self.displays)}"
        macros = f"P={quote(self.prefix, safe='')}&R={quote(self.record_prefix, safe='')}"
        return f"{folder.rstrip('/')}/{file}?{macros}"


def channel(pv: Pv) -> str:
    """Name of the channel that carries all of a PV's value: a string's first 39 bytes are not all of it."""
    return f"{pv.name}$" if pv.kind is Kind.STRING else pv.name


def site_of(beamline: Beamline, displays: str) -> Site:
    """What the files depend on, from the beamline's configuration; `displays` is where Phoebus will find them."""
    epics = beamline.epics or EpicsTable()
    instrument = beamline.instrument.name
    record_prefix = epics.record_prefix
    return Site(
        instrument=instrument,
        prefix=epics.full_prefix(instrument).removesuffix(record_prefix),
        record_prefix=record_prefix,
        detectors=len(beamline.detectors),
        displays=displays,
        address=""
        if epics.interface == _ANY_INTERFACE
        else f"{epics.interface}:{epics.served_port(beamline.environment)}",
    )
