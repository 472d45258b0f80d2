"""Which pictures of runs are shown beside a dataset: from the quick looks that were made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.derived import home_session, quick_look_folder, stem_of
from beamsession.model.instrument import Instrument
from beamsession.model.run import Run
from beamsession.model.session import Session
from beamsession.model.states import RunState
from beamsession.store import Reads

_OF_A_SESSION = 5
_OF_A_RUN = 1
_MAX_SUMMARY_BYTES = 64 * 1024 * 1024
_MAX_CAPTION = 200


class RunPicture(BaseModel):
    """A picture on disk and what is written under it."""

    caption: str
    path: Path


def session_pictures(
    reads: Reads, instrument: Instrument, target: CatalogueTarget, session: Session, runs: Sequence[Run]
) -> list[RunPicture]:
    """Of the newest complete runs that have one, the newest first: that one stands for the session."""
    complete = [run for run in runs if run.state is RunState.COMPLETED]
    newest = sorted(complete, key=lambda run: run.number, reverse=True)
    return _first(_pictures(reads, instrument, session, newest), target.thumbnails, _OF_A_SESSION)


def run_pictures(
    reads: Reads, instrument: Instrument, target: CatalogueTarget, session: Session, run: Run
) -> list[RunPicture]:
    """Of this run, whatever became of it."""
    return _first(_pictures(reads, instrument, session, [run]), target.thumbnails, _OF_A_RUN)


def _first(pictures: Iterator[RunPicture], wanted: int | None, usual: int) -> list[RunPicture]:
    count = usual if wanted is None else wanted
    return [picture for _, picture in zip(range(count), pictures, strict=False)]


def _pictures(reads: Reads, instrument: Instrument, session: Session, runs: Sequence[Run]) -> Iterator[RunPicture]:
    for run in runs:
        home = home_session(run)
        origin = session if home == session.id else reads.session(home)
        folder = quick_look_folder(instrument.data_root / origin.folder, run)
        if (path := _thumbnail(folder, run)) is not None:
            caption = f"Run {run.number}: {run.title}" if run.title else f"Run {run.number}"
            yield RunPicture(caption=caption[:_MAX_CAPTION], path=path)


class _Summary(BaseModel):
    """What is read of the JSON file of a quick look."""

    thumbnail: str | None = None


def _thumbnail(folder: Path, run: Run) -> Path | None:
    """The picture that stands for the run; None where no quick look was made, or it is damaged."""
    summary = folder / f"{stem_of(run)}_quicklook.json"
    try:
        if summary.stat().st_size > _MAX_SUMMARY_BYTES:
            return None
        name = _Summary.model_validate(json.loads(summary.read_text(encoding="utf-8"))).thumbnail
    except (OSError, ValueError, ValidationError):
        return None
    if not name or Path(name).name != name:
        return None
    path = folder / name
    return path if path.is_file() and not path.is_symlink() else None
