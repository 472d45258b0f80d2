"""What exists after the story: the files and their completeness, and one picture of the data in the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import hdf5plugin  # noqa: F401  registers the filters
import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import tango

_WIDTH, _HEIGHT = 60, 40
_BARS = " ▁▂▃▄▅▆▇█"
_SHADES = " ·░▒▓█"


def print_runs(manager: tango.DeviceProxy, session: int, console: Console) -> None:
    """One row per detector of each run: what was expected, received, written, and what the NeXus check said."""
    table = Table("run", "detector", "expected", "received", "written", "missing", "verdict", "NeXus check", "file")
    for run in json.loads(manager.command_inout("ListRuns", json.dumps({"session": session}))):
        report = run["report"]
        check = "passed" if report["check"] == [] else "; ".join(report["check"] or ["not checked"])
        for account in report["accounts"]:
            expected = "-" if account["expected"] is None else str(account["expected"])
            counts = [str(account[key]) for key in ("received", "written", "missing")]
            file = Path(run["file"]).name
            table.add_row(str(run["number"]), account["detector"], expected, *counts, run["state"], check, file)
    console.print(table)


def print_files(folder: Path, console: Console) -> None:
    """Every file of the session with its size."""
    table = Table("file", "size", box=None)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            table.add_row(str(path.relative_to(folder)), f"{path.stat().st_size / 1e6:.2f} MB")
    console.print(table)


def print_picture(master: Path, console: Console) -> None:
    """The brightest frame of the scan, and the intensity against the motor, both read from the run's file alone."""
    with h5py.File(master) as file:
        entry: Any = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        frames = data[data.attrs["signal"]]
        axis = str(np.atleast_1d(data.attrs["axes"])[0])
        positions, units = np.asarray(data[axis]), data[axis].attrs.get("units", "")
        totals = np.array([float(np.mean(frames[index])) for index in range(len(frames))])
        best = int(np.argmax(totals))
        console.print(f"Frame {best} of {master.name}, at {axis} = {positions[best]:.2f} {units}:", highlight=False)
        _print_image(np.asarray(frames[best], dtype=float), console)
    _print_curve(positions, totals, f"{axis} [{units}]", console)


def _print_image(image: NDArray[np.float64], console: Console) -> None:
    rows = np.linspace(0, image.shape[0] - 1, _HEIGHT).astype(int)
    columns = np.linspace(0, image.shape[1] - 1, _WIDTH).astype(int)
    small = image[np.ix_(rows, columns)]
    low, high = np.percentile(small, [1, 99.5])
    scaled = np.sqrt(np.clip((small - low) / max(high - low, 1e-9), 0, 1))
    if console.color_system is None:
        for row in scaled[::2]:
            console.print("  " + "".join(_SHADES[round(float(level) * (len(_SHADES) - 1))] for level in row))
        return
    for upper, lower in zip(scaled[::2], scaled[1::2], strict=True):
        line = Text("  ")
        for top, bottom in zip(upper, lower, strict=True):
            line.append("▀", Style(color=_colour(top), bgcolor=_colour(bottom)))
        console.print(line)


def _colour(level: float) -> Color:
    red, green, blue = min(1.0, 2 * level), max(0.0, 1.6 * level - 0.5), 0.25 + 0.5 * level * (1 - level)
    return Color.from_rgb(255 * red * level, 255 * min(1.0, green), 255 * blue)


def _print_curve(positions: NDArray[np.float64], totals: NDArray[np.float64], label: str, console: Console) -> None:
    grid = np.linspace(positions.min(), positions.max(), _WIDTH)
    order = np.argsort(positions)
    curve = np.interp(grid, positions[order], totals[order])
    levels = (curve - curve.min()) / max(float(np.ptp(curve)), 1e-9)
    bars = "".join(_BARS[round(float(level) * (len(_BARS) - 1))] for level in levels)
    middle = f"{'mean counts against ' + label:^{_WIDTH - 16}}"
    console.print(f"  {bars}\n  {positions.min():<8.2f}{middle}{positions.max():>8.2f}", highlight=False, markup=False)
