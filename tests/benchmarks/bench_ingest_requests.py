"""Requests of ingests per second, as our steps make them, beside a bare loop that makes the same ones.

The steps keep marks on the disk around each request that stores something, so that nothing is stored twice; files are
listed and read before. Many small sessions, four at a time as in the worker; and one of many file lists.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("worker", "verbs")]

import httpx

from beamsession.catalogue.blocks import block_document
from beamsession.catalogue.target import BlockLimits, CatalogueTarget, ChecksumAlgorithm
from beamsession.servers.worker.ingest.attempt import Attempt, attempt_folder
from reference import reference
from rows import row
from steps_rig import StepsRig, quiet, steps_rig
from verb_desk import open_recorder

GOAL = 0.7
ROUNDS = 3
_AT_ONCE = 4
_SESSIONS = 16
_BLOCKS = 12
_FILES_IN_BLOCK = 500
_LIMIT_S = 60.0


def rows() -> list[dict[str, Any]]:
    """Requests per second, ours and the bare loop's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "recorder").mkdir()
        with _catalogue(folder) as url, open_recorder(folder / "recorder") as recorder:
            target = _target(url, folder)
            with steps_rig(folder / "rig", recorder, target) as rig:
                small = {"run_0001.nxs": b"master", "run_0001_eiger.h5": b"x" * 3000, "notes.txt": b"two theta"}
                many = {f"frame_{number:06d}.cbf": b"x" for number in range(_BLOCKS * _FILES_IN_BLOCK - 2)}
                return [
                    _measured("ingest_requests_sessions", rig, [small] * _SESSIONS, folder),
                    _measured("ingest_requests_blocks", rig, [many], folder),
                ]


def _measured(name: str, rig: StepsRig, sessions: list[dict[str, bytes]], folder: Path) -> dict[str, Any]:
    script, ours, bare = folder / f"{name}.jsonl", list[float](), list[float]()
    cpu = 0.0
    count = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool, reference("bare_ingest.py", rig.target.url, *_ACCOUNT, script) as loop:
        for _ in range(ROUNDS):
            ready = [_prepared(rig, files) for files in sessions]
            if not count:
                requests = [request for session_id, parcel in ready for request in _requests(rig, session_id, parcel)]
                script.write_text("\n".join(json.dumps(request) for request in requests), encoding="utf-8")
                count = len(requests)
            bare.append(count / loop.once()[0])
            begun, before = time.perf_counter(), time.process_time()
            list(pool.map(lambda item: _send(rig, *item), ready))
            ours.append(count / (time.perf_counter() - begun))
            cpu += time.process_time() - before
    found = row(name, statistics.median(ours), statistics.median(bare), GOAL, unit="requests/s")
    return found | {"cpu_s": round(cpu, 2)}


def _prepared(rig: StepsRig, files: dict[str, bytes]) -> tuple[int, dict[str, Any]]:
    """A completed session whose files are listed and read; its one parcel."""
    session_id = rig.completed_session(files).id
    (parcel,) = rig.steps.freeze(session_id, quiet)
    rig.steps.take_checksums(session_id, quiet)
    return session_id, parcel


def _send(rig: StepsRig, session_id: int, parcel: dict[str, Any]) -> None:
    rig.steps.create_dataset(session_id, 1)
    for block in range(parcel["blocks"]):
        rig.steps.store_block(session_id, 1, block)
    rig.steps.verify(session_id, 1)


def _requests(rig: StepsRig, session_id: int, parcel: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """What `_send` asks of the catalogue, for another pid in each round."""
    attempt = Attempt(attempt_folder(rig.folder, session_id))
    frozen = attempt.parcel(1)
    pid = f"{{round}}-{session_id}"
    one = f"/api/v4/datasets/{pid}"
    yield "GET", one, None
    yield "POST", "/api/v4/datasets", frozen.document | {"pid": pid}
    for number in range(parcel["blocks"]):
        yield (
            "POST",
            "/api/v3/origdatablocks",
            block_document(pid, attempt.block(frozen, number), ChecksumAlgorithm.NONE),
        )
    yield "GET", one, None


_ACCOUNT = ("ingestor", "ingestor")


def _target(url: str, folder: Path) -> CatalogueTarget:
    secret = folder / "secret"
    secret.write_text(_ACCOUNT[1])
    secret.chmod(0o600)
    return CatalogueTarget(
        url=url,
        username=_ACCOUNT[0],
        password_file=secret,
        ingestor_group="ingestor",
        owner_group_without_proposal="visitors",
        contact_email="beamline@your.site",
        checksum=ChecksumAlgorithm.NONE,
        blocks=BlockLimits(files=_FILES_IN_BLOCK),
    )


@contextmanager
def _catalogue(folder: Path) -> Iterator[str]:
    """The stand-in in a process of its own; its address."""
    ready = folder / "ready.json"
    with subprocess.Popen([sys.executable, "-m", "beamsim.scicat", "--ready-file", str(ready)]) as process:
        try:
            _wait(ready.exists)
            url = json.loads(ready.read_text(encoding="utf-8"))["url"]
            httpx.get(f"{url}/api/v3/health").raise_for_status()
            yield url
        finally:
            process.terminate()


def _wait(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + _LIMIT_S
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError("the catalogue of the benchmark does not start")
        time.sleep(0.02)


if __name__ == "__main__":
    for line in rows():
        print(line)
