"""What the server tells of its detectors."""

from __future__ import annotations

from pathlib import Path

from beamsession.model.detector import CaDetector, PvaDetector
from beamsession.record.recorder import Recorder
from verb_desk import Desk, open_desk


def test_the_configured_detectors_are_listed_in_order(tmp_path: Path, recorder: Recorder) -> None:
    detectors = (
        PvaDetector(name="camera", title="Łukasz 2θ", pv="A:Image"),
        CaDetector(name="monitor", pv="B:ArrayData", width=4, height=3, id_pv="B:Id"),
    )
    with open_desk(tmp_path, recorder, detectors=detectors) as desk:
        assert desk.ask("detector_list") == [
            {"name": "camera", "title": "Łukasz 2θ", "source": "pva"},
            {"name": "monitor", "title": "", "source": "ca"},
        ]


def test_an_instrument_without_detectors_lists_none(desk: Desk) -> None:
    assert desk.ask("detector_list") == []
