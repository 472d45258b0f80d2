"""The attributes of the SessionManager device: one row each, read from the view."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tango import AttrQuality, DevState
from tango.server import attribute

import beamsession
from beamsession.faces.tango.text import to_json, to_tango
from beamsession.model.alarms import Severity, minutes_left
from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.clock import to_text
from beamsession.model.names import UNKNOWN
from beamsession.model.plain import plain
from beamsession.model.states import IngestState, RunState, SessionState
from beamsession.model.view import View

_GIB = 1024**3
_MAX_ALARMS = 100
_MAX_IDS = 1000
_ACCOUNT = ("detector", "expected", "received", "written", "missing")
_VALID, _WARNING, _ALARM, _CHANGING = (
    AttrQuality.ATTR_VALID,
    AttrQuality.ATTR_WARNING,
    AttrQuality.ATTR_ALARM,
    AttrQuality.ATTR_CHANGING,
)


def _always_valid(view: View) -> AttrQuality:
    return _VALID


@dataclass(frozen=True)
class Row:
    """One attribute: its Tango type, what it is, and how it is read from the view with which quality."""

    name: str
    dtype: Any
    doc: str
    read: Callable[[View], Any]
    quality: Callable[[View], AttrQuality] = _always_valid
    options: dict[str, Any] = field(default_factory=dict)

    def declare(self, **accessors: str) -> attribute:
        """The pytango declaration; `accessors` name the device's methods."""
        facts = {"name": self.name, "dtype": self.dtype, "doc": self.doc, "label": self.name, "read_green_mode": False}
        return attribute(**facts, **self.options, **accessors)


def _session(read: Callable[[Any], Any], without: Any) -> Callable[[View], Any]:
    return lambda view: read(view.session) if view.session else without


def _run(read: Callable[[Any], Any], without: Any) -> Callable[[View], Any]:
    return lambda view: read(view.run) if view.run else without


def _report(read: Callable[[Any], Any], without: Any) -> Callable[[View], Any]:
    return lambda view: read(view.report) if view.report else without


def _root(view: View) -> str:
    if view.session is None:
        return str(view.data_root)
    return str(view.data_root / view.session.folder)


def _accounts(view: View) -> list[dict[str, Any]]:
    """By the recorder's present report; when that is gone, by its last word."""
    if view.report is not None:
        return [{key: getattr(account, key) for key in _ACCOUNT} for account in view.report.accounts]
    last: list[dict[str, Any]] = view.run.report.get("accounts", []) if view.run else []
    return [{key: account.get(key) for key in _ACCOUNT} for account in last]


def _progress(view: View) -> float:
    report = view.report
    if report is None or not report.expected:
        return 0.0
    return min(100.0, 100.0 * report.written / report.expected)


def _minutes_left(view: View) -> float:
    minutes = minutes_left(view.disk, view.report.rate if view.report else 0.0)
    return math.nan if minutes is None else minutes


def _counting(view: View) -> AttrQuality:
    return _CHANGING if view.run_state in (RunState.RECORDING, RunState.DRAINING) else _VALID


def _missing_quality(view: View) -> AttrQuality:
    return _ALARM if view.report and view.report.missing else _counting(view)


def _run_quality(view: View) -> AttrQuality:
    unhappy = view.run_state in (RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED, RunState.LOST)
    return _ALARM if unhappy and view.run and not view.run.acknowledged else _VALID


def _disk_quality(view: View) -> AttrQuality:
    codes = {alarm.code for alarm in view.alarms}
    if codes & {"DISK_FULL", "DISK_PROBLEM"}:
        return _ALARM
    return _WARNING if "DISK_LOW" in codes else _VALID


def _minutes_quality(view: View) -> AttrQuality:
    severity = max((alarm.severity for alarm in view.alarms if alarm.code == "DISK_SOON_FULL"), default=0)
    return (_VALID, _WARNING, _ALARM, _ALARM)[severity]


def _severity(view: View) -> int:
    return max((alarm.severity for alarm in view.alarms), default=Severity.NO_ALARM).value


def _alarm_quality(view: View) -> AttrQuality:
    return (_VALID, _WARNING, _ALARM, _ALARM)[_severity(view)]


def _alarm_details(view: View) -> str:
    told = view.alarms[:_MAX_ALARMS]
    return to_json([{**plain(alarm), "severity": alarm.severity.name} for alarm in told])


def _text(moment: Any) -> str:
    return to_text(moment) if moment else ""


def _has_alarm(view: View, code: str) -> bool:
    return any(alarm.code == code for alarm in view.alarms)


_ENUM = "DevEnum"
_NO_INGEST = "NONE"
INGEST_LABELS = (_NO_INGEST, *(state.name for state in IngestState))
"""Labels of the attribute IngestState."""
ROWS: tuple[Row, ...] = (
    Row("SessionId", "DevLong64", "Id of the open session, 0 without one", _session(lambda s: s.id, 0)),
    Row("SessionName", str, "Its immutable name; 'unknown' without one", _session(lambda s: s.name, UNKNOWN)),
    Row("SessionTitle", str, "Its title", _session(lambda s: s.title, "")),
    Row(
        "SessionState",
        _ENUM,
        "Life of the open session; NONE without one",
        lambda view: list(SessionState).index(view.session_state),
        options={"enum_labels": [state.value for state in SessionState]},
    ),
    Row("Proposal", str, "Its proposal", _session(lambda s: s.proposal, "")),
    Row("Root", str, "Folder of the open session, else the data root", _root),
    Row("StartTime", str, "Start of the session, RFC 3339", _session(lambda s: _text(s.start), "")),
    Row("StopTime", str, "End of the session, RFC 3339, empty while it is open", _session(lambda s: _text(s.stop), "")),
    Row(
        "RunNumber",
        "DevLong",
        "Number of the newest run in its session, 0 before the first",
        _run(lambda r: r.number, 0),
    ),
    Row(
        "RunState",
        _ENUM,
        "State of the newest run; a verdict stays until the next run",
        lambda view: list(RunState).index(view.run_state),
        _run_quality,
        {"enum_labels": [state.value for state in RunState]},
    ),
    Row("RunFile", str, "NeXus file of the newest run", _run(lambda r: r.file, "")),
    Row("RunCount", "DevLong", "Runs of the open session", lambda view: view.run_count),
    Row(
        "ExpectedFrames",
        "DevLong64",
        "Declared frames of the run over all detectors, 0 where none are declared",
        _report(lambda r: r.expected or 0, 0),
    ),
    Row("ReceivedFrames", "DevLong64", "Frames received in the run", _report(lambda r: r.received, 0), _counting),
    Row(
        "WrittenFrames",
        "DevLong64",
        "Frames of the run that are on disk: a crash does not take them back",
        _report(lambda r: r.written, 0),
        _counting,
    ),
    Row(
        "DroppedFrames",
        "DevLong64",
        "Frames of the run known to be lost",
        _report(lambda r: r.missing, 0),
        _missing_quality,
    ),
    Row(
        "Completeness",
        str,
        "Account of each detector in the newest run, a JSON list of {detector, expected, received, written, missing}",
        lambda view: to_json(_accounts(view)),
        _missing_quality,
    ),
    Row(
        "DataRate",
        float,
        "Data written over the last second",
        _report(lambda r: r.rate / 1e6, 0.0),
        _counting,
        {"unit": "MB/s", "min_value": 0.0, "format": "%9.1f"},
    ),
    Row(
        "Progress",
        float,
        "Written of declared frames",
        _progress,
        _counting,
        {"unit": "%", "min_value": 0.0, "max_value": 100.0, "format": "%5.1f"},
    ),
    Row(
        "DiskFree",
        float,
        "Free space on the data disk",
        lambda view: view.disk.free / _GIB if view.disk else 0.0,
        _disk_quality,
        {"unit": "GiB", "min_value": 0.0, "format": "%9.2f"},
    ),
    Row(
        "DiskMinutesLeft",
        float,
        "Time until the data disk is full at the present rate; NaN while nothing is written",
        _minutes_left,
        _minutes_quality,
        {"unit": "min", "format": "%9.1f"},
    ),
    Row(
        "IngestPending", "DevLong", "Completed sessions on their way to the catalogue", lambda view: view.ingest_pending
    ),
    Row(
        "IngestParked",
        "DevLong",
        "Completed sessions that wait for a person before they can go to the catalogue",
        lambda view: view.ingest_parked,
        lambda view: _WARNING if view.ingest_parked else _VALID,
    ),
    Row(
        "IngestOldestAge",
        float,
        "How long the oldest of those on their way is due, in steps of 10 s; 0 without any. The alarm limit is "
        "catalogue.alarm_age_h of the configuration",
        lambda view: float(view.ingest_age_s),
        lambda view: _WARNING if _has_alarm(view, "INGEST_OLD") else _VALID,
        {"unit": "s", "min_value": 0.0, "format": "%9.0f"},
    ),
    Row(
        "CatalogueState",
        _ENUM,
        "Whether the catalogue can be reached, as the worker found it last; NONE where none is configured",
        lambda view: list(CatalogueState).index(view.catalogue_state),
        lambda view: _WARNING if view.catalogue_state is CatalogueState.UNREACHABLE else _VALID,
        {"enum_labels": [state.value for state in CatalogueState]},
    ),
    Row(
        "LastCompletedId",
        "DevLong64",
        "Id of the session completed last, 0 before the first",
        lambda view: view.last_completed.id if view.last_completed else 0,
    ),
    Row(
        "IngestState",
        _ENUM,
        "How far that one is on its way to the catalogue; NONE where it was never sent",
        lambda view: INGEST_LABELS.index(view.last_ingest.state.name if view.last_ingest else _NO_INGEST),
        lambda view: _WARNING if view.last_ingest and view.last_ingest.state is IngestState.PARKED else _VALID,
        {"enum_labels": list(INGEST_LABELS)},
    ),
    Row(
        "DatasetPid",
        str,
        "Its dataset in the catalogue, empty until it is archived",
        lambda view: view.last_completed.dataset_pid if view.last_completed else "",
    ),
    Row(
        "SessionIds",
        ("int64",),
        "The newest 1000 session ids, newest first",
        lambda view: list(view.session_ids),
        options={"max_dim_x": _MAX_IDS},
    ),
    Row(
        "Alarms",
        (str,),
        "All problems in sentences, the worst first",
        lambda view: [to_tango(alarm.sentence) for alarm in view.alarms[:_MAX_ALARMS]],
        _alarm_quality,
        {"max_dim_x": _MAX_ALARMS},
    ),
    Row(
        "AlarmDetails",
        str,
        "The same, exact, as a JSON list of {code, severity, sentence, blocks}",
        _alarm_details,
        _alarm_quality,
    ),
    Row(
        "AlarmSeverity",
        _ENUM,
        "Severity of the worst problem",
        _severity,
        _alarm_quality,
        {"enum_labels": [severity.name for severity in Severity]},
    ),
    Row(
        "LastEvent",
        str,
        "The newest line of the event log, JSON",
        lambda view: to_json(view.last_event.as_json()) if view.last_event else "{}",
    ),
    Row("EventCount", "DevLong64", "Sequence number of the newest event; only grows", lambda view: view.event_count),
    Row("LastError", str, "Why the last refused command was refused", lambda view: view.last_error),
    Row("Version", str, "Version of the server", lambda view: beamsession.__version__),
)

METADATA = Row(
    "Metadata",
    str,
    "Metadata of the open session, a JSON object; writing replaces it",
    lambda view: to_json(view.metadata),
)
_LAST = ("SessionState", "RunState", "EventCount")
ALL_ROWS = tuple(sorted((*ROWS, METADATA), key=lambda row: _LAST.index(row.name) if row.name in _LAST else -1))
"""In the order in which changes are pushed: who has heard a verdict has heard its counts, and who has heard EventCount
has heard all that its event changed."""


def value_of(row: Row, view: View) -> Any:
    """The attribute's value as Tango takes it."""
    value = row.read(view)
    return to_tango(value) if isinstance(value, str) else value


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal; NaN equals itself."""
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right):
        return True
    return bool(left == right)


def tango_state(view: View) -> DevState:
    """The device's State."""
    return getattr(DevState, view.state.value)
