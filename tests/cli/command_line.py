"""The command line as a shell uses it: a process, its output and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


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
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("BEAMSESSION", "TANGO_HOST"))}
        kept |= {"BEAMSESSION_CONFIG": str(self.config), "HOME": str(self.folder), "TZ": "UTC", **environment}
        command = [sys.executable, "-m", "beamsession.faces.cli.main", *words]
        done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False, timeout=120)
        return Done(done.returncode, done.stdout, done.stderr)
