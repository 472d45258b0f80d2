"""The SessionManager device as any Tango client sees it: a real server, its recorder beside it."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tango
from tango import AttrDataFormat, CmdArgType

from beamsession import __version__
from beamsession.faces.tango.manager_attributes import ALL_ROWS
from beamsession.model.permissions import Action
from beamsession.model.states import RunState, SessionState
from beamsession.verbs import REGISTRY
from manager_server import call, free_port, label, manager, read, recorder, refusal, wait_until, write_config

# What ophyd-async has a signal or a command for.
MAPPED = {
    CmdArgType.DevVoid, CmdArgType.DevBoolean, CmdArgType.DevDouble, CmdArgType.DevLong, CmdArgType.DevLong64,
    CmdArgType.DevString, CmdArgType.DevEnum, CmdArgType.DevState,
}  # fmt: skip
DONE = ("COMPLETED", "ABORTED")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tango.DeviceProxy]:
    port = free_port()
    config = write_config(tmp_path_factory.mktemp("manager"), recorder_port=port)
    servers = [recorder(config, port), manager(config)]
    try:
        for server in servers:
            server.start()
        proxy = servers[1].proxy()
        wait_until("the recorder is there", lambda: not read(proxy, "Alarms") and read(proxy, "DiskFree") > 0)
        yield proxy
    finally:
        for server in reversed(servers):
            server.stop()


@pytest.fixture
def proxy(device: tango.DeviceProxy) -> tango.DeviceProxy:
    """The device without a session and without an alarm."""
    if label(device, "SessionState") in ("STARTED", "PAUSED"):
        device.Complete()
    wait_until("no session is left", lambda: label(device, "SessionState") == "NONE")
    device.AcknowledgeAlarm()
    wait_until("it stands by", lambda: device.state() is tango.DevState.STANDBY)
    return device


def refused(proxy: tango.DeviceProxy, command: str, argument: Any = None) -> tuple[str, str]:
    """Code and sentence; no event may be written."""
    count = read(proxy, "EventCount")
    with pytest.raises(tango.DevFailed) as failure:
        proxy.command_inout(command, argument)
    assert read(proxy, "EventCount") == count
    return refusal(failure.value)


def test_every_verb_has_a_command_but_those_of_our_own_programs(proxy: tango.DeviceProxy) -> None:
    found = {info.cmd_name for info in proxy.command_list_query()}
    wanted = {verb.tango for verb in REGISTRY if verb.action is not Action.REPORT}
    assert found == wanted | {"Call", "Unlock", "Init", "State", "Status"}


def configuration_of(proxy: tango.DeviceProxy, name: str) -> Any:
    """An attribute's configuration."""
    return proxy.get_attribute_config(name)


def test_only_types_that_bluesky_can_use_are_offered(proxy: tango.DeviceProxy) -> None:
    for command in proxy.command_list_query():
        assert {command.in_type, command.out_type} <= MAPPED | {CmdArgType.ConstDevString}, command.cmd_name
    for attribute in proxy.attribute_list_query():
        assert CmdArgType(attribute.data_type) in MAPPED, attribute.name
        assert attribute.data_format is not AttrDataFormat.IMAGE
        labels = configuration_of(proxy, attribute.name).enum_labels
        assert [text for text in labels if text != text.upper()] == []


def test_the_enums_are_the_states_in_their_order(proxy: tango.DeviceProxy) -> None:
    for name, kind in (("SessionState", SessionState), ("RunState", RunState)):
        configuration: Any = proxy.get_attribute_config(name)
        assert list(configuration.enum_labels) == [state.value for state in kind]


def test_every_attribute_is_described_and_can_be_read_without_a_session(proxy: tango.DeviceProxy) -> None:
    assert {*proxy.get_attribute_list()} == {row.name for row in ALL_ROWS} | {"State", "Status"}
    for row in ALL_ROWS:
        attribute: Any = proxy.read_attribute(row.name)
        assert attribute.quality is not tango.AttrQuality.ATTR_INVALID, row.name
        assert configuration_of(proxy, row.name).description == row.doc
    shown = {name: read(proxy, name) for name in ("SessionId", "SessionName", "SessionTitle", "Metadata", "StartTime")}
    assert shown == {"SessionId": 0, "SessionName": "unknown", "SessionTitle": "", "Metadata": "{}", "StartTime": ""}
    assert (read(proxy, "RunCount"), read(proxy, "Progress"), label(proxy, "AlarmSeverity")) == (0, 0.0, "NO_ALARM")
    assert read(proxy, "Version") == __version__
    assert proxy.status() == "No session is open."


def test_units_and_ranges_are_set(proxy: tango.DeviceProxy) -> None:
    units = {
        name: configuration_of(proxy, name).unit for name in ("DataRate", "DiskFree", "DiskMinutesLeft", "Progress")
    }
    assert units == {"DataRate": "MB/s", "DiskFree": "GiB", "DiskMinutesLeft": "min", "Progress": "%"}
    assert float(configuration_of(proxy, "Progress").max_value) == 100.0


def test_a_session_with_a_run_goes_through_its_states(proxy: tango.DeviceProxy) -> None:
    session = proxy.Start("scan 1")
    assert (proxy.state(), read(proxy, "SessionId"), read(proxy, "SessionIds")[0]) == (
        tango.DevState.ON,
        session,
        session,
    )
    assert read(proxy, "Root").endswith(f"{session:06d}_scan_1")
    assert proxy.StartRun("") == 1
    wait_until("the run records", lambda: label(proxy, "RunState") == "RECORDING")
    assert proxy.state() is tango.DevState.RUNNING
    assert read(proxy, "RunFile").endswith("run_0001.nxs")
    proxy.Pause()
    assert (label(proxy, "SessionState"), label(proxy, "RunState")) == ("PAUSED", "PAUSED")
    proxy.Resume()
    proxy.Complete()
    wait_until("the session is completed", lambda: read(proxy, "LastCompletedId") == session)
    assert (label(proxy, "SessionState"), label(proxy, "RunState")) == ("NONE", "COMPLETED")
    assert proxy.state() is tango.DevState.STANDBY


def test_start_takes_json_and_text_beyond_latin_1_is_kept_exactly(proxy: tango.DeviceProxy) -> None:
    proxy.Start(json.dumps({"name": "Łukasz 2θ", "title": "θ", "metadata": {"Å": "λ"}, "proposal": "p1"}))
    assert (read(proxy, "SessionName"), read(proxy, "Proposal")) == ("Lukasz 2theta", "p1")
    assert json.loads(read(proxy, "Metadata")) == {"Å": "λ"}
    shown = json.loads(proxy.ShowSession(""))
    assert (shown["name"], shown["title"]) == ("Łukasz 2θ", "θ")


def test_an_aborted_run_alarms_until_it_is_acknowledged(proxy: tango.DeviceProxy) -> None:
    proxy.Start("alarm")
    proxy.StartRun("")
    wait_until("the run records", lambda: label(proxy, "RunState") == "RECORDING")
    proxy.AbortRun()
    wait_until("the verdict", lambda: label(proxy, "RunState") == "ABORTED")
    wait_until("the alarm", lambda: proxy.state() is tango.DevState.ALARM)
    attribute: Any = proxy.read_attribute("RunState")
    assert attribute.quality is tango.AttrQuality.ATTR_ALARM
    assert label(proxy, "AlarmSeverity") == "MAJOR"
    assert read(proxy, "Alarms")[0] in proxy.status()
    [alarm] = json.loads(read(proxy, "AlarmDetails"))
    assert (alarm["code"], alarm["severity"], alarm["blocks"]) == ("RUN_ABORTED", "MAJOR", True)
    assert alarm["sentence"] == read(proxy, "Alarms")[0]
    assert proxy.AcknowledgeAlarm() is True
    assert (proxy.state(), len(read(proxy, "Alarms") or ())) == (tango.DevState.ON, 0)


def test_metadata_can_be_written(proxy: tango.DeviceProxy) -> None:
    proxy.Start("metadata")
    proxy.Metadata = '{"a": 1, "b": {"value": 2.5, "unit": "mm"}}'
    assert json.loads(read(proxy, "Metadata")) == {"a": 1, "b": {"value": 2.5, "unit": "mm"}}
    assert json.loads(proxy.SetMetadata('{"values": {"a": null}}')) == {"b": {"value": 2.5, "unit": "mm"}}
    proxy.Complete()
    with pytest.raises(tango.DevFailed) as failure:
        proxy.Metadata = "{}"
    assert refusal(failure.value)[0] == "WRONG_STATE"


@pytest.mark.parametrize(
    ("command", "argument", "code"),
    [
        ("Pause", None, "WRONG_STATE"),
        ("StopRun", None, "WRONG_STATE"),
        ("Start", "a/b", "BAD_NAME"),
        ("Start", '{"name": ', "BAD_JSON"),
        ("Start", '{"metadata": ' + '{"a":' * 20_000 + "1" + "}" * 20_001, "BAD_JSON"),
        ("Start", '{"metadata": {"a": ' + "9" * 5000 + "}}", "BAD_JSON"),
        ("StartRun", "[1]", "BAD_JSON"),
        ("ShowSession", '{"session": 99999999999999999999}', "BAD_ARGUMENTS"),
        ("ShowSession", '{"session": 999}', "SESSION_NOT_FOUND"),
        ("ListSessions", '{"since": "2026-01-01"}', "BAD_ARGUMENTS"),
        ("Call", "[]", "BAD_JSON"),
        ("Call", '{"verb": "session_list", "principal": "ana"}', "BAD_PRINCIPAL"),
        ("Call", '{"verb": "session_list", "token": "\\ud800"}', "BAD_TOKEN"),
        ("Call", '{"verb": "run_report"}', "NOT_PERMITTED"),
        ("Unlock", "guess", "BAD_TOKEN"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_a_sentence_with_a_code(
    proxy: tango.DeviceProxy, command: str, argument: Any, code: str
) -> None:
    found, sentence = refused(proxy, command, argument)
    assert found == code
    assert sentence[0].isupper() or sentence[0] == "'"
    assert read(proxy, "LastError")
    assert call(proxy, "refusal_list", limit=1)[0]["code"] == code


def test_the_exact_error_travels_as_json(proxy: tango.DeviceProxy) -> None:
    with pytest.raises(tango.DevFailed) as failure:
        proxy.Start(json.dumps({"name": "Łukasz/2θ"}))
    first: Any = failure.value.args[0]
    exact = json.loads(first.origin)
    assert (exact["code"], exact["value"], exact["kind"]) == ("BAD_NAME", "Łukasz/2θ", "INVALID_INPUT")
    assert first.desc == f"{exact['sentence']} {exact['remedy']}"


def test_a_call_carries_its_principal_face_and_request_id(proxy: tango.DeviceProxy) -> None:
    ask: dict[str, Any] = {"principal": {"name": "Łukasz"}, "face": "web", "request_id": "r1"}
    session = call(proxy, "session_start", name="by call", **ask)
    assert call(proxy, "session_start", name="by call", **ask) == session == read(proxy, "SessionId")
    event = json.loads(read(proxy, "LastEvent"))
    assert (event["kind"], event["principal"], event["face"]) == ("session_started", "Łukasz", "web")
    proxy.Comment("by the operator")
    assert json.loads(read(proxy, "LastEvent"))["principal"] == "operator"


def test_unlock_opens_staffs_rights_and_no_token_is_ever_logged(proxy: tango.DeviceProxy) -> None:
    staff = {"principal": {"name": "ana", "role": "staff"}}
    with pytest.raises(tango.DevFailed):
        call(proxy, "session_list", **staff)
    proxy.Unlock("the staff secret")
    assert call(proxy, "session_list", **staff)
    proxy.Unlock("")
    with pytest.raises(tango.DevFailed):
        call(proxy, "session_list", **staff)
    assert call(proxy, "session_list", token="the staff secret", **staff)
    for text in ('{"verb": 5, "token": "hidden one"}', '{"token" : "hidden two", "verb": ', '{"token": "hidden'):
        refused(proxy, "Call", text)
    refused(proxy, "Unlock", "hidden four")
    logged = json.dumps(call(proxy, "refusal_list"))
    assert "hidden" not in logged
    assert "secret" not in logged


def test_changes_are_pushed_without_a_database(proxy: tango.DeviceProxy) -> None:
    seen: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def heard(event: Any) -> None:
        if not event.err:
            seen.put((event.attr_value.name.lower(), event.attr_value.value))

    names = ("State", "SessionState", "SessionName", "Metadata", "EventCount", "SessionIds")
    subscriptions = [proxy.subscribe_event(name, tango.EventType.CHANGE_EVENT, heard) for name in names]
    try:
        session = proxy.Start('{"name": "pushed", "metadata": {"a": 1}}')
        wanted: dict[str, Any] = {
            "state": tango.DevState.ON,
            "sessionstate": list(SessionState).index(SessionState.STARTED),
            "sessionname": "pushed",
            "metadata": '{"a": 1}',
            "eventcount": read(proxy, "EventCount"),
        }
        while wanted or session:
            name, value = seen.get(timeout=30)
            if name in wanted and value == wanted[name]:
                del wanted[name]
            if name == "sessionids" and value[0] == session:
                session = 0
    finally:
        for subscription in subscriptions:
            proxy.unsubscribe_event(subscription)


def test_numbers_and_paths_are_taken_as_they_are_or_as_json(proxy: tango.DeviceProxy, tmp_path: Path) -> None:
    session = proxy.Start("natural")
    folder = Path(read(proxy, "Root"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.h5").touch()
    (folder / "note.txt").touch()
    assert proxy.RegisterRun(json.dumps({"path": "a.h5", "title": "first"})) == 1
    proxy.AddFile("note.txt")
    assert proxy.RemoveFile(json.dumps({"path": "note.txt", "session": session})) is True
    assert proxy.DisableRun("1") is True
    assert proxy.EnableRun(json.dumps({"run": 1})) is True
    proxy.RenameSession("a better title")
    assert read(proxy, "SessionTitle") == "a better title"
    proxy.Complete()
    assert json.loads(proxy.ShowSession(f" {session} "))["runs"][0]["title"] == "first"
    assert proxy.RestartSession(str(session)) == session
    assert (label(proxy, "SessionState"), read(proxy, "RunCount")) == ("STARTED", 1)
    job = proxy.ZipSession("all.zip")
    assert json.loads(proxy.ShowJob(str(job)))["state"] == "waiting"
    assert refused(proxy, "ShowSession", "9" * 5000)[0] == "BAD_ARGUMENTS"
    assert refused(proxy, "ShowSession", "17.5")[0] == "BAD_JSON"


def test_a_failed_hook_is_an_alarm_until_it_is_acknowledged(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    hook = '[[hooks]]\nname = "mail"\non = "session_started"\ncommand = ["/bin/false"]\n'
    config.write_text(config.read_text() + hook)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "worker.token").write_text("the worker's secret")
    server = manager(config)
    try:
        server.start()
        proxy = server.proxy(has_recorder=False)
        proxy.Start("with a hook")
        (job,) = json.loads(proxy.ListJobs(""))
        failed = {"job": job["id"], "state": "failed", "detail": "The hook mail said no."}
        assert call(proxy, "job_report", token="the worker's secret", **failed) is True
        wanted = f"The hook mail said no. (job {job['id']}) Acknowledge it with AcknowledgeAlarm."
        wait_until("the alarm is shown", lambda: wanted in read(proxy, "Alarms"))
        assert proxy.AcknowledgeAlarm() is True
        wait_until("the alarm is gone", lambda: wanted not in read(proxy, "Alarms"))
    finally:
        server.stop()


def test_a_call_that_is_not_understood_says_which_part(proxy: tango.DeviceProxy) -> None:
    request = {"verb": "session_list", "face": "door", "request_id": "x" * 101, "extra": 1}
    code, sentence = refused(proxy, "Call", json.dumps(request))
    assert code == "BAD_CALL"
    for part in ("'extra' is no part of a call", "'face' is none of tango,", "'request_id' is no text"):
        assert part in sentence
