"""Bluesky's way in: an ophyd-async device, plan stubs and wrappers, and a subscriber that tells sessions of runs.

Needs the extra `beamsession[bluesky]`; nothing else of beamsession imports it.
"""

from beamsession.faces.bluesky.device import SessionManagerDevice
from beamsession.faces.bluesky.frame_stream import FrameStream
from beamsession.faces.bluesky.labels import AlarmSeverityLabel, RunStateLabel, SessionStateLabel
from beamsession.faces.bluesky.registrar import RunRegistrar
from beamsession.faces.bluesky.run_info import RunInfo, RunResult
from beamsession.faces.bluesky.run_stubs import record_run, recorded, run_wrapper
from beamsession.faces.bluesky.session_run import SessionRun
from beamsession.faces.bluesky.session_stubs import (
    close_session,
    comment,
    open_session,
    pause_session,
    resume_session,
    session_decorator,
    session_wrapper,
)

__all__ = [
    "AlarmSeverityLabel",
    "FrameStream",
    "RunInfo",
    "RunRegistrar",
    "RunResult",
    "RunStateLabel",
    "SessionManagerDevice",
    "SessionRun",
    "SessionStateLabel",
    "close_session",
    "comment",
    "open_session",
    "pause_session",
    "record_run",
    "recorded",
    "resume_session",
    "run_wrapper",
    "session_decorator",
    "session_wrapper",
]
