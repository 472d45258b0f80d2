"""The jobs that try out an ingest, and that show what it sends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.lookups import Instruments, Lookup
from beamsession.catalogue.server_pid import as_sent
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.errors import RefusedError
from beamsession.model.instrument import Instrument
from beamsession.model.job import Job
from beamsession.servers.worker.ingest.attempt import Attempt, Parcel, attempt_folder
from beamsession.servers.worker.ingest.preview import Preview, Previewer, block_plan, told_complaints, told_plan
from beamsession.servers.worker.ingest.remote_checks import RemoteChecks
from beamsession.servers.worker.job_runner import Done
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.store import Store

_MOST_TOLD = 100
_LONGEST_ANSWER = 200_000


class PreviewWork:
    """What both jobs need; `folder` is that of the ingests. `target` is None where no catalogue is configured."""

    def __init__(
        self,
        store: Store,
        instrument: Instrument,
        target: CatalogueTarget | IngestorTarget | None,
        folder: Path,
        software: str,
    ) -> None:
        self.store = store
        self.instrument = instrument
        self.folder = folder
        self._target = target
        self._software = software

    @property
    def target(self) -> CatalogueTarget | IngestorTarget:
        """The catalogue. Raises RefusedError NO_CATALOGUE."""
        if self._target is None:
            raise RefusedError(
                "No catalogue is configured.",
                code="NO_CATALOGUE",
                remedy="Write a [catalogue] table into the beamline's configuration.",
            )
        return self._target

    def check(self, job: Job) -> None:
        """Raises RefusedError NO_CATALOGUE."""
        assert self.target

    @contextmanager
    def previewer(self, job: Job) -> Iterator[Previewer]:
        """One whose scratch folder goes with it; what a try before has left goes first."""
        scratch = self.folder / f"preview-{job.id}"
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            yield Previewer(self.store, self.instrument, self.target, self._software, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


class DryRunWork(PreviewWork):
    """Arguments `session`, `remote`."""

    def do(self, job: Job, watch: JobWatch) -> Done:
        """A dry run that finds problems is a job well done."""
        session, target = self.store.session(int(job.arguments["session"])), self.target
        with self.previewer(job) as previewer:
            if not job.arguments["remote"]:
                preview = previewer.compose(session, None, watch.checkpoint)
                return _reported(preview, session.id, target, "local", {}, watch.checkpoint)
            if isinstance(target, IngestorTarget):
                raise RefusedError(
                    "The catalogue is asked by the site's ingestor alone.",
                    code="EXTERNAL_INGESTOR",
                    value=target.command[0],
                    remedy="Try it out without the catalogue, or ask for the ingest with parameters without --ingest.",
                )
            with CatalogueClient(target) as client:
                checks = RemoteChecks(client, target, watch.checkpoint)
                lookup = Lookup(client, target, Instruments(client))
                reachable = checks.account()
                preview = previewer.compose(session, lookup.facts if reachable else None, watch.checkpoint)
                if reachable:
                    checks.datasets(preview.parcels, was_begun=self._was_begun(session.id))
                preview.add(checks.complaints)
                return _reported(preview, session.id, target, "remote", checks.found, watch.checkpoint)

    def _was_begun(self, session_id: int) -> bool:
        ingest = self.store.ingest(session_id)
        return ingest is not None and (ingest.has_dataset or ingest.in_doubt)


class PayloadWork(PreviewWork):
    """Arguments `session`, `files`."""

    def do(self, job: Job, watch: JobWatch) -> Done:
        """What is frozen, or what would be."""
        session = self.store.session(int(job.arguments["session"]))
        frozen = Attempt(attempt_folder(self.folder, session.id))
        if frozen.is_frozen and frozen.frozen().is_of(session):
            parcels = [frozen.parcel(item.number) for item in frozen.parcels()]
            return self._told(job, "frozen", frozen, parcels, [], watch.checkpoint)
        with self.previewer(job) as previewer:
            preview = previewer.compose(session, None, watch.checkpoint)
            problems = told_complaints(preview.problems)
            return self._told(job, "would_be", preview.attempt, preview.parcels, problems, watch.checkpoint)

    def _told(
        self,
        job: Job,
        source: str,
        attempt: Attempt,
        parcels: list[Parcel],
        problems: list[dict[str, Any]],
        checkpoint: Callable[[], None],
    ) -> Done:
        with_files, algorithm = bool(job.arguments["files"]), self.target.checksum
        datasets = [
            {
                "pid": parcel.pid,
                "run": parcel.run,
                "document": as_sent(parcel.document, self.target),
                "attachments": attempt.attachments(parcel.number),
                "blocks": block_plan(attempt, parcel, algorithm, checkpoint, with_files=with_files),
            }
            for parcel in parcels
        ]
        told: dict[str, Any] = {"session": int(job.arguments["session"]), "source": source, "problems": problems}
        text = json.dumps({**told, "datasets": datasets}, indent=1)
        if len(text) <= _LONGEST_ANSWER:
            return Done(f"{len(datasets)} documents, {source.replace('_', ' ')}.", {**told, "datasets": datasets})
        folder = self.folder / "payloads"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"session_{told['session']:06d}_job_{job.id}.json"
        path.write_text(text, encoding="utf-8")
        counts = {"datasets": len(datasets), "bytes": len(text), "file": str(path)}
        return Done(f"{len(datasets)} documents, {source.replace('_', ' ')}, in {path}.", {**told, **counts})


def _reported(
    preview: Preview,
    session_id: int,
    target: CatalogueTarget | IngestorTarget,
    level: str,
    remote: dict[str, Any],
    checkpoint: Callable[[], None],
) -> Done:
    goes = not preview.problems
    datasets: list[dict[str, Any]] = []
    for parcel in preview.parcels[:_MOST_TOLD]:
        plan = block_plan(preview.attempt, parcel, target.checksum, checkpoint)
        datasets.append(
            {
                "pid": parcel.pid,
                "run": parcel.run,
                "name": parcel.document.get("datasetName", ""),
                "owner_group": parcel.document.get("ownerGroup", ""),
                "access_groups": parcel.document.get("accessGroups", []),
                "files": parcel.files,
                "bytes": parcel.size,
                "document_bytes": len(json.dumps(parcel.document)),
                "blocks": told_plan(plan),
            }
        )
    result: dict[str, Any] = {
        "session": session_id,
        "level": level,
        "would_go": goes,
        "problems": told_complaints(preview.problems),
        "warnings": told_complaints(preview.warnings),
        "datasets": datasets,
        "dataset_count": len(preview.parcels),
        "files": sum(parcel.files for parcel in preview.parcels),
        "bytes": sum(parcel.size for parcel in preview.parcels),
        "outside": preview.outside[:_MOST_TOLD],
        **({"catalogue": remote} if remote else {}),
    }
    count = len(preview.problems)
    verdict = "It would go" if goes else f"It would not go: {count} problem{'s' if count > 1 else ''}"
    return Done(f"{verdict}; {len(preview.parcels)} datasets, {result['files']} files.", result)
