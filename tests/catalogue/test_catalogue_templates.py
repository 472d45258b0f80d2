"""Templates are checked when the configuration is loaded, and filled with what a session says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from beamsession.catalogue.describe import Description, describe
from beamsession.catalogue.facts import Facts
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.template import TokenValues, filled, filled_list
from beamsession.config import parse
from beamsession.model.errors import InvalidInputError
from catalogue_case import Case

VALUES = TokenValues(
    {"id": 7, "proposal": "p1", "start": datetime(2026, 11, 21, 8, tzinfo=UTC), "run_title": "", "run": None},
    {
        "sample": " CeO2 ",
        "energy": {"value": 12.4, "unit": "keV"},
        "tags": ["a", " b ", None],
        "mono": {"crystal": "Si111"},
        "dry": True,
        "nothing": None,
        "group": {"x": 1},
    },
)


def options(tmp_path: Any, **more: Any) -> CatalogueTarget:
    given: dict[str, Any] = {"url": "http://c", "token_file": tmp_path / "token", "contact_email": "a@your.site"}
    return CatalogueTarget.model_validate({**given, **more})


def described(case: Case, target: CatalogueTarget, **metadata: Any) -> Description:
    session = replace(case.session, metadata={**case.session.metadata, **metadata})
    return describe(Subject(session, case.runs, case.instrument), target, Facts())


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{id:05d} {proposal}", "00007 p1"),
        ("{start:%Y-%m-%d}", "2026-11-21"),
        ("{start}", "2026-11-21T08:00:00Z"),
        ("{metadata[sample]} at {metadata[energy]}", "CeO2 at 12.4 keV"),
        ("{metadata[mono.crystal]}{{}}", "Si111{}"),
        ("{metadata[tags]}", "a, b"),
        ("{metadata[dry]}", "true"),
        ("{metadata[nothing]}", None),
        ("{metadata[group]}", None),
        ("{metadata[unknown]}", None),
        ("x {run}", None),
        ("{run_title}", None),
    ],
)
def test_a_template_is_filled_or_has_no_text_at_all(template: str, text: str | None) -> None:
    assert filled(template, VALUES) == text


def test_one_token_in_a_list_stands_for_all_items_of_a_list() -> None:
    assert filled_list("{metadata[tags]}", VALUES) == ["a", "b"]
    assert filled_list("tag:{metadata[tags]}", VALUES) == ["tag:a, b"]
    assert filled_list("{metadata[unknown]}", VALUES) == []


@pytest.mark.parametrize(
    "template",
    [
        *("{nobody}", "{id", "{}", "{0}", "{id.real}", "{title!r}", "{id:{run}}", "{title:d}", "{id:1000000}"),
        *("{metadata}", "{metadata[]}", "{metadata[a]:5}", "{metadata[a][b]}", "{start.__class__}", "{metadata[{id}]}"),
    ],
)
@pytest.mark.parametrize("where", ["fields.datasetName", "owner_group", "access_groups"])
def test_a_wrong_template_is_refused_with_the_configuration(template: str, where: str) -> None:
    table: dict[str, Any] = {"url": "http://c", "token_file": "/t", "contact_email": "a@your.site"}
    values = {"fields.datasetName": ("fields", {"datasetName": template}), "owner_group": ("owner_group", template)}
    key, value = values.get(where, (where, [template]))
    data = {"instrument": {"name": "p99"}, "data": {"root": "/data"}, "catalogue": {**table, key: value}}
    with pytest.raises(InvalidInputError, match=r"catalogue"):
        parse(data, Path("beamline.toml"))


def test_a_field_that_is_none_or_not_ours_to_set_is_refused(tmp_path: Any) -> None:
    for name in (
        "pid",
        "ownerGroup",
        "accessGroups",
        "size",
        "isPublished",
        "creationTime",
        "dataset_name",
        "relationships",
    ):
        with pytest.raises(ValidationError, match=name):
            options(tmp_path, fields={name: "x"})


def test_fields_are_made_of_session_and_metadata(case: Case, target: CatalogueTarget) -> None:
    fields = {
        "datasetName": "{proposal} {title}",
        "description": ["{metadata[abstract]}", "Session {id} on {instrument}"],
        "comment": "{metadata[missing]}",
        "license": "CC-BY-4.0",
        "ownerEmail": "{user}@your.site",
        "runNumber": "{run_count}",
        "keywords": ["{metadata[tags]}", "year:{year}"],
        "principalInvestigators": ["{metadata[pi]}"],
    }
    made = described(
        case, target.model_validate({**target.model_dump(by_alias=True), "fields": fields}), tags=["x", "y"], pi="Ana"
    )
    assert made.problems == ()
    assert made.document["datasetName"] == "p12345 Łukasz 2θ"
    assert made.document["description"] == "Session 7 on B1"
    assert "comment" not in made.document
    assert (made.document["license"], made.document["ownerEmail"]) == ("CC-BY-4.0", "anna@your.site")
    assert made.document["runNumber"] == "1"
    assert made.document["keywords"] == ["x", "y", "year:2026", "session:7", "instrument:B1"]
    assert made.document["principalInvestigators"] == ["Ana"]


def test_a_required_field_that_cannot_be_made_parks_with_the_token_and_the_key(
    case: Case, target: CatalogueTarget
) -> None:
    fields = {"datasetName": "{metadata[label]}", "comment": "{metadata[label]}"}
    changed = target.model_copy(update={"fields": fields})
    (problem,) = described(case, changed).problems
    assert (problem.code, problem.field, problem.setting) == (
        "MISSING_TOKEN",
        "datasetName",
        "catalogue.fields.datasetName",
    )
    assert "{metadata[label]}" in problem.sentence
    with pytest.raises(InvalidInputError) as caught:
        described(case, changed).required()
    assert caught.value.code == "MISSING_TOKEN"
    assert described(case, changed, label="run of runs").required()["datasetName"] == "run of runs"


def test_what_is_wrong_in_a_templated_field_names_its_template(case: Case, target: CatalogueTarget) -> None:
    changed = target.model_copy(update={"fields": {"contactEmail": "{user}"}})
    (problem,) = described(case, changed).problems
    assert (problem.field, problem.setting) == ("contactEmail", "catalogue.fields.contactEmail")
    (problem,) = described(case, target.model_copy(update={"contact_email": "nobody"})).problems
    assert (problem.field, problem.setting) == ("contactEmail", "catalogue.contact_email")


def test_groups_may_come_from_metadata_and_are_never_guessed(case: Case, target: CatalogueTarget) -> None:
    changed = target.model_copy(
        update={"owner_group": "{metadata[group]}", "access_groups": ("{metadata[teams]}", "{proposal}-ro")}
    )
    (problem,) = described(case, changed).problems
    assert (problem.code, problem.field) == ("NO_OWNER_GROUP", "ownerGroup")
    made = described(case, changed, group="g7", teams=["t1", "t2"]).required()
    assert made["ownerGroup"] == "g7"
    assert made["accessGroups"] == ["t1", "t2", "p12345-ro", "ingestor"]
