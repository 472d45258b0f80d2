"""The fields of a dataset document in version 4 of the catalogue's API, by who may say what is in them."""

from __future__ import annotations

TEXT_FIELDS = frozenset(
    {
        *("datasetName", "description", "comment", "owner", "ownerEmail", "orcidOfOwner", "contactEmail"),
        *("ownerGroup", "instrumentGroup", "creationLocation", "dataFormat", "license", "classification"),
        *("validationStatus", "runNumber", "creationTime", "startTime", "endTime"),
    }
)
"""Fields with a text that somebody may choose."""

TEXT_LIST_FIELDS = frozenset(
    {
        *("keywords", "accessGroups", "principalInvestigators", "proposalIds", "sampleIds", "instrumentIds"),
        *("inputDatasets", "usedSoftware", "sharedWith"),
    }
)
"""Fields with a list of texts that somebody may choose."""

FIXED_FIELDS = frozenset(
    {
        *("pid", "type", "sourceFolder", "sourceFolderHost", "isPublished"),
        *("size", "packedSize", "numberOfFiles", "numberOfFilesArchived"),
        *("scientificMetadataSchema", "scientificMetadataValid", "datasetlifecycle", "relationships", "techniques"),
        *("createdAt", "createdBy", "updatedAt", "updatedBy"),
    }
)
"""Fields that follow from the session, its files or the configuration, or are the catalogue's own: nobody sets them."""
