"""Which files are a session's, wherever they lie; which ones in its folder are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from beamsession.archive.collection import Collected, Wanted, collect
from beamsession.archive.session_paths import RECORD, session_paths
from beamsession.model.instrument import AddedFiles, Instrument
from beamsession.model.run import Run
from beamsession.model.run_files import run_files
from beamsession.model.session import Session
from beamsession.model.states import RunState
from beamsession.store import Reads

ADDED = PurePosixPath("added")
MOVED = PurePosixPath("moved")
# Of these somebody was told that the data are there; a run that failed may have left nothing.
_WITH_DATA = (RunState.COMPLETED, RunState.INCOMPLETE)


@dataclass(frozen=True)
class Gathered:
    """A session's files, brought together in its folder; all paths are absolute.

    `runs` are the enabled ones, their `file` where it is now. `expected` must be in the folder; `left_out` is in it and
    not the session's. `referenced` belongs to it and stays outside.
    """

    runs: tuple[Run, ...]
    expected: tuple[Path, ...]
    left_out: frozenset[Path]
    referenced: tuple[Path, ...]


def listed_paths(reads: Reads, instrument: Instrument, session: Session) -> list[Path]:
    """What `session_paths` lists, without those parts of the session's own record that it does not have."""
    folder = instrument.data_root / session.folder
    listed = session_paths(folder, reads.runs(session.id), reads.files(session.id))
    return [path for path in listed if path.parent != folder or path.name not in RECORD or path.exists()]


def gather(
    reads: Reads, instrument: Instrument, session: Session, between_chunks: Callable[[], None] = lambda: None
) -> Gathered:
    """Bring in what belongs to the session and lies outside its folder. Raises what `collect` raises."""
    root, folder = instrument.data_root, instrument.data_root / session.folder
    runs = [run for run in reads.runs(session.id) if run.enabled]
    sources = list(_sources(reads, root, session, runs))
    home = _real(folder)
    inside = [item.source for item in sources if item.source.is_relative_to(home)]
    outside = [item for item in sources if not item.source.is_relative_to(home)]
    referenced: list[Path] = []
    if instrument.added_files is AddedFiles.REFERENCE:
        referenced = [item.source for item in outside if not item.may_link]
        outside = [item for item in outside if item.may_link]
    collected = collect(root, folder, outside, instrument.rules, between_chunks)
    return Gathered(
        runs=tuple(replace(run, file=_now_at(run, collected)) for run in runs),
        expected=(*inside, *collected.places.values()),
        left_out=frozenset(map(_real, _strangers(reads, folder, session, collected))) - {*inside},
        referenced=tuple(referenced),
    )


def _sources(reads: Reads, root: Path, session: Session, runs: Sequence[Run]) -> Iterator[Wanted]:
    """Everything that belongs to the session, each once, with the place that it would have if it lay outside."""
    seen: set[Path] = set()
    items = [item for run in runs for item in _run_sources(reads, root, session, run)]
    added = [_real(Path(file.path)) for file in reads.files(session.id)]
    items += [Wanted(path, ADDED / path.name) for path in added]
    for item in items:
        if item.source not in seen:
            seen.add(item.source)
            yield item


def _run_sources(reads: Reads, root: Path, session: Session, run: Run) -> Iterator[Wanted]:
    origin = session if run.recorded_in in (0, session.id) else reads.session(run.recorded_in)
    home = _real(root / origin.folder)
    for path in map(_real, run_files(run)):
        if run.state not in _WITH_DATA and not path.exists():
            continue
        if origin is not session and path.is_relative_to(home):
            # Master and data files lie beside each other as before, so that the links between them hold.
            place = MOVED / f"{origin.id:06d}" / path.relative_to(home).as_posix()
            yield Wanted(path, place, may_link=True)
        else:
            yield Wanted(path, ADDED / path.name)


def _strangers(reads: Reads, folder: Path, session: Session, collected: Collected) -> Iterator[Path]:
    """What may lie in the folder and is not the session's: files of disabled runs, of runs that left it, old copies."""
    disabled = [run for run in reads.runs(session.id) if not run.enabled]
    for run in (*disabled, *reads.runs_moved_away(session.id)):
        yield from run_files(run)
    yield from collected.stale
    # That folder is ours alone: what an earlier, forgotten try brought there is not wanted either.
    for path in (folder / MOVED).rglob("*"):
        if path not in collected.files and not path.is_dir():
            yield path


def _now_at(run: Run, collected: Collected) -> str:
    place = collected.places.get(_real(Path(run.file))) if run.file else None
    return str(place) if place else run.file


def _real(path: Path) -> Path:
    """The path without links on the way to it; a link itself keeps its own name."""
    return path.parent.resolve() / path.name
