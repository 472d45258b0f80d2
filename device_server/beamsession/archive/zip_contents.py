"""What goes into a ZIP archive, and under which names: found before the first byte is written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from beamsession.archive.real_name import real_name
from beamsession.archive.zip_names import EntryNames, printable
from beamsession.model.errors import RefusedError
from beamsession.model.own_names import is_no_data

NO_GUESTS: Mapping[Path, str] = MappingProxyType({})


@dataclass(frozen=True)
class ZipItem:
    """One entry: the file or empty folder at `source` under `name` (a folder's ends in a slash); `size` in bytes."""

    source: Path
    name: str
    size: int

    @property
    def is_folder(self) -> bool:
        """Whether it is an empty folder."""
        return self.name.endswith("/")


@dataclass(frozen=True)
class ZipContents:
    """All entries in their order, and what is not among them; `size` is the sum of bytes when it was looked at."""

    items: tuple[ZipItem, ...]
    missing: tuple[str, ...]
    skipped: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(item.size for item in self.items)


def zip_contents(
    root: Path,
    paths: Sequence[Path],
    *,
    keep_folders: bool,
    guests: Mapping[Path, str] = NO_GUESTS,
    without: Sequence[Path] = (),
    checkpoint: Callable[[], None] = lambda: None,
) -> ZipContents:
    """The contents of an archive of `paths`, files and folders in the order given, each file once; not `without`.

    With `keep_folders` what lies under `root` is named by its path relative to it; all else goes to the top, a folder
    with what is in it but files of ours that are no data. What lies under one of the folders `guests` goes into the
    folder of the archive that is named there, always with its own folders: files of a run find each other by their
    names. A link to a file of the root or of a listed folder is that file's content, once; links to anything else,
    folders too, and devices, pipes and sockets are skipped.
    Raises RefusedError (FILE_UNREADABLE), and what `checkpoint` raises.
    """
    search = _Search(root, keep_folders=keep_folders, guests=guests, without=without, checkpoint=checkpoint)
    for path in paths:
        search.take(path)
    search.take_links()
    search.take_empty_folders()
    return ZipContents(tuple(search.items), tuple(search.missing), tuple(search.skipped), tuple(search.renamed))


class _Search:
    """All paths in it have real parents; only the last part can be a link."""

    def __init__(
        self,
        root: Path,
        *,
        keep_folders: bool,
        guests: Mapping[Path, str],
        without: Sequence[Path],
        checkpoint: Callable[[], None],
    ) -> None:
        self.items: list[ZipItem] = []
        self.missing: list[str] = []
        self.skipped: list[str] = []
        self.renamed: list[tuple[str, str]] = []
        self._root = root.resolve()
        self._keep_folders = keep_folders
        self._guests = {folder.resolve(): PurePosixPath(name).parts for folder, name in guests.items()}
        self._rooms: dict[tuple[str, ...], str] = {(): ""}
        self._without = {real_name(path) for path in without}
        self._checkpoint = checkpoint
        self._names = EntryNames()
        self._files: dict[Path, str] = {}
        self._folders: dict[Path, str] = {self._root: ""} if keep_folders else {}
        self._walked: set[Path] = set()
        self._listed = [self._root]
        self._links: list[tuple[Path, str]] = []
        self._empty: dict[str, Path] = {}

    def take(self, listed: Path) -> None:
        """Take one listed path with all that is in it; links wait for `take_links`."""
        try:
            path = real_name(listed)
            facts = path.lstat()
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no file can have that name
            self.missing.append(printable(str(listed)))
            return
        except OSError as fault:
            raise unreadable(listed, fault) from fault
        home = self._home(path)
        if stat.S_ISDIR(facts.st_mode):
            self._listed.append(path)
            self._walk(path, home)
        else:
            self._take_entry(path, facts, home)

    def take_links(self) -> None:
        """Take what the links met so far lead to, unless it is there already."""
        for link, home in self._links:
            try:
                target = Path(os.path.realpath(link, strict=True))
                facts = target.stat()
            except OSError:
                self.skipped.append(printable(str(link)))
                continue
            is_inside = any(target.is_relative_to(folder) for folder in self._listed)
            if not is_inside or not stat.S_ISREG(facts.st_mode) or target in self._without:
                self.skipped.append(printable(str(link)))
            elif target in self._files:
                self.renamed.append((printable(str(link)), self._files[target]))
            else:
                self._add(target, facts.st_size, self._claim(link, home))
                self._empty.pop(home, None)

    def take_empty_folders(self) -> None:
        """Take the folders that nothing was taken from."""
        self.items += [ZipItem(folder, name, 0) for name, folder in self._empty.items()]

    def _home(self, path: Path) -> str:
        """The folder in the archive that a listed path goes into."""
        if path in self._guests:
            return ""
        host = next((folder for folder in self._guests if path.is_relative_to(folder)), None)
        if host is not None:
            self._folders.setdefault(host, self._room(self._guests[host]))
            return self._folder(path.parent, self._home(path.parent))
        if not self._keep_folders or path == self._root or not path.is_relative_to(self._root):
            return ""
        return self._folder(path.parent, self._home(path.parent))

    def _room(self, parts: tuple[str, ...]) -> str:
        """A folder of the archive that stands for none on the disk."""
        if parts not in self._rooms:
            self._rooms[parts] = self._names.claim(self._room(parts[:-1]), parts[-1]) + "/"
        return self._rooms[parts]

    def _folder(self, path: Path, home: str) -> str:
        if path not in self._folders:
            self._folders[path] = self._claim(path, home, "/")
        return self._folders[path]

    def _walk(self, top: Path, home: str) -> None:
        waiting = [(top, home)]
        while waiting:
            self._checkpoint()
            folder, above = waiting.pop()
            if folder in self._walked:
                continue
            self._walked.add(folder)
            name = self._folder(folder, above)
            inner: list[Path] = []
            has_entries = False
            for path, facts in self._inside(folder):
                if stat.S_ISDIR(facts.st_mode):
                    inner.append(path)
                elif not is_no_data(path.name):
                    has_entries |= self._take_entry(path, facts, name)
            waiting += [(path, name) for path in reversed(inner)]
            if name and not has_entries and not inner:
                self._empty[name] = folder

    def _inside(self, folder: Path) -> list[tuple[Path, os.stat_result]]:
        found: list[tuple[Path, os.stat_result]] = []
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    try:
                        found.append((folder / entry.name, entry.stat(follow_symlinks=False)))
                    except FileNotFoundError:
                        self.missing.append(printable(entry.path))
        except FileNotFoundError:
            self.missing.append(printable(str(folder)))
        except OSError as fault:
            raise unreadable(folder, fault) from fault
        return found

    def _take_entry(self, path: Path, facts: os.stat_result, home: str) -> bool:
        """Take what is no folder; whether it is in the archive now."""
        if path in self._without:
            return False
        if stat.S_ISLNK(facts.st_mode):
            self._links.append((path, home))
            return False
        if not stat.S_ISREG(facts.st_mode):
            self.skipped.append(printable(str(path)))
            return False
        if path not in self._files:
            self._add(path, facts.st_size, self._claim(path, home))
        return True

    def _add(self, source: Path, size: int, name: str) -> None:
        self._files[source] = name
        self.items.append(ZipItem(source, name, size))

    def _claim(self, path: Path, home: str, ending: str = "") -> str:
        name = self._names.claim(home, path.name)
        if name != home + path.name:
            self.renamed.append((printable(str(path)), name + ending))
        return name + ending


def unreadable(path: Path, fault: OSError) -> RefusedError:
    """The error about a file or folder that is there and cannot be read."""
    shown = printable(str(path))
    return RefusedError(
        f"{shown} cannot be read: {fault.strerror or fault}.",
        code="FILE_UNREADABLE",
        value=shown,
        remedy="Give the worker's account the right to read it, or take it off the session; then ask again.",
    )
