"""Which engine records which kind of detector."""

from __future__ import annotations

from beamsession.model.detector import AreaDetector, ArmedDetector, DetectorConfig, TableDetector
from beamsession.record.detector import Detector


def detector_of(config: DetectorConfig) -> Detector:
    """The engine for a detector; only what it needs is imported."""
    match config:
        case TableDetector():
            from beamsession.record.tables.recorder import TableRecorder

            return TableRecorder(config)
        case AreaDetector() | ArmedDetector():
            from beamsession.record.external.detector import ExternalDetector

            return ExternalDetector(config)
        case _:
            from beamsession.record.streaming import StreamingDetector

            return StreamingDetector(config)
