"""The scripting API: `from beamsession.sessions import *` on any host that reaches the beamline's Tango device.

Nothing is connected before the first call. Errors are BeamsessionError: a sentence for a person, with a `code` that
programs may test.
"""

from beamsession.faces.scripting.connection import use
from beamsession.faces.scripting.files import (
    session_add_file,
    session_create_zip,
    session_get_additional_files,
    session_get_file_list,
)
from beamsession.faces.scripting.ingest import (
    ingest_cancel,
    ingest_dry_run,
    ingest_payload,
    ingest_retry,
    ingest_scicat,
    ingest_show,
    ingest_status,
    session_ingest_scicat,
)
from beamsession.faces.scripting.life import (
    session_cancel,
    session_complete,
    session_create,
    session_pause,
    session_restart,
    session_resume,
    session_start,
)
from beamsession.faces.scripting.lookup import (
    session_get_info,
    session_get_name,
    session_get_root,
    session_get_start,
    session_get_state,
    session_get_stop,
    session_id,
    session_ids,
    session_name,
    session_paused,
    session_started,
)
from beamsession.faces.scripting.metadata import (
    session_get_metadata,
    session_get_metadata_default,
    session_get_metadata_keys,
    session_get_metadata_type,
    session_set_metadata,
)
from beamsession.faces.scripting.runs import (
    session_detach,
    session_get_runs,
    session_move,
    session_set_run_enabled,
)
from beamsession.model.errors import BeamsessionError

__all__ = [  # noqa: RUF022 - in the order in which a session lives, which is that of the reference page
    "use",
    "session_start",
    "session_complete",
    "session_pause",
    "session_resume",
    "session_cancel",
    "session_restart",
    "session_create",
    "session_id",
    "session_name",
    "session_started",
    "session_paused",
    "session_ids",
    "session_get_name",
    "session_get_state",
    "session_get_start",
    "session_get_stop",
    "session_get_root",
    "session_get_info",
    "session_get_metadata",
    "session_set_metadata",
    "session_get_metadata_keys",
    "session_get_metadata_type",
    "session_get_metadata_default",
    "session_get_runs",
    "session_set_run_enabled",
    "session_move",
    "session_detach",
    "session_add_file",
    "session_get_additional_files",
    "session_get_file_list",
    "session_create_zip",
    "session_ingest_scicat",
    "ingest_scicat",
    "ingest_status",
    "ingest_show",
    "ingest_retry",
    "ingest_cancel",
    "ingest_dry_run",
    "ingest_payload",
    "BeamsessionError",
]
