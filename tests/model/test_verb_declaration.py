"""A verb is declared once, from a typed function; what is declared badly fails when it is imported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from beamsession.model.errors import InvalidInputError, NotFoundError
from beamsession.model.permissions import Action
from beamsession.model.verb import Place, Registry, Verb, tango_name


def lamp_switch(ctx: object, *, on: bool, level: int = 5, until: datetime | None = None) -> str:
    """Switch the lamp.

    More about lamps.
    """
    return f"{on} {level} {until}"


def lamp_list(ctx: object) -> list[str]:
    """List the lamps."""
    return []


@pytest.fixture
def registry() -> Registry:
    return Registry()


def declared(registry: Registry, function: Callable[..., Any], **options: Any) -> Verb:
    registry.declare(Action.OPERATE, Place.DEVICE, **options)(function)
    return registry[function.__name__]


def refusal(verb: Verb, **arguments: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        verb.parse(arguments)
    assert caught.value.code == "BAD_ARGUMENTS"
    return caught.value


def test_a_declaration_says_all_that_faces_need(registry: Registry) -> None:
    verb = declared(registry, lamp_switch)
    assert (verb.name, verb.noun, verb.word, verb.tango) == ("lamp_switch", "lamp", "switch", "SwitchLamp")
    assert (verb.summary, verb.returns) == ("Switch the lamp.", str)
    assert list(verb.arguments.model_fields) == ["on", "level", "until"]
    assert (verb.action, verb.place, len(registry)) == (Action.OPERATE, Place.DEVICE, 1)
    assert list(registry) == [verb]


@pytest.mark.parametrize(
    ("name", "tango"),
    [
        ("session_list", "ListSessions"),
        ("run_start", "StartRun"),
        ("metadata_set", "SetMetadata"),
        ("result_set_post", "SetPostResult"),
    ],
)
def test_tango_names_begin_with_the_verb(name: str, tango: str) -> None:
    assert tango_name(name) == tango


def test_the_function_itself_stays_callable(registry: Registry) -> None:
    assert registry.declare(Action.READ, Place.STORE)(lamp_switch) is lamp_switch


def test_arguments_are_validated_and_defaults_filled_in(registry: Registry) -> None:
    verb = declared(registry, lamp_switch)
    assert verb.parse({"on": True}) == {"on": True, "level": 5, "until": None}
    parsed = verb.parse({"on": False, "until": "2026-11-21T10:00:00Z"})
    assert parsed["until"] == datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "'on' field required"),
        ({"on": "perhaps"}, "'on' input should be a valid boolean"),
        ({"on": True, "colour": "red"}, "'colour' extra inputs are not permitted"),
        ({"on": True, "level": 2**63}, "'level' does not fit into 64 bits"),
        ({"on": True, "level": -(10**30)}, "'level' does not fit into 64 bits"),
        ({"on": True, "until": "2026-11-21T10:00:00"}, "'until' has no time zone: add Z or an offset"),
    ],
)
def test_each_fault_is_named_with_what_the_verb_takes(
    registry: Registry, arguments: dict[str, Any], fault: str
) -> None:
    error = refusal(declared(registry, lamp_switch), **arguments)
    assert error.sentence.startswith(f"SwitchLamp: {fault}")
    assert error.remedy == "It takes: on, [level], [until]."
    assert error.value == str(arguments)


def test_a_verb_without_arguments_says_so(registry: Registry) -> None:
    assert refusal(declared(registry, lamp_list), a=1).remedy == "It takes no arguments."


def test_an_unknown_verb_is_told_with_the_known_ones(registry: Registry) -> None:
    declared(registry, lamp_list)
    with pytest.raises(NotFoundError) as unknown:
        registry["lamp_lst"]
    assert unknown.value.code == "UNKNOWN_VERB"
    assert "lamp_list" in unknown.value.remedy


def test_positional_arguments_are_refused(registry: Registry) -> None:
    def lamp_break(ctx: object, hard: bool) -> None:
        """Break it."""

    with pytest.raises(TypeError, match="keyword-only"):
        declared(registry, lamp_break)


def test_a_verb_needs_a_name_of_two_parts_and_a_docstring(registry: Registry) -> None:
    def lamp(ctx: object) -> None:
        """Lamp."""

    def lamp_hide(ctx: object) -> None: ...

    for function in (lamp, lamp_hide):
        with pytest.raises(ValueError, match=r"noun_verb .* docstring"):
            declared(registry, function)


def test_two_verbs_never_share_a_name_or_a_tango_command(registry: Registry) -> None:
    declared(registry, lamp_list)
    with pytest.raises(ValueError, match="declared twice"):
        declared(registry, lamp_list)
    with pytest.raises(ValueError, match="declared twice"):
        declared(registry, lamp_switch, tango="ListLamps")
