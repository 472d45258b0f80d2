"""The whole life of a session with nothing but Channel Access: pyepics, caproto's tools, and a real IOC's records."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import epics
import h5py
import numpy as np
import pytest
from caproto import CAStatus, ChannelType
from caproto.sync import client as caproto_client

from beamsession.model.states import RunState
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from bridge_client import command, get, put, severity
from bridge_rig import PREFIX, Rig, wait_until

TOOLS = Path(sys.executable).parent
PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "use-epics.md"
SCAN = Path(__file__).with_name("scan.db")
Start = Callable[[str], int]


def _recorded(detector: DetectorClient, frames: int) -> None:
    detector.start(frames)
    detector.wait()
    wait_until("the frames are on disk", lambda: get("WrittenFrames") >= frames)


def test_a_session_with_a_run_lives_by_puts_and_gets_alone(session: Start, ca_detector: DetectorClient) -> None:
    put("SessionTitle", "Ceria")
    put("Proposal", "p17")
    put("Metadata", '{"sample": "CeO2"}')
    number = session("align")

    assert number > 0
    assert (get("SessionState"), get("State")) == ("STARTED", "ON")
    assert (get("SessionName_RBV"), get("SessionTitle_RBV"), get("Proposal_RBV")) == ("align", "Ceria", "p17")
    assert json.loads(get("Metadata_RBV")) == {"sample": "CeO2"}
    assert command("Pause") == ("DONE", f"Session {number} is paused.")
    assert get("SessionState") == "PAUSED"
    assert command("Resume")[0] == "DONE"
    put("RunTitle", "first")
    put("RunDetectors", "monitor")
    assert command("StartRun") == ("DONE", f"Run 1 of session {number} is RECORDING.")
    assert (get("RunState"), get("State")) == ("RECORDING", "RUNNING")
    assert (get("RunTitle_RBV"), get("RunDetectors_RBV"), get("RunsSession")) == ("first", "monitor", number)
    _recorded(ca_detector, 4)
    assert command("StopRun")[0] == "DONE"
    assert get("RunState") == "COMPLETED"
    assert (get("Det1:Name"), get("Det1:Written"), get("Det1:Missing")) == ("monitor", 4, 0)
    assert (get("Det1:State"), get("RunsText").split()) == ("COMPLETED", ["1", "COMPLETED", "first"])
    assert command("Complete") == ("DONE", f"Session {number} is completed.")
    assert (get("SessionState"), get("SessionId"), get("LastCompletedId")) == ("NONE", 0, number)


def test_complete_waits_for_the_open_run_and_tells_its_verdict(session: Start, ca_detector: DetectorClient) -> None:
    number = session("drained")
    put("StartRun", 1)
    _recorded(ca_detector, 3)

    status, message = command("Complete")

    assert status == "DONE"
    assert message.startswith(f"Session {number} is completed. Run 1 of session {number} is COMPLETED")
    assert get("SessionState") == "NONE"


def test_a_run_that_lacks_frames_fails_its_command_and_is_in_major_alarm(
    session: Start, ca_detector: DetectorClient
) -> None:
    session("lacking")
    put("RunFrames", 9)
    put("StartRun", 1)
    _recorded(ca_detector, 2)

    status, message = command("StopRun")

    assert (status, get("RunState"), get("CommandCode")) == ("FAILED", "INCOMPLETE", "RUN_INCOMPLETE")
    assert "INCOMPLETE" in message
    assert "AcknowledgeAlarm" in message
    assert severity("CommandStatus") == severity("RunState") == severity("Det1:Missing") == 2
    assert (get("Det1:Missing"), get("AlarmSeverity"), get("State")) == (7, "MAJOR", "ALARM")
    assert get("RunState.SEVR") == "MAJOR"
    assert command("AcknowledgeAlarm")[0] == "DONE"
    assert severity("RunState") == 0


def test_a_refused_command_says_why_and_changes_nothing(session: Start) -> None:
    events = get("EventCount")

    status, message = command("Pause")

    assert (status, message) == ("FAILED", "No session is open. Start one with Start.")
    assert severity("CommandStatus") == 2
    assert get("CommandCode") == "WRONG_STATE"
    assert (get("EventCount"), get("SessionState"), get("Pause")) == (events, "NONE", "Done")
    put("Metadata", "{not json")
    assert "not JSON" in command("Start")[1]
    put("RunFrames", -1)
    assert get("CommandMessage").startswith("RunFrames cannot be -1.")
    assert get("RunFrames") == 0


def test_a_command_while_another_runs_is_refused_and_says_which_runs(session: Start) -> None:
    session("busy")
    count = get("CommandCount")
    first, second = (epics.get_pv(PREFIX + name, timeout=30, connect=True) for name in ("StartRun", "Pause"))

    first.put(1, use_complete=True)
    second.put(1, wait=True, timeout=60)

    wait_until("both have ended", lambda: first.put_complete and get("CommandCount") == count + 2)
    assert get("SessionState") == "STARTED"
    assert (get("CommandName"), get("CommandStatus")) == ("StartRun", "DONE")
    assert get("RunState") == "RECORDING"


def test_check_run_tells_every_reason(session: Start) -> None:
    session("checked")

    assert command("CheckRun") == ("DONE", "A run can start.")
    put("RunDetectors", "nothing")
    status, message = command("CheckRun")

    assert status == "FAILED"
    assert message.startswith("There is no detector 'nothing'.")


def test_text_is_exact_at_dollar_and_cut_between_letters_without(session: Start) -> None:
    title = "Łukasz 2θ " * 15
    put("SessionTitle$", np.frombuffer(title.encode() + b"\0", np.uint8))
    session("Łukasz 2θ")

    assert _exact("SessionTitle_RBV$") == title.strip()
    assert _exact("SessionName_RBV$") == "Łukasz 2θ"
    assert title.startswith(get("SessionTitle_RBV"))
    assert len(get("SessionTitle_RBV")) >= 30
    comment = "Ordnung, 2θ. " * 200
    put("Comment", np.frombuffer(comment.encode(), np.uint8))
    assert get("CommandStatus") == "DONE"
    event = json.loads(_exact("LastEvent"))
    assert event["payload"]["text"] == comment.strip()
    assert event["face"] == "epics"
    assert "@" in event["payload"]["client"]
    assert get("CommandClient") == event["payload"]["client"]


def _exact(name: str) -> str:
    value = epics.get_pv(PREFIX + name, timeout=30, connect=True).get(use_monitor=False, timeout=30)
    return bytes(np.atleast_1d(np.asarray(value, np.uint8))).rstrip(b"\0").decode()


def test_a_monitor_sees_every_state_of_a_run_in_order(session: Start) -> None:
    session("monitored")
    seen: list[tuple[str, float]] = []
    labels = [state.value for state in RunState]

    def on_change(value: Any = 0, timestamp: float = 0.0, **_: Any) -> None:
        seen.append((labels[int(value)], timestamp))

    watched = epics.PV(PREFIX + "RunState", form="time", auto_monitor=True, callback=on_change)
    wait_until("the first value", lambda: seen)
    begun = len(seen)

    put("StartRun", 1)
    put("AbortRun", 1)

    wait_until(f"the verdict: {seen}", lambda: seen[-1][0] == "ABORTED" and len(seen) > begun)
    states = [state for state, _ in seen[begun:]]
    assert states[:2] == ["PREPARING", "RECORDING"]
    assert states[-2:] == ["DRAINING", "ABORTED"]
    stamps = [stamp for _, stamp in seen[begun:]]
    assert stamps == sorted(stamps)
    watched.disconnect()


def test_a_verdict_is_heard_after_the_counts_that_it_is_about(session: Start, ca_detector: DetectorClient) -> None:
    session("counted")
    heard: list[tuple[str, float]] = []
    watched = [
        epics.PV(
            PREFIX + name,
            auto_monitor=True,
            callback=lambda value=0.0, pvname="", **_: heard.append((pvname.removeprefix(PREFIX), float(value))),
        )
        for name in ("RunState", "WrittenFrames", "Det1:Written")
    ]
    put("RunFrames", 6)
    put("StartRun", 1)
    wait_until("all PVs are monitored", lambda: len({name for name, _ in heard}) == len(watched))

    ca_detector.start(6)

    verdict = ("RunState", float(list(RunState).index(RunState.COMPLETED)))
    wait_until(f"the verdict: {heard}", lambda: verdict in heard)
    before = dict(heard[: heard.index(verdict)])
    for pv in watched:
        pv.disconnect()
    ca_detector.wait()
    assert (before["WrittenFrames"], before["Det1:Written"]) == (6, 6)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("Pause", 7, "Pause cannot be 7. Put 1 to give the command; nothing was done."),
        ("RunFrames", "many", "RunFrames cannot be 'many'. Give a number; it stays as it was."),
    ],
)
def test_a_value_that_is_none_is_told_as_a_failed_command(
    rig: Rig, session: Start, name: str, value: Any, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = session("sturdy")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", f"127.0.0.1:{rig.ca_port}")

    put: Any = caproto_client.write(
        PREFIX + name,
        value,
        data_type=ChannelType.STRING if isinstance(value, str) else None,
        notify=True,
        repeater=False,
    )

    assert put.status == CAStatus.ECA_BADTYPE.value
    assert (get("CommandName"), get("CommandStatus"), get("CommandMessage")) == (name, "FAILED", sentence)
    assert (get("SessionId"), get("SessionState"), get("RunFrames")) == (number, "STARTED", 0)


def test_the_newest_runs_of_many_are_listed(rig: Rig, session: Start) -> None:
    session("many")
    for number in range(1, 24):
        file = rig.folder / "data" / f"other-{number}.h5"
        h5py.File(file, "w").close()
        assert command("RegisterRun", str(file))[0] == "DONE", get("CommandMessage")

    assert list(get("RunsNumber")) == list(range(23, 3, -1))


def _tool(rig: Rig, *arguments: str) -> str:
    done = subprocess.run([TOOLS / arguments[0], *arguments[1:]], env=rig.environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_caprotos_tools_drive_a_session(rig: Rig, session: Start) -> None:
    monitor = subprocess.Popen(
        [TOOLS / "caproto-monitor", "--maximum", "2", f"{PREFIX}SessionState"],
        env=rig.environment,
        stdout=subprocess.PIPE,
    )
    assert monitor.stdout is not None
    assert b"NONE" in monitor.stdout.readline()
    _tool(rig, "caproto-put", f"{PREFIX}SessionName", "tools")
    _tool(rig, "caproto-put", "--notify", f"{PREFIX}Start", "1")

    assert "STARTED" in _tool(rig, "caproto-get", f"{PREFIX}SessionState")
    assert "tools" in _tool(rig, "caproto-get", f"{PREFIX}SessionName_RBV")
    assert b"STARTED" in monitor.stdout.readline()
    monitor.wait(30)
    assert "lsi" in _tool(rig, "caproto-get", f"{PREFIX}SessionName_RBV.RTYP")


@pytest.fixture
def scanning_ioc(rig: Rig, beamline: Beamline) -> Iterator[subprocess.Popen[bytes]]:
    """A real IOC whose records are the scan; its client end finds the bridge and the detector."""
    macros = f"S=SCAN:,P={PREFIX},D={beamline.prefix}CAM1:"
    command = [sys.executable, "-m", "epicscorelibs.ioc", "-m", macros, "-d", str(SCAN)]
    environment = {**rig.environment, "EPICS_CAS_SERVER_PORT": "0"}
    with (rig.folder / "scan.log").open("wb") as log:
        ioc = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)
    yield ioc
    ioc.kill()
    ioc.wait()


def test_the_records_of_a_real_ioc_run_a_whole_session(
    rig: Rig, session: Start, scanning_ioc: subprocess.Popen[bytes], ca_detector: DetectorClient
) -> None:
    last = get("LastCompletedId")
    assert scanning_ioc.stdin is not None

    def say(text: str) -> None:
        assert scanning_ioc.stdin is not None
        scanning_ioc.stdin.write(text.encode())
        scanning_ioc.stdin.flush()

    say("import __main__, ctypes\n")

    def is_connected() -> bool:
        say("__main__.iocshCmd(b'dbcar'); ctypes.CDLL(None).fflush(None)\n")
        return ", 0 not connected" in (rig.folder / "scan.log").read_text(errors="replace")

    wait_until("the IOC's links are connected", is_connected)
    say("__main__.iocshCmd(b'dbpf SCAN:Go.PROC 1')\n")

    wait_until(
        "the scan has completed its session", lambda: get("LastCompletedId") > last and get("CommandName") == "Complete"
    )
    shown: dict[str, Any] = json.loads(
        rig.proxy().command_inout(
            "Call", json.dumps({"verb": "session_show", "args": {"session": int(get("LastCompletedId"))}})
        )
    )
    assert (shown["name"], shown["state"]) == ("scanned", "COMPLETED")
    assert [(run["state"], run["report"]["accounts"][0]["written"]) for run in shown["runs"]] == [("COMPLETED", 5)]


def test_the_scan_on_the_how_to_page_runs_as_it_stands(rig: Rig, session: Start) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    last = get("LastCompletedId")

    program = example.replace("P99:Session:", PREFIX)
    done = subprocess.run(
        [sys.executable, "-c", program], env=rig.environment, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert "COMPLETED" in done.stdout
    assert get("LastCompletedId") > last
