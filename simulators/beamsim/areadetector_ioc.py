"""An IOC with a camera, its file plugin and standard arrays as areaDetector's simDetector IOC has them; small frames.

``python -m beamsim.areadetector_ioc`` serves them until told to end; the ports come from the environment. A folder of
the IOC's host that is called otherwise here is told by ``--mount 'Z:\\data=/srv/data'``.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from caproto.asyncio.server import Context

from beamsim.areadetector.camera import Camera
from beamsim.areadetector.file_plugin import FilePlugin
from beamsim.areadetector.records import CameraRecords, FilePluginRecords
from beamsim.areadetector.std_arrays import StdArraysRecords
from beamsim.lifeline import on_end
from beamsim.loopback import HOST

_POST_S = 0.01


async def _serve(options: argparse.Namespace) -> None:
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    assert serving is not None
    on_end(lambda: loop.call_soon_threadsafe(serving.cancel))
    camera = Camera(width=options.size_x, height=options.size_y)
    plugin = FilePlugin(mounts=dict(_mount(text) for text in options.mount), swmr_supported=not options.no_swmr)
    camera.listeners.append(plugin.receive)
    arrays = StdArraysRecords(camera, prefix=f"{options.prefix}image1:")
    groups = (
        CameraRecords(camera, prefix=f"{options.prefix}cam1:"),
        FilePluginRecords(plugin, prefix=f"{options.prefix}HDF1:"),
        arrays,
    )
    pvdb = {name: pv for group in groups for name, pv in group.pvdb.items()}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(plugin.run())
        tasks.create_task(arrays.run())
        tasks.create_task(_post(groups))
        tasks.create_task(Context(pvdb, interfaces=[HOST]).run(log_pv_names=False))


async def _post(groups: tuple[CameraRecords | FilePluginRecords | StdArraysRecords, ...]) -> None:
    """Post what has changed, all of one moment together."""
    shown: dict[Any, Any] = {}
    while True:
        now = {record: value for group in groups for record, value in group.readings().items()}
        for record, value in now.items():
            if shown.get(record) != value:
                await record.write(value, verify_value=False)
        shown = now
        await asyncio.sleep(_POST_S)


def _mount(text: str) -> tuple[str, Path]:
    there, _, here = text.partition("=")
    return there, Path(here)


def main() -> None:
    """Serve the records until SIGTERM, SIGINT or the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="SIM1:")
    parser.add_argument("--size-x", type=int, default=64)
    parser.add_argument("--size-y", type=int, default=48)
    parser.add_argument("--mount", action="append", default=[], help="IOC's folder = folder here")
    parser.add_argument("--no-swmr", action="store_true", help="a plugin that was built without SWMR")
    options = parser.parse_args()
    with suppress(asyncio.CancelledError):
        asyncio.run(_serve(options))


if __name__ == "__main__":
    main()
