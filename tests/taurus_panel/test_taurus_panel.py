"""The panel by clicks, before real servers and detectors."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.faces.taurus.last_frame import last_frame
from beamsession.model.states import RunState, SessionState
from beamsim.running import Beamline
from panel_rig import PATIENCE_S, Hand, PanelBeamline, panel_beamline

NAME = "Łukasz 2θ"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, beamline: Beamline) -> Iterator[PanelBeamline]:
    with panel_beamline(tmp_path_factory.mktemp("panel"), beamline) as found:
        yield found


@pytest.fixture(scope="module")
def application() -> Any:
    from taurus.external.qt import QtWidgets

    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture(scope="module")
def opened(servers: PanelBeamline, application: Any) -> Iterator[Hand]:
    """One panel for all tests; each begins without a session."""
    from beamsession.faces.taurus import SessionPanel

    panel = SessionPanel()
    panel.setModel(servers.address)
    panel.resize(1024, 700)
    panel.show()
    yield Hand(panel)
    panel.close()
    assert panel.stop(20)
    panel.deleteLater()
    application.processEvents()


@pytest.fixture
def hand(opened: Hand, servers: PanelBeamline) -> Iterator[Hand]:
    servers.close_session()
    opened.wait("the panel stands by", lambda: _stands_by(opened))
    opened.panel.metadata.discard()
    opened.panel.session.forget()
    opened.panel.run.frames.setValue(0)
    yield opened
    for box in opened.panel.findChildren(opened._widgets.QDialog):
        box.close()


def _stands_by(hand: Hand) -> bool:
    """Each attribute comes by an event of its own: the device may stand by before its session is seen to be over."""
    scene = hand.panel.scene
    over = scene.session_state is SessionState.NONE and not scene.session_id
    return scene.device_state == "STANDBY" and over and not hand.panel.orders.busy


def start(hand: Hand, name: str = "align") -> int:
    """Start a session by hand; its number."""
    hand.type("field:name", name)
    hand.click("session_start")
    hand.wait("the session is open", lambda: hand.state()[0] == "STARTED" and hand.panel.scene.session)
    hand.wait("the order is done", lambda: not hand.panel.orders.busy)
    return hand.panel.scene.session_id


def record(hand: Hand, frames: int) -> None:
    hand.panel.run.frames.setValue(frames)
    hand.click("run_start")
    hand.wait("the order is done", lambda: not hand.panel.orders.busy)


def test_a_session_lives_from_start_to_completion_by_clicks(hand: Hand, servers: PanelBeamline) -> None:
    hand.type("field:title", NAME)
    hand.type("field:energy", "8.05")
    number = start(hand, NAME)

    found = servers.ask("session_show")
    assert (found["name"], found["title"]) == (NAME, NAME)
    assert found["metadata"] == {"sample": "CeO2", "technique": "", "energy": 8.05}
    assert hand.panel.header.title.text() == NAME
    assert NAME in hand.panel.header.detail.text()

    hand.type("run title", NAME)
    record(hand, 20)
    hand.wait("the run is complete", lambda: hand.state()[1] == "COMPLETED")
    hand.wait("the table shows it", lambda: hand.panel.runs.model.rows[0].state is RunState.COMPLETED)
    row = hand.panel.runs.model.rows[0]
    assert (row.title, row.expected, row.written, row.missing) == (NAME, 40, 40, 0)

    hand.click("session_pause")
    hand.wait("it is paused", lambda: hand.state()[0] == "PAUSED")
    hand.click("session_resume")
    hand.wait("it goes on", lambda: hand.state()[0] == "STARTED")
    hand.type("comment", NAME)
    hand.click("comment_add")
    hand.wait("the comment is kept", lambda: hand.said == "The comment is kept." and not hand.find("comment").text())
    [comment] = [event for event in servers.ask("event_list", session=number) if event["kind"] == "comment_added"]
    assert (comment["payload"]["text"], comment["face"]) == (NAME, "taurus")

    hand.click("session_complete")
    hand.answer("Complete")
    hand.wait("it is completed", lambda: hand.state()[0] == "NONE")
    assert servers.ask("session_show", session=number)["state"] == "COMPLETED"
    hand.wait("its runs stay in sight", lambda: hand.panel.runs.title() == f"Runs of session {number}, completed last")


def test_only_what_was_typed_is_sent(hand: Hand, servers: PanelBeamline) -> None:
    number = start(hand)
    servers.ask("metadata_set", values={"scans": 3})
    hand.wait("the other's value is seen", lambda: hand.find("field:scans").text() == "3")
    hand.type("field:filters", "[1, 2.5]")
    hand.type("field:title", "Ceria")
    hand.click("apply")
    hand.wait("it is sent", lambda: hand.said == "Changed: title, filters.")

    [event] = [event for event in servers.ask("event_list", session=number) if event["kind"] == "metadata_changed"][1:]
    assert event["payload"]["changed"] == {"filters": [1, 2.5]}
    assert servers.ask("session_show")["title"] == "Ceria"
    assert not hand.find("apply").isEnabled()


def test_what_somebody_else_changes_meanwhile_is_shown_and_not_overwritten(hand: Hand, servers: PanelBeamline) -> None:
    start(hand)
    hand.type("field:energy", "9")
    servers.ask("metadata_set", values={"energy": 7.5})

    note = hand.find("note:energy")
    hand.wait("the panel tells", lambda: note.text() == "Changed meanwhile to 7.5")
    assert hand.find("field:energy").text() == "9"
    assert not hand.find("apply").isEnabled()
    assert servers.ask("metadata_show")["energy"] == 7.5
    hand.click("mine:energy")
    hand.click("apply")
    hand.wait("it is sent on purpose", lambda: servers.ask("metadata_show")["energy"] == 9)

    hand.type("field:energy", "10")
    servers.ask("metadata_set", values={"energy": 6})
    hand.wait("the panel tells again", lambda: note.isVisible() and "6" in note.text())
    hand.click("theirs:energy")
    assert hand.find("field:energy").text() in ("6", "6.0")
    assert not hand.panel.metadata.form.is_changed


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("energy", "blue", "'energy' is no number."),
        ("scans", "1.5", "'scans' is no integer."),
        ("filters", "[1, 2", "'filters' is not the JSON text of a list."),
        ("setup", "[1]", "'setup' is no map."),
        ("sample", "", "'sample' is mandatory."),
    ],
)
def test_a_value_that_does_not_fit_says_so_while_it_is_typed(hand: Hand, key: str, text: str, sentence: str) -> None:
    start(hand)
    hand.type(f"field:{key}", text)

    assert hand.find(f"note:{key}").text() == sentence
    assert not hand.find("apply").isEnabled()
    assert sentence in hand.find("apply").toolTip()
    hand.click("discard")
    assert not hand.find(f"note:{key}").isVisible()


def test_what_the_manager_refuses_is_a_sentence(hand: Hand, servers: PanelBeamline) -> None:
    hand.type("field:name", "../up")
    hand.click("session_start")
    hand.wait("the refusal", lambda: "holds a slash or '..'" in hand.said and "Use another sign" in hand.said)
    assert hand.find("field:name").text() == "../up"
    hand.click("discard") if hand.find("discard").isEnabled() else None
    start(hand, "good")
    hand.type("path", "/nowhere/at/all")
    hand.click("file_add")
    hand.wait("the refusal", lambda: "/nowhere/at/all" in hand.said and not hand.panel.orders.busy)
    assert hand.panel.message.message.tone.name == "REFUSED"
    assert hand.find("path").text() == "/nowhere/at/all"


def test_buttons_follow_the_state_and_say_why(hand: Hand, servers: PanelBeamline) -> None:
    def enabled() -> set[str]:
        names = ["session_start", "session_pause", "session_resume", "session_complete", "session_cancel"]
        names += ["run_start", "run_stop", "run_abort", "comment_add"]
        return {name for name in names if hand.find(name).isEnabled()}

    assert enabled() == {"session_start"}
    assert hand.find("run_start").toolTip() == "No session is open. Start one with Start."
    start(hand)
    opened = {"session_start", "session_pause", "session_complete", "session_cancel", "run_start", "comment_add"}
    hand.wait("the buttons of an open session", lambda: enabled() == opened)
    record(hand, 0)
    recording = (opened | {"run_stop", "run_abort"}) - {"run_start", "session_cancel"}
    hand.wait("the buttons of a run", lambda: enabled() == recording)
    assert "A run is still open." in hand.find("run_start").toolTip()
    servers.ask("session_pause")
    hand.wait("somebody's pause is seen", lambda: "session_resume" in enabled() and "session_pause" not in enabled())


def test_progress_moves_and_the_picture_of_the_last_frame_comes(hand: Hand, servers: PanelBeamline) -> None:
    start(hand)
    record(hand, 0)
    hand.wait("frames are counted", lambda: hand.panel.runs.model.rows and hand.panel.runs.model.rows[0].written > 4)
    picture = hand.panel.picture
    first = hand.wait("a live picture", lambda: picture.shown)
    assert first.values.shape == (192, 256)
    assert first.levels[1] > first.levels[0]
    assert first.time is not None
    later = hand.wait("a later one", lambda: (now := picture.shown) and now.number > first.number and now)
    assert picture.image.isVisible()
    assert f"frame {later.number}" in picture.about.text()
    picture.detector.setCurrentText("monitor")
    hand.wait("that of the other", lambda: picture.shown and picture.shown.detector == "monitor")
    assert "Run " in hand.panel.run.progress.format()

    hand.click("run_stop")
    hand.wait("the verdict", lambda: hand.panel.runs.model.rows[0].state is RunState.COMPLETED)
    count = last_frame(Path(hand.panel.runs.model.rows[0].file), "monitor").count
    hand.wait("the very last frame", lambda: picture.shown and picture.shown.number == count)


def test_abort_asks_and_its_alarm_is_acknowledged_by_a_click(hand: Hand, servers: PanelBeamline) -> None:
    start(hand)
    record(hand, 0)
    hand.wait("it records", lambda: hand.state()[1] == "RECORDING")
    hand.click("run_abort")
    hand.answer("Back")
    assert servers.ask("run_list")[0]["state"] == "RECORDING"
    hand.click("run_abort")
    hand.answer("Abort the run")
    alarms = hand.find("alarms")
    hand.wait("the alarm", lambda: alarms.item(0).text().startswith("MAJOR  Run 1 of session"))
    hand.click("alarm_acknowledge")
    hand.wait("it is gone", lambda: alarms.item(0).text() == "No problem is known.")
    assert hand.panel.runs.model.rows[0].state is RunState.ABORTED


def test_detectors_are_chosen_and_check_tells_what_is_in_the_way(hand: Hand, servers: PanelBeamline) -> None:
    start(hand)
    monitor = next(action for action in hand.panel.run.detectors.menu_of_names.actions() if action.text() == "monitor")
    monitor.trigger()
    record(hand, 3)
    assert hand.panel.run.detectors.text() == "camera"
    hand.wait("its run", lambda: hand.panel.runs.model.rows and hand.panel.runs.model.rows[0].detectors == ("camera",))
    hand.wait("its end", lambda: hand.state()[1] == "COMPLETED")
    camera = hand.panel.run.detectors.menu_of_names.actions()[0]
    camera.trigger()
    hand.click("run_check")
    hand.wait("why not", lambda: "A run of no detector would record no frame." in hand.said)
    monitor.trigger()
    camera.trigger()
    hand.click("run_check")
    hand.wait("why not any more", lambda: hand.said.startswith("The run can be recorded"))


def test_start_with_a_session_open_says_what_becomes_of_it(hand: Hand, servers: PanelBeamline) -> None:
    first = start(hand)
    servers.ask("metadata_set", values={"sample": NAME})
    hand.wait("it is seen", lambda: hand.find("field:sample").text() == NAME)
    hand.click("session_start")
    dialog = hand.wait("the dialog", lambda: hand.panel.findChild(hand._widgets.QDialog, "start"))
    assert "A session is open: the open session completes" in dialog.findChild(hand._widgets.QLabel).text()
    hand.type("start name", "next")
    dialog.keep.setChecked(True)
    hand.press(dialog.start)
    hand.wait("the next one", lambda: hand.panel.scene.session_id not in (0, first))
    assert servers.ask("session_show")["metadata"]["sample"] == NAME
    assert servers.ask("session_show", session=first)["state"] == "COMPLETED"


def test_a_file_that_is_not_seen_here_is_a_sentence(hand: Hand, servers: PanelBeamline) -> None:
    start(hand)
    record(hand, 2)
    hand.wait("the picture", lambda: hand.panel.picture.shown and hand.panel.picture.shown.number == 2)
    folder = servers.folder / "data"
    hidden = folder.rename(servers.folder / "elsewhere")
    try:
        hand.panel.picture.detector.setCurrentText("monitor")
        sentence = hand.find("no picture")
        hand.wait("the sentence", lambda: "is not seen from this host. Mount the data disk" in sentence.text())
    finally:
        hidden.rename(folder)


def test_a_manager_that_is_killed_and_back_is_taken_up_again(hand: Hand, servers: PanelBeamline) -> None:
    number = start(hand)
    server = servers.manager
    assert server.process is not None
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    hand.wait("the panel says so", lambda: "does not answer" in hand.said and not hand.panel.scene.connected)
    assert not hand.find("session_pause").isEnabled()
    assert "does not answer" in hand.find("session_pause").toolTip()
    assert hand.panel.header.title.text() == "Not connected"
    server.start()
    hand.wait("it is back", lambda: hand.panel.scene.connected and hand.state()[0] == "STARTED")
    assert hand.panel.scene.session_id == number
    hand.click("session_pause")
    hand.wait("events come again", lambda: hand.state()[0] == "PAUSED")


def test_a_window_closed_while_a_command_runs_ends_its_threads(servers: PanelBeamline, application: Any) -> None:
    from beamsession.faces.taurus import SessionPanel

    panel = SessionPanel()
    panel.setModel(servers.address)
    panel.show()
    other = Hand(panel)
    other.wait("it is connected", lambda: panel.scene.connected)
    before = threading.active_count()
    server = servers.manager.process
    assert server is not None
    server.send_signal(signal.SIGSTOP)
    try:
        panel.orders.comment("never answered")
        assert panel.orders.busy
        panel.close()
        assert not panel.isVisible()
    finally:
        server.send_signal(signal.SIGCONT)
    assert panel.stop(20)
    assert threading.active_count() < before
    panel.deleteLater()
    application.processEvents()


def test_the_command_opens_a_window_that_ends_cleanly(servers: PanelBeamline, tmp_path: Path) -> None:
    """It is connected once the manager's list of its last clients names it."""
    log = tmp_path / "log"
    command = [sys.executable, "-m", "beamsession.faces.cli.main", "--device", servers.address, "taurus"]
    with log.open("wb") as file:
        window = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        proxy = servers.manager.proxy()
        until = time.monotonic() + PATIENCE_S
        while not any(f"PID {window.pid})" in line and "Call" in line for line in proxy.black_box(50)):
            assert time.monotonic() < until, log.read_text()
            assert window.poll() is None, log.read_text()
            time.sleep(0.1)
        window.send_signal(signal.SIGTERM)
        assert window.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        if window.poll() is None:
            window.kill()
            window.wait()
    assert "Traceback" not in log.read_text()
    assert "terminate called" not in log.read_text()


def test_the_panel_of_taurusgui_in_the_how_to_is_made(servers: PanelBeamline, application: Any) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "use-taurus.md"
    [example] = [
        text for text in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL) if "taurusgui" in text
    ]
    made: dict[str, Any] = {}
    exec(example.replace("tango://p99-db:10000/p99/session/manager", servers.address), made)
    panel = made["session"].getWidget(setModel=True)
    panel.show()
    Hand(panel).wait("it is connected", lambda: panel.scene.connected)
    panel.close()
    assert panel.stop(20)
    panel.deleteLater()
    application.processEvents()
