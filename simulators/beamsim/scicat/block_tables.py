"""The fields of the bodies that create and change data blocks."""

from __future__ import annotations

from functools import cache

from .dto import ARRAY, ARRAY_NOT_EMPTY, BOOLEAN, DATE, INTEGER, NOT_EMPTY, NUMBER, OBJECT, STRING, Field, Table
from .dto_fields import lists, required, strings
from .site import Profile


def _files(profile: Profile) -> Field:
    metadata = (Field("metadata", (OBJECT,)),) if profile is Profile.V5_2 else ()
    file = Table(
        (
            required("path"),
            required("size", NUMBER),
            required("time", DATE),
            *strings("chk", "uid", "gid", "perm", "type"),
            *metadata,
        )
    )
    return Field("dataFileList", (ARRAY_NOT_EMPTY, ARRAY), required=True, table=file)


@cache
def nested_block(profile: Profile) -> Table:
    owner = Field("ownerGroup", (STRING,))
    return Table(
        (
            owner,
            *lists("accessGroups"),
            *strings("instrumentGroup"),
            required("size", INTEGER),
            Field("chkAlg", (NOT_EMPTY, STRING)),
            _files(profile),
            Field("isPublished", (BOOLEAN,)),
        )
    )


@cache
def block(profile: Profile) -> Table:
    return Table((*nested_block(profile).fields, required("datasetId")))
