"""The fields of the bodies that create and change datasets, per generation of the backend."""

from __future__ import annotations

from functools import cache

from .dto import (
    ARRAY,
    BOOLEAN,
    DATE,
    EMAIL,
    EMAILS,
    INTEGER,
    NOT_EMPTY,
    NUMBER,
    OBJECT,
    OBJECT_OR_ARRAY,
    STRING,
    STRINGS,
    URL,
    Check,
    Field,
    Table,
)
from .dto_fields import lists, ownable, required, strings
from .site import Profile

LIFECYCLE_FIELDS = frozenset(
    {
        "archivable",
        "retrievable",
        "publishable",
        "dateOfDiskPurging",
        "archiveRetentionTime",
        "dateOfPublishing",
        "publishedOn",
        "isOnCentralDisk",
        "archiveStatusMessage",
        "retrieveStatusMessage",
        "archiveReturnMessage",
        "retrieveReturnMessage",
        "exportedTo",
        "retrieveIntegrityCheck",
        "storageLocation",
    }
)
_IDENTIFIED = Check(
    "isValidIdentifier",
    lambda value: isinstance(value, str),
    "{field} must be a valid the configured type when identifierType is set to 'undefined'.",
)


def _relationships(profile: Profile) -> Field:
    if profile is Profile.V4_27:
        return Field("relationships", (ARRAY,), table=Table((required("pid"), required("relationship"))))
    named = Table(
        (
            Field("identifier", (STRING, _IDENTIFIED), required=True),
            *strings("identifierType", "relationship", "entityType", "externalId"),
        )
    )
    return Field("relationships", (ARRAY,), table=named)


def _described(profile: Profile, owner: Field) -> tuple[Field, ...]:
    """What v3 and v4 bodies of a dataset have in common."""
    return (
        *ownable(profile),
        owner,
        Field("ownerEmail", (EMAIL,)),
        *strings("orcidOfOwner"),
        required("contactEmail", EMAILS),
        required("sourceFolder", NOT_EMPTY, STRING),
        Field("sourceFolderHost", (URL,)),
        *(Field(name, (INTEGER,)) for name in ("size", "packedSize", "numberOfFiles", "numberOfFilesArchived")),
        required("creationTime", DATE),
        *strings("validationStatus"),
        Field("keywords", (STRINGS,), wrap=True),
        *strings("description"),
        required("datasetName"),
        *strings("classification", "license"),
        Field("isPublished", (BOOLEAN,)),
        Field("techniques", (ARRAY,), table=Table((required("pid"), required("name")))),
        *lists("sharedWith"),
        _relationships(profile),
        Field("datasetlifecycle"),
        Field("scientificMetadata", (OBJECT_OR_ARRAY,)),
        *strings("scientificMetadataSchema"),
        Field("scientificMetadataValid", (BOOLEAN,)),
        *strings("comment"),
        Field("dataQualityMetrics", (NUMBER,)),
    )


def _times_and_place() -> tuple[Field, ...]:
    return (Field("startTime", (DATE,)), Field("endTime", (DATE,)), *strings("creationLocation", "dataFormat"))


def _processing() -> tuple[Field, ...]:
    return (
        *lists("inputDatasets", "usedSoftware"),
        Field("jobParameters", (OBJECT,)),
        *strings("jobLogData", "runNumber"),
    )


@cache
def dataset_v4(profile: Profile) -> Table:
    return Table(
        (
            required("type"),
            *strings("pid"),
            *_described(profile, *strings("owner")),
            *lists("principalInvestigators"),
            *_times_and_place(),
            *lists("proposalIds", "sampleIds", "instrumentIds"),
            *_processing(),
        )
    )


@cache
def dataset_replacement(profile: Profile) -> Table:
    return Table(tuple(item for item in dataset_v4(profile).fields if item.name not in ("pid", "type")))


@cache
def dataset_patch_v4(profile: Profile) -> Table:
    return dataset_replacement(profile).partial()


def _dataset_v3(profile: Profile, *special: Field) -> Table:
    common = tuple(
        Field(item.name, item.checks, table=item.table, wrap=item.wrap) if item.name == "datasetName" else item
        for item in _described(profile, required("owner"))
    )
    return Table((required("type"), *strings("pid", "version"), *common, *strings("proposalId"), *special))


@cache
def raw_v3(profile: Profile) -> Table:
    return _dataset_v3(
        profile,
        required("principalInvestigator"),
        Field("startTime", (DATE,)),
        Field("endTime", (DATE,)),
        required("creationLocation"),
        *strings("dataFormat", "sampleId", "instrumentId", "investigator"),
        *_processing(),
    )


@cache
def derived_v3(profile: Profile) -> Table:
    return _dataset_v3(
        profile,
        required("investigator"),
        required("inputDatasets", STRINGS),
        required("usedSoftware", STRINGS),
        Field("jobParameters", (OBJECT,)),
        *strings("jobLogData", "runNumber"),
    )


@cache
def dataset_patch_v3(profile: Profile) -> Table:
    return raw_v3(profile).partial("pid", "type", "version")
