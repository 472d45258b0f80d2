"""Files added from outside a session folder are copied into its `added/`, verified, so that the data stay together."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from beamsession.archive.placing import dress, make_folder, sync_folder
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules
from beamsession.model.session import AddedFile

ADDED = "added"
_CHUNK = 4 * 1024 * 1024


def collect(
    data_root: Path,
    folder: Path,
    added: Sequence[AddedFile],
    rules: FileRules,
    between_chunks: Callable[[], None] = lambda: None,
) -> tuple[Path, ...]:
    """Copy what lies outside `folder` into `folder/added`; where each of `added` is now, absolute.

    A copy that is there already, with the right size and time, is not made again. Raises RefusedError (FILE_MISSING,
    COPY_DIFFERS) and OSError.
    """
    places: list[Path] = []
    taken: set[str] = set()
    for item in sorted(added, key=lambda item: (item.added, item.path)):
        source = Path(item.path)
        if source.resolve().is_relative_to(folder.resolve()):
            places.append(source)
            continue
        if not source.exists():
            raise RefusedError(
                f"{source} was added to the session and is not there any more.",
                code="FILE_MISSING",
                value=str(source),
                remedy="Put it back, then ask for the ingest again.",
            )
        target = folder / ADDED / _free_name(source.name, taken)
        for origin, copy in _pairs(source, target):
            _copy(data_root, origin, copy, rules, between_chunks)
        places.append(target)
    return tuple(places)


def _free_name(name: str, taken: set[str]) -> str:
    # The order of adding is fixed, so the same file gets the same name at every try.
    candidate, number = name, 2
    while candidate in taken:
        candidate = f"{Path(name).stem}_{number}{Path(name).suffix}"
        number += 1
    taken.add(candidate)
    return candidate


def _pairs(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    if not source.is_dir():
        yield source, target
        return
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, target / path.relative_to(source)


def _copy(data_root: Path, source: Path, target: Path, rules: FileRules, between_chunks: Callable[[], None]) -> None:
    facts = source.stat()
    if target.exists():
        there = target.stat()
        if (there.st_size, there.st_mtime_ns) == (facts.st_size, facts.st_mtime_ns):
            return
    make_folder(data_root, target.parent, rules)
    temporary = target.with_name(f".{target.name}.tmp")
    read = hashlib.sha256()
    with source.open("rb") as origin, temporary.open("wb") as copy:
        while chunk := origin.read(_CHUNK):
            read.update(chunk)
            copy.write(chunk)
            between_chunks()
        copy.flush()
        os.fsync(copy.fileno())
    if _digest(temporary, between_chunks) != read.hexdigest():
        temporary.unlink()
        raise RefusedError(
            f"The copy of {source} in {target.parent} differs from it.",
            code="COPY_DIFFERS",
            value=str(source),
            remedy="Look at the data disk, then ask for the ingest again.",
        )
    shutil.copystat(source, temporary)
    dress(temporary, rules.file_mode, rules)
    temporary.replace(target)
    sync_folder(target.parent)


def _digest(path: Path, between_chunks: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            between_chunks()
    return digest.hexdigest()
