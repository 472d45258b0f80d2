"""The command line as a shell uses it: a process, its output and its exit code; what Tab offers."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from beamsession.archive.folder_record import FolderRecord
from beamsession.model.plan import FileRules
from beamsession.servers.worker.keeper import Keeper
from beamsession.store import Store


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class CommandLine:
    """Commands for one beamline, which is known by its configuration file alone: no server runs."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "beamline.toml"

    @property
    def store(self) -> Path:
        return self.folder / "state" / "store.sqlite"

    def keep_record(self) -> None:
        """Write into the data folders what the worker would write."""
        record = FolderRecord(self.folder / "data", "test", FileRules())
        with closing(Store.open(f"sqlite:///{self.store}", migrate=False)) as store:
            Keeper(store, "test", record).keep(store.events())

    @classmethod
    def of(cls, folder: Path) -> CommandLine:
        (folder / "data").mkdir()
        line = cls(folder)
        line.config.write_text(
            f'state_dir = "{folder}/state"\n[instrument]\nname = "test"\n'
            f'[data]\nroot = "{folder}/data"\nmin_free_gib = 0\n'
        )
        return line

    def __call__(self, *words: str, **environment: str) -> Done:
        """Run `beamsession <words>`."""
        process = self.begin(*words, **environment)
        out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def begin(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start `beamsession <words>` and let it run."""
        command = [sys.executable, "-m", "beamsession.faces.cli.main", *words]
        kept = self.environment(**environment)
        return subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def complete(self, *words: str, **environment: str) -> list[str]:
        """What bash is offered after `beamsession <words>`; the last word is the one that is typed."""
        typed = ["beamsession", *words]
        asked = {"_BEAMSESSION_COMPLETE": "complete_bash", "COMP_CWORD": str(len(words))}
        done = self(COMP_WORDS=" ".join(typed), **asked, **environment)
        assert (done.code, done.err) == (0, "")
        return done.out.split()

    def environment(self, **changes: str) -> dict[str, str]:
        """Ours, where no other beamline is named."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("BEAMSESSION", "TANGO_HOST"))}
        return kept | {"BEAMSESSION_CONFIG": str(self.config), "HOME": str(self.folder), "TZ": "UTC", **changes}
