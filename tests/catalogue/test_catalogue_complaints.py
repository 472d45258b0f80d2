"""What a catalogue refuses, in words of ours."""

from __future__ import annotations

import json

import pytest

from beamsession.catalogue.complaints import complaints_about, said_by
from beamsession.model.complaint import Complaint


def complaint(body: object, status: int = 400) -> Complaint:
    (found,) = complaints_about(said_by(body), status)
    return found


@pytest.mark.parametrize(
    ("message", "field", "setting", "remedy"),
    [
        (
            "Expected an email or a list of semicolon separated emails, got undefined",
            "contactEmail",
            "catalogue.contact_email",
            "e-mail address",
        ),
        ("property license_x should not exist", "license_x", "catalogue.fields.license_x", "leave out"),
        ("each value in keywords must be a string", "keywords", "catalogue.keywords", "Correct catalogue.keywords"),
        ("ownerGroup should not be empty", "ownerGroup", "catalogue.owner_group", "proposal"),
        ("techniques.0.pid must be a string", "techniques.0.pid", "catalogue.techniques", "a pid and a name"),
        ("PID is not following required standards", "pid", "catalogue.pid_prefix", "pid_uppercase"),
        ("A dataset with pid a/b already exists!", "pid", "catalogue.pid_prefix", "pid_mode"),
        ("dataFileList.3.size must be a number", "dataFileList.3.size", "the list of the session's files", "block"),
        ("creationTime must be a valid ISO 8601 date string", "creationTime", "the session's end", "Correct"),
        ("The sky is falling", "", "", ""),
    ],
)
def test_a_message_of_the_newer_api_is_told_by_field_and_setting(
    message: str, field: str, setting: str, remedy: str
) -> None:
    found = complaint({"message": [message], "error": "Bad Request", "statusCode": 400})
    assert (found.field, found.said, found.setting) == (field, message, setting)
    assert remedy in found.remedy


def test_the_older_api_s_json_in_a_string_is_understood_with_what_is_nested() -> None:
    nested = {"property": "pid", "constraints": {"isString": "pid must be a string"}}
    reasons = [
        {"property": "contactEmail", "constraints": {"isEmail": "contactEmail must be an email"}},
        {"property": "techniques", "children": [{"property": "0", "children": [nested]}]},
    ]
    first, second = complaints_about(said_by({"status": 400, "message": json.dumps(reasons)}), 400)
    assert (first.field, first.setting) == ("contactEmail", "catalogue.contact_email")
    assert (second.field, second.said) == ("techniques.0.pid", "pid must be a string")


def test_a_field_made_by_a_template_is_told_as_that() -> None:
    (found,) = complaints_about(said_by({"message": ["license must be a string"]}), 400, templated={"license"})
    assert found.setting == "catalogue.fields.license"


@pytest.mark.parametrize("words", ["Forbidden resource", "Unauthorized to create this dataset"])
def test_a_missing_right_is_told_with_the_group_and_the_pid(words: str) -> None:
    found = complaint({"message": words, "statusCode": 403}, 403)
    assert found.field == "ownerGroup"
    assert "catalogue.pid_mode" in found.remedy


def test_the_same_complaint_is_told_once_and_nonsense_does_no_harm() -> None:
    assert len(complaints_about(said_by({"message": ["owner must be a string"] * 3}), 400)) == 1
    for body in (None, [], "Internal server error", {"message": {"a": 1}}, {"message": [None, 3, {}]}, 7):
        complaints_about(said_by(body), 400)
