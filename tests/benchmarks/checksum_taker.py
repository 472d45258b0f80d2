"""`checksum_taker.py FOLDER STATE THREADS`: lists and reads a folder as the worker does; what it took, as JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from beamsession.archive.derived_files import is_derived
from beamsession.catalogue.manifest import list_files
from beamsession.catalogue.target import BlockLimits, ChecksumAlgorithm
from beamsession.servers.worker.ingest.attempt import SESSION_S_OWN, Attempt, Frozen
from beamsession.servers.worker.ingest.attempt_writing import new_attempt
from beamsession.servers.worker.ingest.checksum_store import ChecksumStore
from beamsession.servers.worker.ingest.checksum_taking import ChecksumTaking
from beamsession.servers.worker.ingest.hashing import Hashing


def main(folder: Path, state: Path, threads: int) -> None:
    os.nice(19)
    before = time.process_time()
    begun = time.perf_counter()
    attempt = Attempt(state)
    frozen = Frozen(folder, ChecksumAlgorithm.SHA256, datetime.now(UTC))
    with new_attempt(attempt) as writer:
        files = list_files(folder, is_derived=is_derived)
        writer.add_files(((file, SESSION_S_OWN) for file in files), lambda count: None)
        blocks = writer.cut(BlockLimits(), frozen)
        writer.add_parcel(pid="p/1", run=SESSION_S_OWN, document={}, blocks=blocks[SESSION_S_OWN])
        writer.add_header(frozen)
    taking = ChecksumTaking(attempt, ChecksumStore(state), frozen, lambda: None, lambda text: None)
    taking.take_known(state.parent)
    taking.read_rest(Hashing(threads))
    seconds = time.perf_counter() - begun
    assert attempt.remaining() == (0, 0)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_s": time.process_time() - before, "peak_mib": peak_mib}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
