"""The fields that many request bodies share."""

from __future__ import annotations

from .dto import NOT_EMPTY, STRING, STRINGS, Check, Field
from .site import Profile


def strings(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, (STRING,)) for name in names)


def lists(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, (STRINGS,)) for name in names)


def required(name: str, *checks: Check) -> Field:
    return Field(name, checks or (STRING,), required=True)


def owner_group(profile: Profile) -> Field:
    checks = (STRING,) if profile is Profile.V4_27 else (NOT_EMPTY, STRING)
    return Field("ownerGroup", checks, required=True)


def ownable(profile: Profile) -> tuple[Field, ...]:
    return (owner_group(profile), *lists("accessGroups"), *strings("instrumentGroup"))
