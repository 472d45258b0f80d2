"""The form's rules, without a window."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from beamsession.faces.taurus.form import Form
from beamsession.model.definition import MetadataKey
from beamsession.model.metadata_type import MetadataType

KEYS = (
    MetadataKey(name="sample", mandatory=True),
    MetadataKey(name="energy", type=MetadataType.DOUBLE, units="keV"),
    MetadataKey(name="scans", type=MetadataType.INTEGER),
    MetadataKey(name="aligned", type=MetadataType.BOOLEAN),
    MetadataKey(name="setup", type=MetadataType.MAP),
)


def form(**metadata: Any) -> Form:
    found = Form(KEYS)
    found.show(metadata)
    return found


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("sample", "Łukasz 2θ", "Łukasz 2θ"),
        ("energy", " 12.4 ", 12.4),
        ("energy", '{"value": 12400, "unit": "eV"}', {"value": 12400.0, "unit": "eV"}),
        ("scans", "7", 7),
        ("aligned", "true", True),
        ("setup", '{"a": [1]}', {"a": [1]}),
    ],
)
def test_what_is_typed_is_sent_in_its_type(key: str, text: str, value: Any) -> None:
    found = form()
    found.fields[key].type(text)

    assert found.faults == []
    assert found.changes() == {key: value}
    assert type(found.changes()[key]) is type(value)


def test_a_field_that_is_emptied_removes_its_key() -> None:
    found = form(sample="CeO2", energy=12.4)
    found.fields["energy"].type("")

    assert found.changes() == {"energy": None}


def test_what_is_typed_back_is_no_change() -> None:
    found = form(sample="CeO2")
    found.fields["sample"].type("LaB6")
    found.fields["sample"].type("CeO2")

    assert not found.is_changed


def test_the_managers_values_are_followed_where_nobody_types() -> None:
    found = form(sample="CeO2", energy=12.4)
    found.fields["sample"].type("LaB6")
    found.show({"sample": "CeO2", "energy": 8.0, "extra": [1]})

    assert found.fields["energy"].text == "8.0"
    assert found.fields["extra"].text == "[1]"
    assert found.fields["sample"].text == "LaB6"
    assert found.contested == []
    found.show({"sample": "CeO2"})
    assert "extra" not in found.fields
    assert found.fields["energy"].text == ""


def test_a_contested_field_is_sent_only_on_purpose() -> None:
    found = form(sample="CeO2", energy=12.4)
    found.fields["energy"].type("9")
    found.show({"sample": "CeO2", "energy": 8.0})

    assert found.contested == ["energy"]
    assert found.changes() == {}
    found.fields["energy"].insist()
    assert found.changes() == {"energy": 9.0}
    assert found.seen(["energy"]) == {"energy": 8.0}


def test_what_is_typed_while_it_is_sent_stays() -> None:
    found = form(sample="CeO2", energy=12.4)
    found.fields["energy"].type("9")
    found.fields["energy"].type("9.5")
    found.fields["energy"].sent("9", 9.0)
    found.show({"sample": "CeO2", "energy": 9.0})

    assert found.contested == []
    assert found.changes() == {"energy": 9.5}


def test_start_takes_the_whole_form_once_something_was_typed() -> None:
    found = form(sample="CeO2", energy=12.4)
    assert found.for_start() is None
    found.fields["scans"].type("3")

    assert found.for_start() == {"sample": "CeO2", "energy": 12.4, "scans": 3}


def test_neither_the_core_nor_the_form_imports_qt() -> None:
    program = (
        "import sys, beamsession.faces.cli.main, beamsession.sessions, beamsession.faces.taurus.form, "
        "beamsession.faces.taurus.offers, beamsession.faces.taurus.run_rows\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('taurus', 'PySide6', 'PyQt5', 'pyqtgraph')])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)

    assert found.stdout.strip() == "[]"
