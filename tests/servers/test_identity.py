"""Who is believed to be who: names always, roles and groups as far as a token is good for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beamsession.model.auth import OperatorConfig, TokenConfig
from beamsession.model.errors import InvalidInputError, NotPermittedError
from beamsession.model.principal import Principal, Role
from beamsession.servers.manager.identity import Identity


class Gate:
    """An identity with both token files, and a clock that is set by hand."""

    def __init__(self, folder: Path, role: Role = Role.USER) -> None:
        self.now = 1000.0
        self.staff, self.worker = folder / "staff.token", folder / "worker.token"
        self.staff.write_text("staff secret\n")
        self.worker.write_text("worker secret")
        tokens = TokenConfig(staff_file=self.staff, unlock_minutes=10)
        operator = OperatorConfig(name="operator", role=role)
        self.identity = Identity(operator, tokens, self.worker, monotonic=lambda: self.now)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_whoever_says_nothing_is_the_operator(gate: Gate) -> None:
    for claim in (None, {}):
        assert gate.identity.claimed(claim, "") == Principal("operator", Role.USER)
    assert gate.identity.operator() == Principal("operator", Role.USER)


def test_a_name_is_taken_over_but_no_groups_without_a_token(gate: Gate) -> None:
    assert gate.identity.claimed({"name": "Łukasz", "groups": ["p1"]}, "") == Principal("Łukasz", Role.USER)


@pytest.mark.parametrize("role", ["staff", "worker"])
def test_a_role_needs_its_token(gate: Gate, role: str) -> None:
    with pytest.raises(NotPermittedError) as refusal:
        gate.identity.claimed({"name": "eve", "role": role}, "")
    assert refusal.value.value == "eve"


@pytest.mark.parametrize(
    ("token", "role", "believed"),
    [
        ("worker secret", "worker", Role.WORKER),
        ("worker secret", "staff", Role.STAFF),
        ("worker secret", None, Role.USER),
        ("staff secret", "staff", Role.STAFF),
        ("staff secret", "worker", Role.STAFF),
        ("staff secret", "user", Role.USER),
    ],
)
def test_a_token_is_the_ceiling_of_a_claim(gate: Gate, token: str, role: str | None, believed: Role) -> None:
    claim = {"name": "web", "role": role, "groups": ["p1", "p2"]}
    assert gate.identity.claimed(claim, token) == Principal("web", believed, ("p1", "p2"))


def test_a_token_without_a_claim_speaks_for_itself(gate: Gate) -> None:
    assert gate.identity.claimed(None, "worker secret") == Principal("operator", Role.WORKER)


@pytest.mark.parametrize("token", ["guess", "staff secre", "STAFF SECRET", " ", "\ud800", "θ"])
def test_a_token_nobody_has_is_refused(gate: Gate, token: str) -> None:
    for ask in (lambda: gate.identity.claimed(None, token), lambda: gate.identity.unlock(token)):
        with pytest.raises(NotPermittedError) as refusal:
            ask()
        assert refusal.value.code == "BAD_TOKEN"
        assert "secret" not in refusal.value.text


def test_an_empty_or_missing_token_file_lets_nobody_in(gate: Gate) -> None:
    gate.staff.write_text("\n")
    gate.worker.unlink()
    for token in ("\n", "staff secret", "worker secret"):
        with pytest.raises(NotPermittedError):
            gate.identity.claimed(None, token)


def test_a_changed_token_counts_at_once(gate: Gate) -> None:
    gate.staff.write_text("new secret")
    assert gate.identity.claimed(None, "new secret").role is Role.STAFF
    with pytest.raises(NotPermittedError):
        gate.identity.unlock("staff secret")


def test_unlock_makes_the_operator_staff_for_its_time(gate: Gate) -> None:
    gate.identity.unlock("staff secret")
    assert gate.identity.operator().role is Role.STAFF
    assert gate.identity.claimed({"name": "ana"}, "").role is Role.STAFF
    gate.now += 599
    assert gate.identity.operator().role is Role.STAFF
    gate.now += 1
    assert gate.identity.operator().role is Role.USER


def test_an_empty_token_locks_again_and_a_wrong_one_changes_nothing(gate: Gate) -> None:
    gate.identity.unlock("staff secret")
    with pytest.raises(NotPermittedError):
        gate.identity.unlock("guess")
    assert gate.identity.operator().role is Role.STAFF
    gate.identity.unlock("")
    assert gate.identity.operator().role is Role.USER


def test_a_site_may_trust_its_operator_as_staff(tmp_path: Path) -> None:
    identity = Gate(tmp_path, Role.STAFF).identity
    assert identity.claimed({"name": "ana", "role": "staff"}, "").role is Role.STAFF
    with pytest.raises(NotPermittedError):
        identity.claimed({"name": "ana", "role": "worker"}, "")


@pytest.mark.parametrize(
    "claim",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\nb"},
        {"name": 5},
        {"role": "staff"},
        {"name": "a", "role": "king"},
        {"name": "a", "role": ["staff"]},
        {"name": "a", "groups": "p1"},
        {"name": "a", "groups": [1]},
        "ana",
        ["ana"],
        7,
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(gate: Gate, claim: Any) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        gate.identity.claimed(claim, "")
    assert refusal.value.code == "BAD_PRINCIPAL"
    assert refusal.value.text.isprintable()
