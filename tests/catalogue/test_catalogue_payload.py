"""What is said about a session in the catalogue: the same every time, and nothing that upsets the server."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beamsession.catalogue.payload import dataset_document
from beamsession.catalogue.pid import session_pid
from beamsession.catalogue.scientific import scientific_metadata
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.validate import block_problems, dataset_problems, metadata_problems
from beamsession.model.definition import MetadataDefinition, MetadataKey
from beamsession.model.errors import InvalidInputError
from beamsession.model.metadata_type import MetadataType
from catalogue_case import Case

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def document(case: Case, target: CatalogueTarget) -> dict[str, Any]:
    return dataset_document(case.session, case.runs, instrument=case.instrument, target=target)


def test_the_pid_is_known_before_and_looks_like_a_random_one(target: CatalogueTarget) -> None:
    pid = session_pid(target, instrument="B1", session_id=7)
    prefix, _, text = pid.partition("/")
    assert (prefix, uuid.UUID(text).version) == ("beamsim", 4)
    assert pid == session_pid(target, instrument="B1", session_id=7)
    assert pid != session_pid(target, instrument="B1", session_id=8)
    assert pid != session_pid(target, instrument="B2", session_id=7)


def test_the_fingerprint_tells_a_changed_session_and_not_a_changed_program(case: Case, target: CatalogueTarget) -> None:
    def print_of(case: Case, software: str) -> str:
        made = dataset_document(case.session, case.runs, instrument=case.instrument, target=target, software=software)
        return made["scientificMetadata"]["ingest_fingerprint"]["value"]

    assert print_of(case, "1") == print_of(case, "2")
    renamed = replace(case, session=replace(case.session, title="another"))
    assert print_of(case, "1") != print_of(renamed, "1")


def test_a_document_of_ours_has_nothing_to_complain_about(case: Case, target: CatalogueTarget) -> None:
    assert dataset_problems(document(case, target)) == []


@settings(max_examples=50, deadline=None)
@given(metadata=st.dictionaries(st.text(max_size=10), JSON, max_size=6))
def test_any_metadata_become_something_that_the_server_survives(metadata: dict[str, Any]) -> None:
    made = scientific_metadata(metadata)
    assert metadata_problems(made) == []
    json.dumps(made, ensure_ascii=False).encode()


def test_units_are_spelt_as_the_server_understands_them() -> None:
    made = scientific_metadata(
        {
            "gap": {"value": 5, "unit": "µm"},
            "humidity": {"value": 40.5, "unit": "%"},
            "range": [1.0, 2.0],
            "curve": [3.0, 1.0, 2.0],
            "shutter": True,
            "bad": math.nan,
            "empty": {},
            "none": None,
        }
    )
    assert made["gap"] == {"value": 5, "unit": "um", "type": "quantity"}
    assert made["humidity_percent"] == {"value": 40.5, "unit": "", "type": "number"}
    assert made["range"]["value"] == [1.0, 2.0]
    assert {key: part["value"] for key, part in made["curve"].items()} == {"min": 1.0, "max": 3.0, "n": 3}
    assert made["shutter"] == {"value": True, "type": "boolean"}
    assert not {"bad", "empty", "none"} & made.keys()


def test_a_plain_number_has_the_units_that_the_beamline_defines(case: Case, target: CatalogueTarget) -> None:
    keys = tuple(
        MetadataKey(name=name, type=MetadataType.DOUBLE, units=units)
        for name, units in {"energy": "eV", "gap": "µm", "humidity": "%", "note": "m"}.items()
    )
    definition = MetadataDefinition(keys=keys)
    given = {"energy": {"value": 12.4, "unit": "keV"}, "gap": 5.0, "humidity": 40.5, "note": "dry", "free": 1.5}
    defined = replace(
        case,
        session=replace(case.session, metadata=given),
        instrument=case.instrument.model_copy(update={"definition": definition}),
    )
    metadata = document(defined, target)["scientificMetadata"]
    assert metadata["energy"] == {"value": 12.4, "unit": "keV", "type": "quantity"}
    assert metadata["gap"] == {"value": 5.0, "unit": "um", "type": "quantity"}
    assert metadata["humidity_percent"] == {"value": 40.5, "unit": "", "type": "number"}
    assert metadata["note"] == {"value": "dry", "unit": "", "type": "string"}
    assert metadata["free"] == {"value": 1.5, "unit": "", "type": "number"}


def test_a_visitor_s_key_does_not_take_the_place_of_ours(case: Case, target: CatalogueTarget) -> None:
    changed = replace(case, session=replace(case.session, metadata={"session_id": 99, "ingest_fingerprint": "x"}))
    metadata = document(changed, target)["scientificMetadata"]
    assert metadata["session_id"]["value"] == 7
    assert metadata["user_session_id"]["value"] == 99
    assert metadata["user_ingest_fingerprint"]["value"] == "x"


def test_without_a_proposal_nobody_s_group_is_guessed(case: Case, target: CatalogueTarget) -> None:
    orphan = replace(case, session=replace(case.session, proposal=""))
    with pytest.raises(InvalidInputError) as caught:
        document(orphan, target)
    assert caught.value.code == "NO_OWNER_GROUP"
    staff = target.model_copy(update={"owner_group_without_proposal": "staff"})
    assert document(orphan, staff)["ownerGroup"] == "staff"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"contactEmail": "nobody"}, "contactEmail"),
        ({"creationTime": "2026-11-21T10:00:00"}, "creationTime"),
        ({"sourceFolderHost": "fs1"}, "sourceFolderHost"),
        ({"owner": ""}, "owner"),
        ({"runNumber": 3}, "runNumber"),
        ({"isPublished": True}, "isPublished"),
        ({"size": 3}, "size"),
        ({"scientificMetadata": {"a": None}}, "scientificMetadata.a"),
        ({"scientificMetadata": {"": 1}}, "scientificMetadata"),
        ({"scientificMetadata": {"a": math.inf}}, "scientificMetadata.a"),
        ({"scientificMetadata": {"a": 2**60}}, "scientificMetadata.a"),
    ],
)
def test_what_would_harm_the_server_is_refused_here_by_its_field(
    case: Case, target: CatalogueTarget, change: dict[str, Any], field: str
) -> None:
    problems = dataset_problems(document(case, target) | change)
    assert any(problem.sentence.startswith(field) for problem in problems)


@pytest.mark.parametrize(
    "files",
    [
        [],
        [{"path": "/etc/passwd", "size": 1}],
        [{"path": "a/../../b", "size": 1}],
        [{"path": "a", "size": 1}, {"path": "a", "size": 1}],
        [{"path": "a", "size": -1}],
    ],
)
def test_a_list_of_files_that_the_server_would_take_and_should_not_is_refused(files: list[dict[str, Any]]) -> None:
    assert block_problems({"size": sum(file["size"] for file in files), "dataFileList": files})
