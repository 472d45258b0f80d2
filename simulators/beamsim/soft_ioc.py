"""The EPICS IOC of the simulated beamline: a detector, two motors and six readings, over CA and PVA.

``python -m beamsim.soft_ioc`` serves them until told to end; the ports come from the environment.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from softioc import softioc
from softioc.asyncio_dispatcher import AsyncioDispatcher

from beamsim.acquisition import AcquisitionSettings
from beamsim.ca_detector import CaDetector
from beamsim.drift import TopUp, Wander
from beamsim.frames import FrameShape
from beamsim.lifeline import wait_for_end
from beamsim.motor import Motor
from beamsim.record import RealRecord
from beamsim.templates import template_folder

_MOTORS = {
    "M1": "DESC=Sample position,EGU=mm,PREC=4,DRVL=-10,DRVH=10,VMAX=20",
    "M2": "DESC=Sample rotation,EGU=deg,PREC=3,DRVL=-180,DRVH=180,VMAX=360",
}
_VELOCITIES = {"M1": 2.0, "M2": 45.0}
_READINGS = {
    "RingCurrent": (0.1, TopUp(full=300, loss=1.5, period=120)),
    "SampleTemperature": (0.5, Wander(centre=295, swing=0.8, period=300, noise=0.02)),
    "FrontEndPressure": (1.0, Wander(centre=2e-9, swing=3e-10, period=600, noise=2e-11)),
}


def main() -> None:
    """Serve the records until SIGTERM, SIGINT or the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="SIM:")
    parser.add_argument("--size-x", type=int, default=1024)
    parser.add_argument("--size-y", type=int, default=1024)
    parser.add_argument("--largest", type=int, help="pixels of the largest frame; default: the size given")
    parser.add_argument("--period", type=float, default=0.1, help="seconds from frame to frame")
    options = parser.parse_args()
    shape = FrameShape(options.size_x, options.size_y)
    largest = max(options.largest or 0, shape.width * shape.height)
    settings = AcquisitionSettings(shape, period=options.period)
    _load(options.prefix, largest)
    motors = [Motor(options.prefix + name, velocity) for name, velocity in _VELOCITIES.items()]
    CaDetector(f"{options.prefix}CAM1:", settings, largest, position=lambda: motors[0].position)
    with AsyncioDispatcher() as dispatcher:
        softioc.iocInit(dispatcher)
        for name, (interval, change) in _READINGS.items():
            record = RealRecord(options.prefix + name)
            asyncio.run_coroutine_threadsafe(_drift(record, interval, change), dispatcher.loop)
        wait_for_end()


def _load(prefix: str, largest: int) -> None:
    folder = str(template_folder())
    softioc.dbLoadDatabase("detector.db", folder, f"P={prefix},R=CAM1:,NELM={largest}")
    softioc.dbLoadDatabase("scalars.db", folder, f"P={prefix}")
    for name, macros in _MOTORS.items():
        softioc.dbLoadDatabase("motor.db", folder, f"P={prefix},M={name},{macros}")


async def _drift(record: RealRecord, interval: float, change: TopUp | Wander) -> None:
    while True:
        record.post(change.value(time.time()))
        await asyncio.sleep(interval)


if __name__ == "__main__":
    main()
