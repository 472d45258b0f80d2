"""A long table is read in portions that fit into memory, with the same result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beamsession.model.plan import FileRules
from beamsession.record.readings import table as layout
from beamsession.record.readings.board import ROW
from beamsession.record.readings.emptytable import EmptyTable
from beamsession.record.readings.table import Column, Series, each_series
from beamsession.record.readings.tablewriter import TableWriter

PVS, ROWS = 7, 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table of PVs that posted in any order; the last one never did."""
    random = np.random.default_rng(3)
    rows = np.zeros(ROWS, ROW)
    rows["pv_index"] = random.integers(0, PVS - 1, ROWS)
    rows["time"] = random.integers(0, 500, ROWS)
    rows["value"] = np.arange(ROWS)
    columns = EmptyTable.of([Column(name=f"r{place}", pv=f"X:{place}") for place in range(PVS)])
    writer = TableWriter(tmp_path / "readings.h5", columns, FileRules())
    for part in np.array_split(rows, 9):
        writer.append(part)
    writer.close()
    return tmp_path / "readings.h5"


def told(series: Series) -> tuple[str, list[int], list[float]]:
    return series.column.name, series.times.tolist(), series.values.tolist()


@pytest.mark.parametrize("most_rows", [1, 200, 400, 10_000])
def test_portions_change_nothing(path: Path, most_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [told(item) for item in each_series(path)]
    monkeypatch.setattr(layout, "_SPAN", 37)
    assert [told(item) for item in each_series(path, most_rows=most_rows)] == whole
    assert [name for name, _, _ in whole] == [f"r{place}" for place in range(PVS)]
    assert sum(len(times) for _, times, _ in whole) == ROWS
    for _, times, values in whole:
        # By time, and where the time is the same in the order in which they came.
        assert list(zip(times, values, strict=True)) == sorted(zip(times, values, strict=True))
    assert whole[-1] == (f"r{PVS - 1}", [], [])


def test_some_of_them_can_be_chosen(path: Path) -> None:
    whole = {item.column.name: told(item) for item in each_series(path)}
    assert [told(item) for item in each_series(path, {"r4", "r1"})] == [whole["r1"], whole["r4"]]
