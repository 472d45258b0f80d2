"""What is said when an ingest is asked for lies over the one document, and cannot harm it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from beamsession.catalogue.fields import FIXED_FIELDS, TEXT_FIELDS, TEXT_LIST_FIELDS
from beamsession.catalogue.overlay import check_overlay
from beamsession.catalogue.payload import dataset_document
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.validate import dataset_problems
from beamsession.model.errors import InvalidInputError
from catalogue_case import Case


def document(case: Case, target: CatalogueTarget, overlay: dict[str, Any], **more: Any) -> dict[str, Any]:
    check_overlay(overlay)
    made = dataset_document(case.session, case.runs, instrument=case.instrument, target=target, overlay=overlay, **more)
    assert dataset_problems(made) == []
    return made


def test_fields_of_a_dataset_are_replaced_and_all_else_is_metadata(case: Case, target: CatalogueTarget) -> None:
    overlay = {"datasetName": "the best", "license": "CC-BY-4.0", "sample.name": "UO2", "phase": 3}
    made = document(case, target, overlay)
    assert (made["datasetName"], made["license"]) == ("the best", "CC-BY-4.0")
    metadata = made["scientificMetadata"]
    assert metadata["sample_name"]["value"] == "UO2"
    assert metadata["phase"]["value"] == 3
    assert metadata["energy"]["value"] == 12.4
    assert not {"datasetName", "license"} & metadata.keys()


@pytest.mark.parametrize("blank", ["", "  ", None, []])
def test_a_blank_entry_leaves_what_the_configuration_says(case: Case, target: CatalogueTarget, blank: Any) -> None:
    overlay = {"owner": blank, "ownerGroup": blank} if not isinstance(blank, list) else {"keywords": blank}
    plain = document(case, target, {})
    assert document(case, target, overlay) == plain


def test_one_text_stands_for_a_list_and_old_names_for_new_ones(case: Case, target: CatalogueTarget) -> None:
    made = document(case, target, {"keywords": "ceria", "principalInvestigator": "Ana", "proposalId": "p7"})
    assert (made["keywords"], made["principalInvestigators"], made["proposalIds"]) == (["ceria"], ["Ana"], ["p7"])


def test_the_one_who_sends_it_can_read_it_whatever_groups_are_given(case: Case, target: CatalogueTarget) -> None:
    assert document(case, target, {"accessGroups": ["friends"]})["accessGroups"] == ["friends", "ingestor"]


def test_an_owner_group_in_the_overlay_does_for_a_session_without_proposal(case: Case, target: CatalogueTarget) -> None:
    orphan = replace(case, session=replace(case.session, proposal=""))
    assert document(orphan, target, {"ownerGroup": "staff"})["ownerGroup"] == "staff"


def test_the_fingerprint_covers_the_overlay(case: Case, target: CatalogueTarget) -> None:
    def fingerprint(overlay: dict[str, Any]) -> str:
        return document(case, target, overlay)["scientificMetadata"]["ingest_fingerprint"]["value"]

    assert fingerprint({"comment": "a"}) == fingerprint({"comment": "a"}) != fingerprint({"comment": "b"})


@pytest.mark.parametrize("key", sorted(FIXED_FIELDS))
def test_what_follows_from_the_session_cannot_be_set(key: str) -> None:
    with pytest.raises(InvalidInputError, match=key) as caught:
        check_overlay({key: "x"})
    assert caught.value.code == "BAD_OVERLAY"


@pytest.mark.parametrize("overlay", [{"owner": 5}, {"keywords": [1]}, {"keywords": 2}, {"scientificMetadata": "x"}])
def test_a_value_of_the_wrong_type_is_refused_with_its_key(overlay: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(overlay))):
        check_overlay(overlay)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_overlay({"pid": "x", "owner": 5, "phase": 3})
    assert "'pid'" in caught.value.sentence
    assert "'owner'" in caught.value.sentence
    assert "phase" not in caught.value.sentence


def test_no_field_is_in_two_lists() -> None:
    assert not TEXT_FIELDS & TEXT_LIST_FIELDS
    assert not FIXED_FIELDS & (TEXT_FIELDS | TEXT_LIST_FIELDS)


def test_files_that_stay_outside_are_counted_and_the_first_hundred_named(case: Case, target: CatalogueTarget) -> None:
    paths = [f"/elsewhere/{number:03d}.log" for number in range(150)]
    named = document(case, target, {}, referenced=paths)["scientificMetadata"]["referenced_files"]
    assert (named["value"], named["count"]) == (paths[:100], 150)
