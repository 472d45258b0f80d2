"""What would be sent for a session as it is now: composed and cut as for the catalogue, and nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from beamsession.archive.derived_files import is_derived
from beamsession.catalogue.blocks import block_document
from beamsession.catalogue.complaints import complaints_of
from beamsession.catalogue.describe import Description, describe
from beamsession.catalogue.facts import Facts
from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.ingestor_document import ingestor_document, require_listable
from beamsession.catalogue.manifest import ListedFile, list_files
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import CatalogueTarget, ChecksumAlgorithm
from beamsession.model.clock import utc_now
from beamsession.model.complaint import Complaint, Weight
from beamsession.model.errors import BeamsessionError
from beamsession.model.instrument import Instrument
from beamsession.model.plain import plain
from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsession.servers.worker.ingest.attempt import SESSION_S_OWN, Attempt, Frozen, Parcel
from beamsession.servers.worker.ingest.attempt_writing import new_attempt
from beamsession.servers.worker.ingest.freezer import run_of_files
from beamsession.servers.worker.ingest.session_files import planned
from beamsession.store import Store

AskFacts = Callable[[Subject], Facts]
_MOST_BLOCKS_TOLD = 200


@dataclass
class Preview:
    """`parcels` have their documents; `problems` keep the session from being sent, `warnings` do not."""

    attempt: Attempt
    parcels: list[Parcel] = field(default_factory=list[Parcel])
    problems: list[Complaint] = field(default_factory=list[Complaint])
    warnings: list[Complaint] = field(default_factory=list[Complaint])
    outside: list[str] = field(default_factory=list[str])

    def add(self, complaints: tuple[Complaint, ...] | list[Complaint]) -> None:
        """Sort complaints into problems and warnings; none twice."""
        for complaint in complaints:
            among = self.problems if complaint.severity is Weight.ERROR else self.warnings
            if complaint not in among:
                among.append(complaint)


class Previewer:
    """Composes previews in `scratch`. `checkpoint` is called in the middle of long work."""

    def __init__(
        self,
        store: Store,
        instrument: Instrument,
        target: CatalogueTarget | IngestorTarget,
        software: str,
        scratch: Path,
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._target = target
        self._software = software
        self._scratch = scratch

    def compose(self, session: Session, facts: AskFacts | None, checkpoint: Callable[[], None]) -> Preview:
        """Everything as it would be frozen now. Raises OSError; what a person can correct is among the problems.

        `facts` asks the catalogue, None: it is not asked.
        """
        preview = Preview(Attempt(self._scratch))
        subject = self._subject(session)
        found = planned(self._store, self._instrument, session)
        gathered = found.gathered
        preview.outside = [str(path) for path in found.outside]
        folder = self._instrument.data_root / session.folder
        skipped: list[str] = []
        run_of = run_of_files(self._target.unit, session, gathered, folder)
        subject = replace(subject, runs=gathered.runs, referenced=[str(path) for path in gathered.referenced])
        described = 0
        with new_attempt(preview.attempt) as writer, _complaining(preview, "the session's files"):
            files = list_files(folder, gathered.expected, gathered.left_out, is_derived, skipped.append)
            checked = self._checked(files, checkpoint)
            writer.add_files(((file, run_of(file.path)) for file in checked), lambda count: None)
            frozen = Frozen(folder, self._target.checksum, session.stop, len(set(skipped)))
            blocks = writer.cut(self._target.blocks, frozen)
            runs = {run.number: run for run in gathered.runs}
            for number in sorted(blocks, key=lambda number: (number != SESSION_S_OWN, number)):
                checkpoint()
                about = subject if number == SESSION_S_OWN else replace(subject, run=runs[number])
                described += 1
                if description := self._described(preview, about, facts):
                    pid, document = self._as_sent(description, folder)
                    writer.add_parcel(pid=pid, run=number, document=document, blocks=blocks[number])
            writer.add_header(frozen)
        if not described:
            self._described(preview, subject, facts)
        preview.parcels = [preview.attempt.parcel(item.number) for item in preview.attempt.parcels()]
        self._add_remarks(preview, skipped)
        return preview

    def _subject(self, session: Session) -> Subject:
        """An open session as if it were completed now."""
        if session.state is not SessionState.COMPLETED:
            session = replace(session, state=SessionState.COMPLETED, stop=session.stop or utc_now())
        ingest = self._store.ingest(session.id)
        overlay = ingest.overlay if ingest else {}
        return Subject(session, (), self._instrument, software=self._software, overlay=overlay)

    def _described(self, preview: Preview, subject: Subject, facts: AskFacts | None) -> Description | None:
        asked: Facts | None = None
        with _complaining(preview, "the session's proposal or the configuration"):
            asked = facts(subject) if facts else None
        with _complaining(preview, "the session's metadata or the configuration"):
            description = describe(subject, self._target, asked)
            preview.add(complaints_of(description.problems))
            return description
        return None

    def _as_sent(self, description: Description, folder: Path) -> tuple[str, dict[str, Any]]:
        """Its pid, empty where it is not ours to choose, and its document."""
        if isinstance(self._target, IngestorTarget):
            return "", ingestor_document(description.document, self._target, str(folder.resolve()))
        return description.pid, description.document

    def _checked(self, files: Iterator[ListedFile], checkpoint: Callable[[], None]) -> Iterator[ListedFile]:
        for file in files:
            checkpoint()
            if isinstance(self._target, IngestorTarget):
                require_listable(file.path, self._target)
            yield file

    def _add_remarks(self, preview: Preview, skipped: list[str]) -> None:
        if preview.outside:
            said = f"{len(preview.outside)} added files or folders lie outside and are brought in when it is sent; "
            preview.add([_warning(f"{said}they are not among the files below.", "the session's files")])
        if skipped:
            said = f"{len(set(skipped))} links and other files are left out, {skipped[0]} among them."
            preview.add([_warning(said, "the session's files")])


def block_plan(
    attempt: Attempt,
    parcel: Parcel,
    algorithm: ChecksumAlgorithm,
    checkpoint: Callable[[], None],
    *,
    with_files: bool = False,
) -> list[dict[str, Any]]:
    """Of each block its `files`, `bytes` and the `json_bytes` of its request, checksums reckoned; and its list."""
    plan: list[dict[str, Any]] = []
    blank = "" if algorithm is ChecksumAlgorithm.NONE else "0" * algorithm.hex_length
    for number in range(parcel.blocks):
        checkpoint()
        files = [file if file.checksum else replace(file, checksum=blank) for file in attempt.block(parcel, number)]
        document = block_document(parcel.pid, files, algorithm)
        told = {"files": len(files), "bytes": document["size"], "json_bytes": len(json.dumps(document))}
        plan.append({**told, "dataFileList": document["dataFileList"]} if with_files else told)
    return plan


def told_plan(plan: list[dict[str, Any]]) -> dict[str, Any]:
    """A plan that may have many blocks: their sums, and the first of them."""
    return {
        "count": len(plan),
        "json_bytes": sum(block["json_bytes"] for block in plan),
        "largest_json_bytes": max((block["json_bytes"] for block in plan), default=0),
        "first": plan[:_MOST_BLOCKS_TOLD],
    }


def told_complaints(complaints: list[Complaint]) -> list[dict[str, Any]]:
    """As JSON."""
    return [plain(complaint) for complaint in complaints]


@contextmanager
def _complaining(preview: Preview, setting: str) -> Iterator[None]:
    """What cannot be done is a problem that is told, and no end of the preview."""
    try:
        yield
    except BeamsessionError as fault:
        preview.add([Complaint("", f"{fault.sentence}", setting, fault.remedy)])


def _warning(said: str, setting: str) -> Complaint:
    return Complaint("", said, setting, severity=Weight.WARNING)
