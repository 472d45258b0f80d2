"""Metadata are typed, have units that the catalogue can convert, and never harm it, whatever a session holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.describe import describe
from beamsession.catalogue.facts import Facts
from beamsession.catalogue.metadata_rules import MetadataRules
from beamsession.catalogue.scientific import scientific_metadata
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.typed_value import Notes
from beamsession.catalogue.units import mathjs_unit
from beamsession.catalogue.validate import metadata_problems
from beamsim.scicat import Catalogue, running_catalogue
from catalogue_case import completed_case

PROFILES = ("4.27", "5.2")
Both = list[tuple[Catalogue, CatalogueTarget, CatalogueClient]]


class Colour(Enum):
    RED = "red"


class Step(IntEnum):
    FIRST = 1


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Both]:
    """A catalogue of each generation, with a target and a client for it."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "password").write_text("ingestor")
    (folder / "password").chmod(0o600)
    with ExitStack() as stack:
        found = []
        for profile in PROFILES:
            catalogue = stack.enter_context(running_catalogue(profile))
            target = CatalogueTarget(
                url=catalogue.url,
                username="ingestor",
                password_file=folder / "password",
                ingestor_group="ingestor",
                contact_email="a@your.site",
                pid_prefix="beamsim",
            )
            found.append((catalogue, target, stack.enter_context(CatalogueClient(target))))
        yield found


def one(value: Any, unit: str | None = None, **options: Any) -> dict[str, Any]:
    """The entry of one value, with this unit if any."""
    given = value if unit is None else {"value": value, "unit": unit}
    return scientific_metadata({"it": given}, **options)["it"]


@pytest.mark.parametrize(
    ("given", "value", "kind"),
    [
        (1, 1, "number"),
        (np.int32(3), 3, "number"),
        (np.float64(2.5), 2.5, "number"),
        (np.bool_(True), True, "boolean"),
        ("text", "text", "string"),
        ("https://your.site/a", "https://your.site/a", "link"),
        (Colour.RED, "red", "string"),
        (Step.FIRST, 1, "number"),
        (Path("/data/a"), "/data/a", "string"),
        (datetime(2026, 11, 21, 10, tzinfo=timezone(timedelta(hours=2))), "2026-11-21T08:00:00.000Z", "date"),
        (datetime(2026, 11, 21, 10), "2026-11-21T10:00:00", "string"),  # noqa: DTZ001
        (date(2026, 11, 21), "2026-11-21", "date"),
        ("2026-11-21T10:00:00+02:00", "2026-11-21T08:00:00.000Z", "date"),
        ([1, 2], [1, 2], "number"),
        (("a", None, "b"), ["a", "b"], "string"),
        (2**60, str(2**60), "string"),
    ],
)
def test_each_value_has_its_type(given: Any, value: Any, kind: str) -> None:
    entry = one(given)
    assert (entry["value"], entry["type"]) == (value, kind)
    assert type(entry["value"]) in (int, float, bool, str, list)


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, np.nan, [], [None], {}, {"value": None, "unit": "mm"}])
def test_what_says_nothing_is_left_out(nothing: Any) -> None:
    assert scientific_metadata({"it": nothing}) == {}


def test_a_unit_makes_a_quantity_and_a_text_with_one_a_number() -> None:
    assert one("12.40", "keV") == {"value": 12.4, "unit": "keV", "type": "quantity"}
    assert one("-5", "µm") == {"value": -5, "unit": "um", "type": "quantity"}
    assert one("dry", "mm")["type"] == "string"
    assert one(True, "mm") == {"value": True, "type": "boolean"}


def test_a_long_list_is_summed_up_with_the_file_that_has_it_all() -> None:
    notes = Notes()
    entry = one(np.linspace(0, 5, 12).reshape(3, 4), file="session.json", notes=notes)
    assert {key: part["value"] for key, part in entry.items()} == {
        "min": 0.0,
        "max": 5.0,
        "n": 12,
        "file": "session.json",
    }
    assert notes.sentences == []
    one([1.0, math.nan, 3.0], notes=notes)
    assert "1 numbers" in notes.sentences[0]


@pytest.mark.parametrize(
    ("said", "spelt"),
    [
        *(("\u00b5m", "um"), ("\u03bcm", "um"), ("micron", "um"), ("\u00c5", "angstrom"), ("\u212b", "angstrom")),
        *(("Ohm", "ohm"), ("\u2126", "ohm"), ("k\u03a9", "kohm"), ("°C", "degC"), ("C", "degC"), ("GPa", "GPa")),
        *(("counts", ""), ("%", ""), ("", ""), ("1/\u00c5", "1/angstrom"), ("\u00c5^-1", "angstrom^-1")),
        *(("m·s⁻²", "m*s^-2"), ("mm/min", "mm/min"), ("s^-1", "s^-1"), ("1/angstrom", "1/angstrom")),
    ],
)
def test_units_are_spelt_for_the_server(said: str, spelt: str) -> None:
    assert mathjs_unit(said) == (spelt, True)


@pytest.mark.parametrize("said", ["ph/s", "px", "rpm", "m/", "/", "//", "m//s", "parsec per fortnight", "2", "mm5x"])
def test_an_unknown_unit_is_kept_and_told(said: str) -> None:
    notes = Notes()
    assert one(3, said, notes=notes)["unit"] == said
    assert said in notes.sentences[0]


def test_keys_are_cleaned_and_remembered_and_no_two_are_one() -> None:
    given = {"a.b": 1, "a b": 2, "a_b": 3, "2θ": 4, "%": 5, "": 6, "É": 7, "humidity": {"value": 8, "unit": "%"}}
    made = scientific_metadata(given)
    assert made == {key: made[key] for key in scientific_metadata(dict(reversed(given.items())))}
    assert {key: entry["value"] for key, entry in made.items()} == {
        "a_b": 3,
        "a_b_2": 2,
        "a_b_3": 1,
        "k_2theta": 4,
        "percent": 5,
        "key": 6,
        "E": 7,
        "humidity_percent": 8,
    }
    assert (made["a_b_3"]["human_name"], made["k_2theta"]["human_name"]) == ("a.b", "2θ")


def test_rules_choose_rename_and_give_units() -> None:
    rules = MetadataRules.model_validate(
        {
            "include": ["mono*", "sample", "gap"],
            "exclude": ["mono.secret*", "gap?"],
            "keys": {
                "mono.energy": {"name": "photon_energy", "unit": "keV", "human_name": "Photon energy"},
                "sample": {"name": "material"},
                "gap": {"unit": "mm"},
            },
        }
    )
    given = {
        "mono": {"energy": 12.4, "secret_key": "x", "crystal": "Si"},
        "sample": "CeO2",
        "material": "never sent",
        "gap": {"value": 5, "unit": "m"},
        "gap2": 1,
        "other": 2,
    }
    made = scientific_metadata(given, rules=rules)
    assert made["mono"]["photon_energy"] == {
        "value": 12.4,
        "unit": "keV",
        "type": "quantity",
        "human_name": "Photon energy",
    }
    assert made["mono"].keys() == {"photon_energy", "crystal"}
    assert made["material"] == {"value": "CeO2", "unit": "", "type": "string"}
    assert made["gap"]["unit"] == "m"
    assert made.keys() == {"mono", "material", "gap"}


@pytest.mark.parametrize(
    "keys", [{"a": {"name": "b c"}}, {"a": {"name": "x"}, "b": {"name": "x"}}, {"a": {"nme": "x"}}]
)
def test_rules_that_cannot_be_followed_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MetadataRules.model_validate({"keys": keys})


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20) | st.datetimes()
)
LEAVES |= st.sampled_from([2**53, -(2**53), 10**4000, 1e308, "12.4", "2026-02-30T00:00:00Z", "9999-12-31T23:59-12:00"])
KEYS = st.text(st.characters(), max_size=8) | st.sampled_from(
    [
        *("session_id", "user_session_id", "runs", "ingest_fingerprint", "a.b", "a_b", "a_b_2", "$where", "__proto__"),
        *("value", "unit", "vertical", "upstream", "constructor", "toString", "", " "),
    ]
)
UNITS = st.text(max_size=6) | st.sampled_from(["%", "mm", "ph/s"])
JSON = st.recursive(
    LEAVES | st.fixed_dictionaries({"value": LEAVES, "unit": UNITS}),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=50, deadline=None)
@given(metadata=st.dictionaries(KEYS, JSON, max_size=6), of_run=st.dictionaries(KEYS, JSON, max_size=3))
def test_whatever_a_session_holds_the_catalogue_takes_and_lives(
    both: Both, metadata: dict[str, Any], of_run: dict[str, Any]
) -> None:
    case = completed_case(Path("/data"))
    session = replace(case.session, metadata=metadata)
    runs = [replace(case.runs[0], metadata=of_run)]
    for catalogue, target, client in both:
        for run in (None, runs[0]):
            document = describe(Subject(session, runs, case.instrument, run=run), target, Facts()).required()
            assert metadata_problems(document["scientificMetadata"]) == []
            json.dumps(document, allow_nan=False)
            catalogue.state.datasets.clear()
            client.create_dataset(document)
            assert catalogue.listening
            stored = client.dataset(document["pid"])
            assert stored is not None
            assert stored.fingerprint == document["scientificMetadata"]["ingest_fingerprint"]["value"]


def test_nothing_deep_is_lost_without_a_word(both: Both) -> None:
    deep: Any = [1.0, 2.0, 3.0]
    for number in range(10):
        deep = {f"level{number}": deep}
    case = completed_case(Path("/data"))
    session, runs = replace(case.session, metadata={"deep": deep}), [replace(case.runs[0], metadata={"deep": deep})]
    for _, target, client in both:
        made = describe(Subject(session, runs, case.instrument), target, Facts())
        assert sum("nested too deep" in problem.sentence for problem in made.warnings) == 2
        assert client.is_valid(made.required())


def test_a_time_is_never_given_a_zone_that_nobody_said() -> None:
    moment = datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert one(moment)["value"] == "2026-11-21T08:00:00.000Z"
    assert not one(moment.replace(tzinfo=None))["value"].endswith("Z")
