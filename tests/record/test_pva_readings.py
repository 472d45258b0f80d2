"""NTScalar and NTEnum as any PVA server may post them: optional fields present or not, alarms, time stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from p4p import Type, Value
from p4p.nt import NTEnum, NTScalar
from p4p.server import Server, StaticProvider
from p4p.server.thread import SharedPV

from beamsession.record.readings.pva import PvaScalars
from beamsession.record.readings.reading import Severity
from beamsession.record.readings.source import Facts
from frame_server import wait_until

STAMP = 1_700_000_000_123_456_789
_STAMPED = {"timeStamp.secondsPastEpoch": STAMP // 10**9, "timeStamp.nanoseconds": STAMP % 10**9}


@dataclass
class Heard:
    """A `Watcher` that keeps what it is told."""

    values: list[tuple[int, float, int]] = field(default_factory=list[tuple[int, float, int]])
    facts: list[Facts] = field(default_factory=list[Facts])
    lost: int = 0

    def post(self, moment: int, value: float, severity: int) -> None:
        self.values.append((moment, value, severity))

    def describe(self, facts: Facts) -> None:
        self.facts.append(facts)

    def lose(self) -> None:
        self.lost += 1


class ScalarServer:
    """PVs as structures of any kind, on ports of its own."""

    def __init__(self) -> None:
        double = NTScalar("d", display=True, valueAlarm=True)
        self.full = SharedPV(initial=Value(double.type, {"value": 1.5, "display.units": "mm", **_STAMPED}))
        self.bare = SharedPV(initial=Value(Type([("value", "l")], id="epics:nt/NTScalar:1.0"), {"value": 7}))
        self.switch = SharedPV(initial=Value(NTScalar("?").type, {"value": True, **_STAMPED}))
        choices = {"value.choices": ["out", "in"], "value.index": 1}
        self.enum = SharedPV(initial=Value(NTEnum().type, {**choices, **_STAMPED}))
        self.text = SharedPV(initial=Value(NTScalar("s").type, {"value": "no number"}))
        pvs = {"full": self.full, "bare": self.bare, "switch": self.switch, "enum": self.enum, "text": self.text}
        provider = StaticProvider("scalars")
        for name, pv in pvs.items():
            provider.add(f"SCA:{name}", pv)
        self.server = Server(providers=[provider], isolate=True)


@pytest.fixture(scope="module")
def server() -> Iterator[ScalarServer]:
    server = ScalarServer()
    yield server
    server.server.stop()


@pytest.fixture(scope="module")
def scalars(server: ScalarServer) -> Iterator[PvaScalars]:
    with pytest.MonkeyPatch.context() as patch:
        port = server.server.conf()["EPICS_PVAS_BROADCAST_PORT"]
        patch.setenv("EPICS_PVA_ADDR_LIST", f"127.0.0.1:{port}")
        patch.setenv("EPICS_PVA_AUTO_ADDR_LIST", "NO")
        yield PvaScalars()


@pytest.fixture
def watch(scalars: PvaScalars) -> Any:
    def begin(name: str) -> Heard:
        heard = Heard()
        scalars.watch(f"SCA:{name}", heard)
        wait_until(f"{name} has answered", lambda: heard.facts and (heard.values or heard.facts[0].refusal))
        return heard

    return begin


def test_alarms_come_with_value_severity_and_time_stamp(server: ScalarServer, watch: Any) -> None:
    heard = watch("full")
    assert heard.facts == [Facts(units="mm")]
    kind = server.full.current().type()
    for severity in (Severity.MINOR, Severity.MAJOR, Severity.INVALID, 4):  # 4: UNDEFINED
        server.full.post(Value(kind, {"alarm.severity": int(severity)}))
    server.full.post(Value(kind, {"value": 2.5, "alarm.severity": 0, "timeStamp.nanoseconds": 5}))
    wait_until("all updates have come", lambda: heard.values[-1][1] == 2.5)
    assert {value for _, value, _ in heard.values[:-1]} == {1.5}
    assert heard.values[0] == (STAMP, 1.5, Severity.NONE)
    assert heard.values[-2] == (STAMP, 1.5, Severity.INVALID)
    assert heard.values[-1] == (STAMP // 10**9 * 10**9 + 5, 2.5, Severity.NONE)


def test_a_structure_without_any_optional_field_is_a_reading(watch: Any) -> None:
    heard = watch("bare")
    assert (heard.values, heard.facts) == ([(0, 7.0, Severity.NONE)], [Facts()])


def test_booleans_are_numbers(watch: Any) -> None:
    assert watch("switch").values == [(STAMP, 1.0, Severity.NONE)]


def test_an_enumeration_brings_its_texts_also_later_ones(server: ScalarServer, watch: Any, scalars: PvaScalars) -> None:
    heard = watch("enum")
    assert heard.facts == [Facts(units="", labels=("out", "in"))]
    assert heard.values == [(STAMP, 1.0, Severity.NONE)]
    constant = scalars.read("SCA:enum", 20.0)
    assert constant is not None
    assert (constant.value, constant.severity) == ("in", Severity.NONE)
    server.enum.post(Value(server.enum.current().type(), {"value.choices": ["out", "half", "in"], "value.index": 2}))
    wait_until("the new texts have come", lambda: len(heard.values) == 2)
    assert heard.facts[-1].labels == ("out", "half", "in")
    assert heard.values[-1][1] == 2.0


def test_a_text_is_refused_as_a_reading_and_taken_as_a_constant(watch: Any, scalars: PvaScalars) -> None:
    assert watch("text").facts == [Facts(refusal="it holds no number but epics:nt/NTScalar:1.0")]
    constant = scalars.read("SCA:text", 20.0)
    assert constant is not None
    assert constant.value == "no number"
