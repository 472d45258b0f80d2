"""Which files are a session's, wherever they lie; which ones in its folder are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from beamsession.archive.collection import Collected, Wanted, collect
from beamsession.archive.real_name import real_name
from beamsession.archive.session_paths import session_paths
from beamsession.archive.zip_names import printable
from beamsession.model.derived import home_session, quick_look_folder
from beamsession.model.instrument import AddedFiles, Instrument
from beamsession.model.own_names import RECORD, is_no_data
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
    not the session's. `of_runs` tells of those in the folder that are a run's which one's, by its number.
    `referenced` belongs to it and stays outside. `skipped` names what was not taken although
    somebody may miss it: links and special files in added folders, strange files in our folder for moved runs.
    """

    runs: tuple[Run, ...]
    expected: tuple[Path, ...]
    of_runs: Mapping[Path, int]
    left_out: frozenset[Path]
    referenced: tuple[Path, ...]
    skipped: tuple[str, ...]


def listed_paths(reads: Reads, instrument: Instrument, session: Session) -> list[Path]:
    """What `session_paths` lists, without those parts of the session's own record that it does not have; and the
    quick looks of its enabled runs, as far as they were made.
    """
    folder, runs = instrument.data_root / session.folder, reads.runs(session.id)
    listed = [*session_paths(folder, runs, reads.files(session.id)), *_quick_looks(reads, instrument, session, runs)]
    return [path for path in listed if path.parent != folder or path.name not in RECORD or path.exists()]


def _quick_looks(reads: Reads, instrument: Instrument, session: Session, runs: Sequence[Run]) -> Iterator[Path]:
    homes = {session.id: session}
    for run in runs:
        home = home_session(run)
        if home not in homes:
            homes[home] = reads.session(home)
        folder = quick_look_folder(instrument.data_root / homes[home].folder, run)
        if run.enabled and folder.is_dir():
            yield folder


def folders_of_moved_runs(reads: Reads, instrument: Instrument, session: Session) -> dict[Path, str]:
    """The folders that runs of the session were recorded in before they came, with their place among its own files."""
    origins = {run.recorded_in for run in reads.runs(session.id)} - {0, session.id}
    return {
        instrument.data_root / reads.session(origin).folder: str(MOVED / f"{origin:06d}") for origin in sorted(origins)
    }


def gather(
    reads: Reads, instrument: Instrument, session: Session, between_chunks: Callable[[], None] = lambda: None
) -> Gathered:
    """Bring in what belongs to the session and lies outside its folder. Raises what `collect` raises."""
    root, folder = instrument.data_root, instrument.data_root / session.folder
    runs = [run for run in reads.runs(session.id) if run.enabled]
    of_runs = {run.number: list(_run_sources(reads, root, session, run)) for run in runs}
    sources = list(_sources(reads, session, of_runs.values()))
    home = real_name(folder)
    inside = [item.source for item in sources if item.source.is_relative_to(home)]
    outside = [item for item in sources if not item.source.is_relative_to(home)]
    referenced: list[Path] = []
    if instrument.added_files is AddedFiles.REFERENCE:
        referenced = [item.source for item in outside if not item.may_link]
        outside = [item for item in outside if item.may_link]
    collected = collect(root, folder, outside, instrument.rules, between_chunks)
    strange = _strange(folder, collected, inside)
    left_out = {*map(real_name, _strangers(reads, session)), *map(real_name, collected.stale)} - {*inside}
    return Gathered(
        runs=tuple(replace(run, file=_now_at(run, collected)) for run in runs),
        expected=(*inside, *collected.places.values()),
        of_runs=_of_runs(of_runs, home, collected),
        left_out=frozenset({*left_out, *strange}),
        referenced=tuple(referenced),
        skipped=tuple(printable(str(path)) for path in (*collected.skipped, *strange) if path not in left_out),
    )


@dataclass(frozen=True)
class Planned:
    """What `gather` would find, with nothing brought in: `outside` are the files and folders that it would bring."""

    gathered: Gathered
    outside: tuple[Path, ...]


def planned(reads: Reads, instrument: Instrument, session: Session) -> Planned:
    """The session's files as they lie now; nothing is copied, linked or changed."""
    root, folder = instrument.data_root, instrument.data_root / session.folder
    runs = [run for run in reads.runs(session.id) if run.enabled]
    of_runs = {run.number: list(_run_sources(reads, root, session, run)) for run in runs}
    home = real_name(folder)
    sources = list(_sources(reads, session, of_runs.values()))
    outside = [item for item in sources if not item.source.is_relative_to(home)]
    referenced: list[Path] = []
    if instrument.added_files is AddedFiles.REFERENCE:
        referenced = [item.source for item in outside if not item.may_link]
    nothing = Collected({}, frozenset(), frozenset())
    inside = tuple(item.source for item in sources if item.source.is_relative_to(home))
    gathered = Gathered(
        runs=tuple(runs),
        expected=inside,
        of_runs=_of_runs(of_runs, home, nothing),
        left_out=frozenset({*map(real_name, _strangers(reads, session))} - {*inside}),
        referenced=tuple(referenced),
        skipped=(),
    )
    return Planned(gathered, tuple(item.source for item in outside if item.source not in referenced))


def _of_runs(of_runs: Mapping[int, Sequence[Wanted]], home: Path, collected: Collected) -> dict[Path, int]:
    """Where the runs' files are in the folder by now; one that two runs name is the first one's."""
    found: dict[Path, int] = {}
    for number, items in of_runs.items():
        for item in items:
            place = collected.places.get(item.source)
            where = real_name(place) if place else item.source
            if where.is_relative_to(home):
                found.setdefault(where, number)
    return found


def _sources(reads: Reads, session: Session, of_runs: Iterable[Sequence[Wanted]]) -> Iterator[Wanted]:
    """Everything that belongs to the session, each once, with the place that it would have if it lay outside."""
    seen: set[Path] = set()
    items = [item for items in of_runs for item in items]
    added = [real_name(Path(file.path)) for file in reads.files(session.id)]
    items += [Wanted(path, ADDED / path.name) for path in added]
    for item in items:
        if item.source not in seen:
            seen.add(item.source)
            yield item


def _run_sources(reads: Reads, root: Path, session: Session, run: Run) -> Iterator[Wanted]:
    origin = session if run.recorded_in in (0, session.id) else reads.session(run.recorded_in)
    home = real_name(root / origin.folder)
    for path in map(real_name, run_files(run)):
        if run.state not in _WITH_DATA and not path.exists():
            continue
        if origin is not session and path.is_relative_to(home):
            # Master and data files lie beside each other as before, so that the links between them hold.
            place = MOVED / f"{origin.id:06d}" / path.relative_to(home).as_posix()
            yield Wanted(path, place, may_link=True)
        else:
            yield Wanted(path, ADDED / path.name)


def _strangers(reads: Reads, session: Session) -> Iterator[Path]:
    """What may lie in the folder and is not the session's: files of disabled runs, and of runs that left it."""
    disabled = [run for run in reads.runs(session.id) if not run.enabled]
    for run in (*disabled, *reads.runs_moved_away(session.id)):
        yield from run_files(run)


def _strange(folder: Path, collected: Collected, inside: Sequence[Path]) -> list[Path]:
    """What nobody put or added into the folder for moved runs, which is ours alone: an earlier, forgotten try may have
    brought files there that are another session's by now.
    """
    home = (folder / MOVED).resolve()
    known = {*map(real_name, collected.files), *inside}
    return [
        path
        for path in sorted(home.rglob("*"))
        if known.isdisjoint((path, *path.parents)) and not path.is_dir() and not is_no_data(path.name)
    ]


def _now_at(run: Run, collected: Collected) -> str:
    place = collected.places.get(real_name(Path(run.file))) if run.file else None
    return str(place) if place else run.file
