"""The session folders of PShell, versions 1 and 2: `info.json` and `metadata.json` in a folder named by the id."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from beamsession.archive.foreign_session import ForeignRun, ForeignSession, bad_folder, unreadable
from beamsession.model.names import UNNAMED, shortened
from beamsession.model.states import RunState, SessionState

INFO_FILE = "info.json"
METADATA_FILE = "metadata.json"
_NO_OBJECT = "it is no object of keys and values"
_OBJECT_ERRORS = ("model_type", "dict_type")
_ERROR = "error:"
_ENDED = {"completed", "transfering", "transfered"}  # the last two are spelled so there
_OPEN = {"started", "paused"}
_CATALOGUE = "prod"
_LATEST_MS = 253_402_300_799_999  # the end of the year 9999

Milliseconds = Annotated[int, Field(strict=True, ge=0, le=_LATEST_MS)]


def _without_nulls(value: Any) -> Any:
    """A key that is null is one that is absent."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value


class _RunInfo(BaseModel):
    model_config = ConfigDict(strict=True)
    data: str = Field(min_length=1)
    start: Milliseconds = 0
    stop: Milliseconds = 0
    state: str = "completed"
    enabled: bool = True


class _Info(BaseModel):
    model_config = ConfigDict(strict=True)
    id: int | None = None
    name: str = ""
    user: str = ""
    start: Milliseconds = 0
    stop: Milliseconds = 0
    state: str = "completed"
    root: str = ""
    format: str = ""
    layout: str = ""
    mode: str = ""
    runs: list[Annotated[_RunInfo, BeforeValidator(_without_nulls)]] = Field(default_factory=list)
    files: list[str] = Field(default_factory=list)
    ingested: dict[str, str] = Field(default_factory=dict)


_INFO: TypeAdapter[_Info] = TypeAdapter(Annotated[_Info, BeforeValidator(_without_nulls)])


def is_session_folder(folder: Path) -> bool:
    """Whether `folder` is, or was, the record of a session."""
    return (folder / INFO_FILE).is_file() or (folder / METADATA_FILE).is_file()


def read_session(folder: Path, data_root: Path | None = None) -> ForeignSession:
    """The session in `folder`; `data_root` is where its data are now, if not where it says.

    Raises InvalidInputError BAD_SESSION_FOLDER and RefusedError FOLDER_UNREADABLE.
    """
    info = _info(folder / INFO_FILE)
    remarks: list[str] = []
    state, dataset_pid = _state(info, remarks)
    root = data_root or (Path(info.root) if info.root else None)
    if root is None and any(not Path(path).is_absolute() for path in (*(run.data for run in info.runs), *info.files)):
        remarks.append("It does not say which folder its relative paths count from.")
    return ForeignSession(
        source=f"pshell:{folder.resolve()}",
        id=_id(folder, info, remarks),
        name=info.name.strip() or UNNAMED,
        state=state,
        root=root,
        user=info.user,
        start=_moment(info.start),
        stop=_moment(info.stop),
        dataset_pid=dataset_pid,
        runs=tuple(_run(run, root) for run in info.runs),
        files=tuple(_placed(path, root) for path in dict.fromkeys(info.files)),
        metadata=_metadata(folder / METADATA_FILE),
        ingested=info.ingested,
        format=info.format,
        layout=info.layout,
        mode=info.mode,
        remarks=tuple(remarks),
    )


def _info(path: Path) -> _Info:
    try:
        return _INFO.validate_python(_json(path))
    except ValidationError as fault:
        first = fault.errors()[0]
        wrong = _NO_OBJECT if first["type"] in _OBJECT_ERRORS else first["msg"]
        if not first["loc"]:
            raise bad_folder(path, wrong) from fault
        where = ".".join(str(part) for part in first["loc"])
        raise bad_folder(path, f"{where}: {wrong} (it is {shortened(repr(first['input']))})") from fault


def _metadata(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found = _json(path)
    if not isinstance(found, dict):
        raise bad_folder(path, _NO_OBJECT)
    return found


def _json(path: Path) -> Any:
    """The content; numbers that are none (NaN, infinite), which no JSON of ours can carry, as text."""
    try:
        return json.loads(path.read_bytes(), parse_constant=str)
    except OSError as fault:
        raise unreadable(path, fault) from fault
    except (ValueError, RecursionError) as fault:
        raise bad_folder(path, f"it is no JSON ({fault})") from fault


def _id(folder: Path, info: _Info, remarks: list[str]) -> int:
    """The folder's name is what counts there; a copy may have another name."""
    named = int(folder.name) if folder.name.isdecimal() and folder.name.isascii() else None
    if named is not None and info.id not in (None, named):
        remarks.append(f"Its folder is {named}, and it calls itself {info.id}.")
    found = named if named is not None else info.id
    if found is None:
        raise bad_folder(folder / INFO_FILE, "it has no id, and the folder's name is none")
    return found


def _state(info: _Info, remarks: list[str]) -> tuple[SessionState, str]:
    """Its state among ours, with the dataset's id: nobody runs it here, so an open one is completed."""
    pids = info.ingested.get(_CATALOGUE, "").split()
    if info.state == "archived" and pids:
        return SessionState.ARCHIVED, pids[-1]  # what the ingestor printed before it was written down as well
    if info.state == "archived":
        remarks.append("It is archived there, but not in the catalogue that counts (prod).")
    elif info.state in _OPEN:
        remarks.append(f"It was {info.state} when it was read.")
    elif info.state != "completed":
        remarks.append(f"Its state '{shortened(info.state)}' is not known.")
    return SessionState.COMPLETED, ""


def _run(run: _RunInfo, root: Path | None) -> ForeignRun:
    state, reason = _verdict(run.state)
    return ForeignRun(
        data=run.data,
        path=_placed(run.data, root),
        state=state,
        start=_moment(run.start),
        stop=_moment(run.stop),
        reason=reason,
        enabled=run.enabled,
    )


def _verdict(state: str) -> tuple[RunState, str]:
    if state in _ENDED:
        return RunState.COMPLETED, ""
    if state == "running":
        return RunState.ABORTED, "PShell ended before the run's file was closed."
    if state.startswith(_ERROR):
        return RunState.COMPLETED, f"The transfer of its data failed: {state.removeprefix(_ERROR).strip()}"
    return RunState.COMPLETED, f"PShell says '{shortened(state)}' of it."


def _placed(path: str, root: Path | None) -> Path:
    return root / path if root is not None else Path(path)


def _moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC) if milliseconds else None
