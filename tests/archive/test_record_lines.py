"""What a damaged line of a record says is not taken, and is told by its number."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamsession.archive.record_lines import run_lines
from record_samples import RULES, run


@pytest.mark.parametrize("key", ["[1]", "{}", "null", "1.0", "true", '"1"'])
@pytest.mark.parametrize("rest", ['"gone": true', '"number": 1'])
def test_a_line_whose_key_is_none_is_damaged(tmp_path: Path, key: str, rest: str) -> None:
    lines = run_lines(tmp_path / "runs.jsonl", RULES)
    lines.append([run(1)])
    with lines.path.open("a") as stream:
        stream.write(f'{{"id": {key}, {rest}}}\n')
    lines.append([run(2)])
    damaged: list[int] = []
    found = lines.read(damaged.append)
    assert damaged == [2]
    assert [record.number for record in found.values() if record is not None] == [1, 2]
