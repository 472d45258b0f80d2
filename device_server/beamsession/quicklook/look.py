"""The quick look of a run, made of its master into a folder: pictures, and one JSON file that tells of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
from PIL import Image, PngImagePlugin

from beamsession.model.clock import to_text
from beamsession.model.derived import QUICK_LOOK_MARK
from beamsession.model.errors import RefusedError
from beamsession.model.quick_look import QuickLookConfig
from beamsession.quicklook.detector_look import DetectorLook, curve_numbers, look_at, shown
from beamsession.quicklook.plot import Panel, plots
from beamsession.quicklook.series import Curve, curve_of
from beamsession.quicklook.signals import Found, Log, find

_READINGS = "readings"
_MOST_PANELS = 24
_WIDTH, _HEIGHT = 640, 140
_HARMLESS = re.compile(r"[^A-Za-z0-9_.-]+")
_FORMAT = 1

assert hdf5plugin.PLUGIN_PATH  # importing it is what makes compressed frames readable


@dataclass
class QuickLook:
    """What was made: `files` are names in the folder; `summary` is the JSON file without its long lists."""

    files: list[str] = field(default_factory=list[str])
    summary: dict[str, Any] = field(default_factory=dict[str, Any])


def make_quick_look(
    master: Path,
    folder: Path,
    stem: str,
    run: dict[str, Any],
    options: QuickLookConfig,
    progress: Callable[[float], None] = lambda share: None,
) -> QuickLook:
    """Look at the closed run `master` and write PNG files and `{stem}_quicklook.json` into the empty `folder`.

    All names begin with `stem`, `run_0001`. `run` is what the JSON file says about the run besides. Raises
    RefusedError: FILE_UNREADABLE, NOTHING_TO_SHOW.
    """
    try:
        file = h5py.File(master, "r", locking=False)
    except OSError as fault:
        raise RefusedError(
            f"{master} cannot be opened: it is missing, damaged or no HDF5 file.",
            code="FILE_UNREADABLE",
            value=str(master),
            remedy="Look at the file with h5dump or silx; where it is damaged, its run has no quick look.",
        ) from fault
    with file:
        found = find(file)
        maker = _Maker(folder, stem, options, master)
        share = 1 / (len(found.signals) + 1)
        for number, signal in enumerate(found.signals):
            maker.add_detector(look_at(signal, options, lambda part, n=number: progress((n + part) * share)))
        maker.add_readings(found.logs)
    maker.require_something(found)
    return maker.finish(run, found.complaints)


class _Maker:
    def __init__(self, folder: Path, stem: str, options: QuickLookConfig, master: Path) -> None:
        self._folder = folder
        self._stem = stem
        self._options = options
        self._master = master
        self._files: list[str] = []
        self._detectors: list[tuple[DetectorLook, dict[str, str]]] = []
        self._readings: list[dict[str, Any]] = []
        self._readings_picture: str | None = None
        self._complaints: list[str] = []

    def add_detector(self, look: DetectorLook) -> None:
        base = _HARMLESS.sub("_", str(look.facts["name"])).strip("._") or "data"
        pictures = {
            what: self._save(image, base if what == "picture" else f"{base}_{what}")
            for what, image in look.pictures.items()
        }
        self._detectors.append((look, pictures))
        if look.complaint:
            self._complaints.append(look.complaint)

    def add_readings(self, logs: list[Log]) -> None:
        panels: list[Panel] = []
        for log in logs:
            try:
                curve = curve_of(log.value, log.time)
            except (OSError, RuntimeError) as fault:
                self._complaints.append(f"The reading '{log.name}' cannot be read ({fault}).")
                continue
            self._readings.append(_reading(log, curve))
            panels.append(Panel(f"{log.name} ({log.units})" if log.units else log.name, "seconds", curve))
        if len(panels) > _MOST_PANELS:
            self._complaints.append(f"The picture of the readings shows {_MOST_PANELS} of {len(panels)}.")
        if panels:
            image = plots(panels[:_MOST_PANELS], width=_WIDTH, height=_HEIGHT)
            self._readings_picture = self._save(image, _READINGS)

    def require_something(self, found: Found) -> None:
        if self._files:
            return
        reasons = [*found.complaints, *self._complaints] or ["it holds no frames and no readings"]
        raise RefusedError(
            f"There is nothing to show of {self._master.name}: {' '.join(reasons).rstrip('.')}.",
            code="NOTHING_TO_SHOW",
            value=str(self._master),
            remedy="Nothing needs to be done if nothing was measured; else look for the run's data files.",
        )

    def finish(self, run: dict[str, Any], complaints: list[str]) -> QuickLook:
        head = {
            "made_by": QUICK_LOOK_MARK.decode(),  # first: by this the file is known as ours
            "format": _FORMAT,
            "made": to_text(datetime.now(UTC)),
            "run": run,
            "master": self._master.name,
        }
        rest = {
            "readings": self._readings,
            "readings_picture": self._readings_picture,
            "thumbnail": self._thumbnail(),
            "complaints": [*complaints, *self._complaints],
        }
        detectors = [{**look.facts, "pictures": pictures} for look, pictures in self._detectors]
        full = [{**facts, **look.arrays} for facts, (look, _) in zip(detectors, self._detectors, strict=True)]
        text = json.dumps({**head, "detectors": full, **rest}, ensure_ascii=False)
        name = f"{self._stem}_quicklook.json"
        (self._folder / name).write_text(text, encoding="utf-8")
        # The JSON file is the last that gets its place: what it names is there.
        return QuickLook([*self._files, name], {**head, "detectors": detectors, **rest})

    def _thumbnail(self) -> str | None:
        """The picture that stands for the run: the first detector's."""
        named = [pictures["picture"] for _, pictures in self._detectors if "picture" in pictures]
        return next(iter([*named, *self._files]), None)

    def _save(self, image: Image.Image, what: str) -> str:
        taken, name, number = {item.lower() for item in self._files}, f"{self._stem}_{what}.png", 2
        while name.lower() in taken:
            name, number = f"{self._stem}_{what}_{number}.png", number + 1
        facts = PngImagePlugin.PngInfo()
        facts.add_text("Software", QUICK_LOOK_MARK.decode())
        facts.add_text("Source", os.fsencode(self._master.name).decode("latin-1"))
        image.save(self._folder / name, pnginfo=facts, optimize=False)
        self._files.append(name)
        return name


def _reading(log: Log, curve: Curve) -> dict[str, Any]:
    valid = curve.middle[~(curve.middle != curve.middle)]
    ends = (float(valid[0]), float(valid[-1])) if valid.size else (None, None)
    return {
        "name": log.name,
        "units": log.units,
        "count": len(log.value),
        **curve_numbers(curve),
        "first": shown(ends[0]),
        "last": shown(ends[1]),
    }
