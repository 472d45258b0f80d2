"""What an IOC's own records tell of how areaDetector's NDPluginStdArrays posts a waveform and the id beside it.

The plugin gives out the array first and then, when it calls its parameters back, the id; both records are processed by
one thread in that order. With TSE 0, as its templates leave it, their time stamps are those of that processing.
Source: NDPluginStdArrays::processCallbacks, NDPluginDriver::beginProcessCallbacks; asyn's devAsynXXXArray.
"""

from __future__ import annotations

import time
from typing import Any

from epics import ca, dbr

from beamsession.record.ca_faults import CA_FAULTS

_FIND_S = 0.5  # they are looked for since the start of this process
_READ_S = 1.0
_PAUSE_S = 0.005
_PROCESSING = "0"


class StdArrays:
    """A waveform and the id beside it, as fields of their records tell; PVs that are no records have none."""

    def __init__(self, pv: str, id_pv: str) -> None:
        names = [f"{name.removesuffix('.VAL')}.{field}" for name in (pv, id_pv) for field in ("DTYP", "TSE")]
        self._channels: list[Any] = [ca.create_channel(name) for name in names]
        self._waited = False

    def posts_id_after_waveform(self, timeout: float) -> bool:
        """Whether both are records of asyn ports with the time stamps of their processing; `timeout` s at most."""
        texts = self._texts(0.0 if self._waited else min(timeout, _FIND_S))
        if texts is None:
            return False
        waveform_type, waveform_stamp, id_type, id_stamp = texts
        return (
            waveform_type.startswith("asyn")
            and waveform_type.endswith("ArrayIn")
            and id_type == "asynInt32"
            and waveform_stamp == id_stamp == _PROCESSING
        )

    def stamps_differ(self) -> bool:
        """Whether the two records take their time stamps from different places, so that they cannot be compared."""
        texts = self._texts(0.0)
        return texts is not None and texts[1] != texts[3]

    def _texts(self, timeout: float) -> list[str] | None:
        if not self._are_connected(timeout):
            return None
        try:
            return [str(ca.get(channel, ftype=dbr.STRING, timeout=_READ_S)) for channel in self._channels]
        except CA_FAULTS:
            return None  # Its IOC goes away just now; that is told elsewhere.

    def _are_connected(self, timeout: float) -> bool:
        self._waited = True
        deadline = time.monotonic() + timeout
        while not all(ca.isConnected(channel) for channel in self._channels):
            if time.monotonic() > deadline:
                return False
            ca.poll(_PAUSE_S, _PAUSE_S)
        return True
