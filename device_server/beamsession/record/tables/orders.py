"""What the recorder and the process of a table tell each other, as values that cross their pipes in JSON."""

from __future__ import annotations

from pathlib import Path

from beamsession.model.completeness import Completeness
from beamsession.model.plan import FileRules
from beamsession.model.value import Value


class Prepare(Value):
    """To the process: create the data file exclusively and subscribe; `updates` is their declared number."""

    path: Path
    title: str
    rules: FileRules
    updates: int | None
    timeout: float


class TableReport(Value):
    """From the process: its account, in which `written` are flushed updates, and their bytes.

    `closed`: the file is complete or given up, the account is final.
    """

    account: Completeness
    nbytes: int
    closed: bool
    failure: str = ""
