"""The pieces of `beamsession up`: processes that never outlive it, a whole ready file, the database's entries."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from beamsession.config import parse
from beamsession.servers.up.part import Part, free_port
from beamsession.servers.up.ready import write_ready
from beamsession.servers.up.tango_database import entries
from service_rig import beamline, wait_until

_PARENT = """
import sys
from pathlib import Path
from beamsession.servers.up.part import Part
part = Part("child", [sys.executable, "-c", "import time; time.sleep(600)"], {}, Path(sys.argv[1]))
part.start()
print(part.pid, flush=True)
sys.stdin.read()
"""
_STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def lives(pid: int) -> bool:
    """Whether the process exists and is more than an entry in its parent's table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def part_of(folder: Path, program: str, **options: float) -> Part:
    return Part("part", [sys.executable, "-c", program], {"GIVEN": "to the part"}, folder / "logs", **options)  # type: ignore[arg-type]


def test_a_part_dies_with_its_parent_even_by_kill_9(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert lives(child)
        parent.send_signal(signal.SIGKILL)
    wait_until("the child is gone", lambda: not lives(child))


def test_a_part_has_its_environment_and_its_last_words_are_kept(tmp_path: Path) -> None:
    part = part_of(tmp_path, "import os, sys; print('one'); print(os.environ['GIVEN']); sys.exit(3)")
    assert (part.pid, part.alive, part.last_words()) == (0, False, "")
    part.start()
    wait_until("it has ended", lambda: not part.alive)
    assert part.last_words() == "one | to the part"
    part.start()
    wait_until("it has ended again", lambda: not part.alive)
    assert part.log.read_text().count("to the part") == 2
    part.stop()


def test_a_part_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    part = part_of(tmp_path, _STUBBORN, stop_timeout_s=0.3)
    part.start()
    wait_until("it is deaf", lambda: "deaf" in part.last_words())
    pid = part.pid
    part.stop()
    assert not part.alive
    assert not lives(pid)


def test_ctrl_c_does_not_reach_the_parts(tmp_path: Path) -> None:
    part = part_of(tmp_path, "import time; time.sleep(600)")
    part.start()
    assert os.getsid(part.pid) == part.pid != os.getsid(0)
    part.stop()


def test_a_reader_of_the_ready_file_never_sees_a_part_of_it(tmp_path: Path) -> None:
    file, stopped, seen = tmp_path / "new" / "ready.json", threading.Event(), list[int]()

    def read() -> None:
        while not stopped.is_set():
            if file.exists():
                seen.append(len(json.loads(file.read_text())["pids"]))

    reader = threading.Thread(target=read)
    reader.start()
    for size in range(200):
        write_ready(file, {"pids": {f"role {number}": number for number in range(size * 10)}})
    wait_until("it was read", lambda: seen)
    stopped.set()
    reader.join()
    assert seen == sorted(seen)
    assert [path.name for path in file.parent.iterdir()] == ["ready.json"]


def test_the_database_knows_both_servers_by_the_configured_names(tmp_path: Path) -> None:
    plain = beamline(tmp_path)
    names = {"manager": "a/b/manager", "recorder": "a/b/recorder", "instance": "b1"}
    named = parse({**plain.model_dump(mode="json"), "tango": names}, tmp_path)
    properties = {"properties": {"ConfigFile": ["/etc/b1.toml"]}}
    assert entries(named, Path("/etc/b1.toml")) == {
        "servers": {
            "SessionManager": {"b1": {"SessionManager": {"a/b/manager": properties}}},
            "RunRecorder": {"b1": {"RunRecorder": {"a/b/recorder": properties}}},
        }
    }


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
