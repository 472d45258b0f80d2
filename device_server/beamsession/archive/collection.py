"""Files from elsewhere brought into a session's folder, verified, so that the data stay together; and what came before.

What is brought is remembered in `.collected.json` of the folder: a second time nothing is made again, a file keeps its
place, nothing that somebody else put there is overwritten, and what is not wanted any more is known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from beamsession.archive.copying import copy, is_same, link
from beamsession.archive.placing import make_folder, replace_file
from beamsession.model.errors import RefusedError
from beamsession.model.own_names import COLLECTED, is_no_data
from beamsession.model.plan import FileRules


@dataclass(frozen=True)
class Wanted:
    """A file or folder to bring in: from `source` (absolute) to `place`, a path in the folder, or beside it where
    that is taken. `may_link`: nobody changes it any more, so another name for it is as good as a copy.
    """

    source: Path
    place: PurePosixPath
    may_link: bool = False


@dataclass(frozen=True)
class Collected:
    """Where each source is now, absolute, and all files that this makes; `stale` were brought earlier and are not
    wanted any more. `skipped` are links, devices, pipes and sockets inside sources.
    """

    places: dict[Path, Path]
    files: frozenset[Path]
    stale: frozenset[Path]
    skipped: tuple[Path, ...] = ()


@dataclass
class _Memory:
    """`names`: source -> place of what was wanted. `files`: place of each file -> where it came from."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, str] = field(default_factory=dict[str, str])


def collect(
    data_root: Path,
    folder: Path,
    wanted: Sequence[Wanted],
    rules: FileRules,
    between_chunks: Callable[[], None] = lambda: None,
) -> Collected:
    """Bring in what is wanted; a copy that is there with the right size and time is not made again.

    Of a folder all files come, hidden ones too, but for those of ours that are no data. Raises RefusedError
    (FILE_MISSING, FOLDER_INSIDE, COPY_DIFFERS, COLLECTION_DAMAGED) and OSError.
    """
    memory = _remembered(folder)
    if not wanted and not memory.files:
        return Collected({}, frozenset(), frozenset())
    now = _Memory()
    planned: list[tuple[Wanted, Path, Path]] = []
    skipped: list[Path] = []
    for item in wanted:
        _require(folder, item.source)
        place = _place(folder, item, memory, now)
        now.names[str(item.source)] = place
        origins, others = _files_of(item.source)
        skipped += others
        for origin in origins:
            target = folder / place / origin.relative_to(item.source)
            now.files[target.relative_to(folder).as_posix()] = str(origin)
            planned.append((item, origin, target))
    # First remembered, then made: what a crash leaves half done is known as ours.
    both = _Memory(names={**memory.names, **now.names}, files={**memory.files, **now.files})
    if both != memory:
        make_folder(data_root, folder, rules)
        replace_file(folder / COLLECTED, json.dumps(vars(both), indent=1).encode(), rules)
    for item, origin, target in planned:
        make_folder(data_root, target.parent, rules)
        if not (item.may_link and link(origin, target)):
            copy(origin, target, rules, between_chunks)
    return Collected(
        places={item.source: folder / now.names[str(item.source)] for item in wanted},
        files=frozenset(folder / place for place in now.files),
        stale=frozenset(folder / place for place in memory.files.keys() - now.files.keys()),
        skipped=tuple(skipped),
    )


def _remembered(folder: Path) -> _Memory:
    try:
        found = json.loads((folder / COLLECTED).read_bytes())
        return _Memory(dict(found["names"]), dict(found["files"]))
    except FileNotFoundError:
        return _Memory()
    except (ValueError, KeyError, TypeError) as fault:
        raise RefusedError(
            f"{folder / COLLECTED} is damaged, so nobody knows which files were brought into this folder.",
            code="COLLECTION_DAMAGED",
            value=str(folder / COLLECTED),
            remedy="Remove it together with the copies that it was about, then ask for the ingest again.",
        ) from fault


def _require(folder: Path, source: Path) -> None:
    if folder.resolve().is_relative_to(source.resolve()):
        raise RefusedError(
            f"{source} belongs to the session and holds the session's own folder: it cannot be copied into itself.",
            code="FOLDER_INSIDE",
            value=str(source),
            remedy="Take it off the session and add what is meant in it; then ask for the ingest again.",
        )
    if source.exists():
        return
    raise RefusedError(
        f"{source} belongs to the session and is not there any more.",
        code="FILE_MISSING",
        value=str(source),
        remedy="Put it back, take the file off the session, or disable its run; then ask for the ingest again.",
    )


def _place(folder: Path, item: Wanted, memory: _Memory, now: _Memory) -> str:
    """The place that it has, else the first free one: neither another file's of ours nor one that somebody made."""
    source = str(item.source)
    if source in memory.names:
        return memory.names[source]
    taken = {*memory.names.values(), *now.names.values()}
    candidate, number = item.place, 2
    while str(candidate) in taken or _is_foreign(item.source, folder / candidate):
        candidate = item.place.with_name(f"{item.place.stem}_{number}{item.place.suffix}")
        number += 1
    return str(candidate)


def _is_foreign(source: Path, target: Path) -> bool:
    return (target.exists() or target.is_symlink()) and not is_same(source, target)


def _files_of(source: Path) -> tuple[list[Path], list[Path]]:
    """The files that `source` is or holds, and what else is in it but folders. Raises OSError where it cannot look."""
    if not source.is_dir():
        return [source], []
    files: list[Path] = []
    others: list[Path] = []
    for place, folders, names in os.walk(source, onerror=_raise):
        folders.sort()
        links = [name for name in folders if Path(place, name).is_symlink()]
        for path in sorted(Path(place, name) for name in (*links, *names) if not is_no_data(name)):
            (files if path.is_file() and not path.is_symlink() else others).append(path)
    return files, others


def _raise(fault: OSError) -> None:
    raise fault
