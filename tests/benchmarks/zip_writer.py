"""`python zip_writer.py FOLDER TARGET`: archive a folder in a process of its own; one JSON line with what it took."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from beamsession.archive.zip_file import write_zip
from beamsession.model.plan import FileRules


def main() -> None:
    """Seconds from the call to an archive that is safe on the disk, CPU seconds of the same, peak memory in MiB."""
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    begun, cpu = time.perf_counter(), time.process_time()
    write_zip(target, folder, [folder], keep_folders=True, rules=FileRules(), mark="bench")
    taken = {"seconds": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu}
    print(json.dumps(taken | {"peak_mib": _peak_mib()}))


def _peak_mib() -> float:
    """Peak of this program alone: `getrusage` would count what the process had in memory before it became this one."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
