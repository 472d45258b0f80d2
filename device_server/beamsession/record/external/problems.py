"""Every reason why a file plugin could not record now, each a sentence; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

from beamsession.model.detector import AreaDetector
from beamsession.model.errors import RefusedError
from beamsession.model.report import Problem
from beamsession.record.external.pvs import Pvs, SilentError
from beamsession.record.external.records import Records


def camera_problems(config: AreaDetector, pvs: Pvs, records: Records) -> list[Problem]:
    """The problems of camera and plugin, as they are set now."""
    if missing := pvs.unconnected(records.needed):
        return [silent_problem(config, records, missing)]
    try:
        return [*_plugin_problems(config, pvs, records), *_camera_problems(config, pvs, records)]
    except SilentError as fault:
        return [Problem(code=fault.code, sentence=fault.sentence, remedy=fault.remedy)]


def silent_problem(config: AreaDetector, records: Records, missing: Sequence[str]) -> Problem:
    """PV_TIMEOUT for the PVs that do not answer; a prefix below which none does is named instead of them all."""
    for prefix, key in ((config.camera, "camera"), (config.file_plugin, "file_plugin")):
        if [name for name in records.needed if name.startswith(prefix)] == [
            name for name in missing if name.startswith(prefix)
        ]:
            return Problem(
                code="PV_TIMEOUT",
                sentence=f"No PV with the prefix {prefix} of detector {config.name} answers.",
                remedy=f"Check that the IOC runs and can be reached, or correct {key} in the configuration.",
            )
    return Problem(
        code="PV_TIMEOUT",
        sentence=f"Some PVs of detector {config.name} do not answer: {', '.join(missing[:5])}.",
        remedy="Check that file_plugin is an NDFileHDF5 and camera an areaDetector driver.",
    )


def refuse_first(problems: Sequence[Problem], config: AreaDetector) -> None:
    """Raise RefusedError for the first of the problems."""
    for problem in problems:
        raise RefusedError(problem.sentence, code=problem.code, value=config.file_plugin, remedy=problem.remedy)


def _plugin_problems(config: AreaDetector, pvs: Pvs, records: Records) -> list[Problem]:
    problems: list[Problem] = []
    if pvs.number(records.plugin("Capture_RBV")):
        folder, name = pvs.text(records.plugin("FilePath_RBV")), pvs.text(records.plugin("FileName_RBV"))
        problems.append(
            Problem(
                code="CAPTURE_BUSY",
                sentence=f"The file plugin of {config.name} is capturing already (into {folder}{name}).",
                remedy=f"Wait, or put 0 at {records.plugin('Capture')}.",
            )
        )
    supported = records.plugin("SWMRSupported_RBV")
    if config.swmr and pvs.has(supported) and not pvs.number(supported):
        problems.append(
            Problem(
                code="NO_SWMR",
                sentence=f"The file plugin of {config.name} cannot write in SWMR mode.",
                remedy="Set swmr = false for it, or build its IOC with HDF5 1.10 or later.",
            )
        )
    return problems


def _camera_problems(config: AreaDetector, pvs: Pvs, records: Records) -> list[Problem]:
    if config.drive:
        if not pvs.number(records.camera("Acquire_RBV")):
            return []
        return [
            Problem(
                code="CAMERA_BUSY",
                sentence=f"The camera of {config.name} is acquiring already.",
                remedy=f"Put 0 at {records.camera('Acquire')}, or set drive = false to record what it makes.",
            )
        ]
    if pvs.number(records.camera("ArrayCallbacks_RBV")):
        return []
    return [
        Problem(
            code="CAMERA_CALLBACKS_OFF",
            sentence=f"The camera of {config.name} passes no frames on (ArrayCallbacks is Disable).",
            remedy=f"Put 1 at {records.camera('ArrayCallbacks')}.",
        )
    ]
