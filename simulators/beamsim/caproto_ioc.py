"""A second IOC, written with caproto: four readings of the hutch; it is also the CA repeater of its ports.

``python -m beamsim.caproto_ioc`` serves them until told to end; the ports come from the environment.
A client that finds no repeater starts one, listening on every interface and outliving the client. The
repeater here listens on loopback and ends with the beamline.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import suppress
from threading import Thread

from caproto.asyncio.server import Context
from caproto.server import PVGroup, PvpropertyDouble, pvproperty
from caproto.sync import repeater

from beamsim.drift import Wander
from beamsim.lifeline import on_end
from beamsim.loopback import HOST


def _reading(name: str, value: float, units: str, doc: str, low: float, high: float, precision: int):
    """A read-only PV with warning limits, and alarm limits a quarter of their distance further out."""
    margin = (high - low) / 4
    return pvproperty(
        name=name,
        value=value,
        record="ai",
        read_only=True,
        doc=doc,
        units=units,
        precision=precision,
        lower_warning_limit=low,
        upper_warning_limit=high,
        lower_alarm_limit=low - margin,
        upper_alarm_limit=high + margin,
        lower_disp_limit=low - 2 * margin,
        upper_disp_limit=high + 2 * margin,
    )


class Hutch(PVGroup):
    """What is measured in and around the experimental hutch."""

    temperature = _reading("HutchTemperature", 22.0, "degC", "Air temperature in the hutch", 18, 26, 2)
    humidity = _reading("HutchHumidity", 41.0, "%", "Relative humidity in the hutch", 20, 60, 1)
    water_flow = _reading("CoolingWaterFlow", 8.5, "l/min", "Flow of cooling water", 7, 12, 2)
    flux = _reading("PhotonFlux", 2.4e12, "1/s", "Photons a second on the sample", 1e12, 4e12, 0)


_CHANGES = {
    "temperature": (1.0, Wander(centre=22, swing=0.5, period=900, noise=0.02)),
    "humidity": (1.0, Wander(centre=41, swing=2, period=1200, noise=0.1)),
    "water_flow": (0.5, Wander(centre=8.5, swing=0.1, period=60, noise=0.05)),
    "flux": (0.1, Wander(centre=2.4e12, swing=5e10, period=120, noise=1e10)),
}


async def _serve(prefix: str) -> None:
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    assert serving is not None
    on_end(lambda: loop.call_soon_threadsafe(serving.cancel))
    hutch = Hutch(prefix=prefix)
    async with asyncio.TaskGroup() as tasks:
        for name, (interval, change) in _CHANGES.items():
            await _describe(getattr(hutch, name))
            tasks.create_task(_drift(getattr(hutch, name), interval, change))
        tasks.create_task(Context(hutch.pvdb, interfaces=[HOST]).run(log_pv_names=False))


async def _describe(reading: PvpropertyDouble) -> None:
    """Fill in .DESC: caproto shows the text to a client that reads the field, not to one that subscribes."""
    await reading.fields["DESC"].write(str(reading.__doc__))


async def _drift(reading: PvpropertyDouble, interval: float, change: Wander) -> None:
    while True:
        await reading.write(change.value(time.time()), verify_value=False)
        await asyncio.sleep(interval)


def main() -> None:
    """Serve the readings until SIGTERM, SIGINT or the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="SIM:")
    options = parser.parse_args()
    Thread(target=repeater.run, args=(HOST,), name="ca-repeater", daemon=True).start()
    with suppress(asyncio.CancelledError):
        asyncio.run(_serve(options.prefix))


if __name__ == "__main__":
    main()
