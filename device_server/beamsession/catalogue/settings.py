"""Where each field of the dataset comes from with us: what to change when the catalogue does not like it."""

from __future__ import annotations

from collections.abc import Collection

_SETTINGS = {
    "accessGroups": "catalogue.access_groups or catalogue.ingestor_group",
    "contactEmail": "catalogue.contact_email",
    "creationLocation": "catalogue.creation_location",
    "creationTime": "the session's end",
    "dataFormat": "catalogue.data_format",
    "datasetName": "the session's title",
    "datasetlifecycle": "catalogue.lifecycle",
    "description": "catalogue.fields.description",
    "endTime": "the session's end",
    "instrumentIds": "catalogue.instrument_id or catalogue.instrument_unique_name",
    "keywords": "catalogue.keywords",
    "owner": "catalogue.owner",
    "ownerGroup": "catalogue.owner_group",
    "pid": "catalogue.pid_prefix",
    "principalInvestigators": "catalogue.principal_investigators",
    "proposalIds": "the session's proposal or catalogue.proposal_id",
    "sampleIds": "catalogue.sample_keys",
    "scientificMetadata": "the session's metadata",
    "sourceFolder": "data.root",
    "sourceFolderHost": "catalogue.source_folder_host",
    "startTime": "the session's start",
    "techniques": "catalogue.techniques",
}
_FORMER = {
    "principalInvestigator": "principalInvestigators",
    "proposalId": "proposalIds",
    "sampleId": "sampleIds",
    "instrumentId": "instrumentIds",
}


def setting_of(field: str, templated: Collection[str] = ()) -> str:
    """The key of the configuration, or the fact of the session, that a field of either API is made of.

    `field` may be a path, `scientificMetadata.mono.energy` or `techniques.0`; `templated` are the fields that
    [catalogue.fields] makes.
    """
    head, _, rest = field.partition(".")
    name = _FORMER.get(head, head)
    if name in templated:
        return f"catalogue.fields.{name}"
    setting = _SETTINGS.get(name, f"catalogue.fields.{name}")
    return f"'{rest}' in {setting}" if name == "scientificMetadata" and rest else setting
