"""The bridge's parts, wired: what is heard goes into PVs, what is put goes to the command desk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caproto import AlarmStatus

from beamsession.config import Beamline
from beamsession.faces.epics.access import Client, WriteAccess
from beamsession.faces.epics.channels import clipped, make_channel
from beamsession.faces.epics.commands import SessionCommands
from beamsession.faces.epics.desk import CommandDesk
from beamsession.faces.epics.layout import MAX_DETECTORS, NEWEST_RUNS, layout
from beamsession.faces.epics.pv import Kind, Pv
from beamsession.faces.epics.reading import ACCOUNTS, CLOSING, FAST, Reading, Shown, Translation
from beamsession.faces.epics.runs_text import runs_text
from beamsession.faces.epics.server import Server
from beamsession.faces.epics.unfit import not_understood, out_of_bounds
from beamsession.faces.tango.text import to_tango
from beamsession.model.errors import BeamsessionError
from beamsession.servers.bridge.feed import Feed
from beamsession.servers.bridge.manager_link import ManagerLink

_log = logging.getLogger(__name__)
_FAST_S = 0.1
_HEARTBEAT_S = 1.0
_SETTLE_S = 2.0
_ABOUT_RUNS = ("SessionId", "SessionTitle", "RunNumber", "RunState", "RunCount", "LastCompletedId")
_STATUS = {0: AlarmStatus.NO_ALARM, 1: AlarmStatus.STATE, 2: AlarmStatus.STATE, 3: AlarmStatus.COMM}
_OWN = ("Connected", "Heartbeat", "ClientCount", "DetectorCount")


class Bridge:
    """One instrument's PVs; make it inside the running loop, then `run`."""

    def __init__(self, beamline: Beamline, device: str, prefix: str, access: WriteAccess, interface: str) -> None:
        detectors = tuple(detector.name for detector in beamline.detectors)[:MAX_DETECTORS]
        self._pvs: tuple[Pv, ...] = layout(len(detectors))
        self._channels: dict[str, Any] = {pv.name: make_channel(pv, access, self) for pv in self._pvs}
        self._server = Server({prefix + name: channel for name, channel in self._channels.items()}, [interface])
        self._link = ManagerLink(device)
        self._inputs: dict[str, Any] = {pv.name: _empty(pv) for pv in self._pvs if pv.writable and not pv.verb}
        commands = SessionCommands(self._link, self._inputs, self._show)
        self._desk = CommandDesk(commands.works, self._show, self._runs_settle)
        self._translation = Translation(self._pvs, detectors)
        self._detectors = detectors
        self._fast: dict[str, Reading] = {}
        self._readings: asyncio.Queue[Reading | bool] = asyncio.Queue()
        self._runs_wanted, self._runs_shown = asyncio.Event(), asyncio.Event()
        self._runs_shown.set()
        self._in_run: tuple[str, ...] = ()
        self._last_accounts: Reading | None = None
        self._exact: dict[str, str] = {}
        loop = asyncio.get_running_loop()
        self._feed = Feed(
            device,
            self._translation.attributes,
            lambda read: loop.call_soon_threadsafe(self._readings.put_nowait, read) and None,
            lambda yes, _: loop.call_soon_threadsafe(self._readings.put_nowait, yes) and None,
        )

    @property
    def port(self) -> int | None:
        """The TCP port, once the server listens."""
        return None if self._server.port is None else int(self._server.port)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._show_own()
        self._feed.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._server.run(log_pv_names=False))
                tasks.create_task(self._take_readings())
                tasks.create_task(self._flush_fast())
                tasks.create_task(self._keep_runs())
                tasks.create_task(self._beat())
        finally:
            self._feed.stop()

    async def _show_own(self) -> None:
        for pv in self._pvs:
            if not pv.attribute and pv.name not in _OWN:
                await self._channels[pv.name].show(_empty(pv))
        await self._show({"DetectorCount": len(self._detectors), "ClientCount": 0, "Heartbeat": 0})
        for number, name in enumerate(self._detectors, start=1):
            await self._show({f"Det{number}:Name": name})
        await self._connected(False)

    async def put(self, channel: Any, value: Any, client: Client) -> asyncio.Task[None] | None:
        pv: Pv = channel.pv
        if pv.kind is Kind.COMMAND:
            return None if value == pv.choices[0] else await self._desk.put(pv.name, "", client, {pv.name: 1})
        if pv.verb:
            if pv.name != "Unlock":
                await channel.show(value)
            return await self._desk.put(pv.name, value, client, {})
        if error := out_of_bounds(pv, value):
            await self._desk.refuse(pv.name, client, error)
            return None
        self._inputs[pv.name] = value
        await channel.show(value)
        return None

    async def refuse(self, channel: Any, offered: str, client: Client) -> None:
        await self._desk.refuse(channel.pv.name, client, not_understood(channel.pv, offered))

    async def _show(self, values: Mapping[str, Any]) -> None:
        now = time.time()
        for name, value in values.items():
            pv: Pv = self._channels[name].pv
            shown = pv.choices[value] if pv.choices and isinstance(value, int) else value
            severity = _own_severity(pv, shown)
            await self._channels[name].show(shown, at=now, severity=severity, status=_STATUS[severity])

    async def _take_readings(self) -> None:
        while True:
            item = await self._readings.get()
            try:
                await (self._connected(item) if isinstance(item, bool) else self._take(item))
            except Exception:
                _log.exception("a value of the session manager could not be shown: %s", item)

    async def _take(self, read: Reading) -> None:
        if read.name in FAST and read.value is not None:
            self._fast[read.name] = read
            return
        if read.name in CLOSING:
            # Who waits for a verdict or a command's outcome finds all of it in the PVs.
            await self._show_fast()
        await self._show_reading(read)
        self._link.take(read.name, read.value)
        if read.name in _ABOUT_RUNS:
            self._want_runs()
        if read.name == "RunState":
            await self._show_detectors()

    async def _show_reading(self, read: Reading) -> None:
        if read.name == ACCOUNTS:
            self._last_accounts = read
            await self._show_detectors()
            return
        for shown in self._translation.shown(self._exactly(read)):
            await self._show_one(shown)

    async def _show_detectors(self) -> None:
        if self._last_accounts is not None:
            for shown in self._translation.detectors(self._link.heard, self._last_accounts, self._in_run):
                await self._show_one(shown)

    async def _show_one(self, shown: Shown) -> None:
        channel = self._channels[shown.name]
        value = channel.shown if shown.value is None else shown.value
        if value is None:
            value = _empty(channel.pv)
        await channel.show(value, at=shown.at, severity=shown.severity, status=_STATUS[shown.severity])

    async def _flush_fast(self) -> None:
        while True:
            await asyncio.sleep(_FAST_S)
            try:
                await self._show_fast()
            except Exception:
                _log.exception("the counters of the session manager could not be shown")

    async def _show_fast(self) -> None:
        waiting, self._fast = self._fast, {}
        for read in waiting.values():
            await self._show_reading(read)
            self._link.take(read.name, read.value)

    async def _connected(self, yes: bool) -> None:
        self._link.connect(yes)
        await self._show({"Connected": int(yes)})
        if yes:
            self._want_runs()
            return
        self._fast.clear()
        for pv in self._pvs:
            if pv.attribute or pv.name.startswith(("Det", "Runs")) or pv.name.endswith("_RBV"):
                if pv.name in _OWN or pv.name.endswith(":Name"):
                    continue
                channel = self._channels[pv.name]
                value = _empty(pv) if channel.shown is None else channel.shown
                await channel.show(value, severity=3, status=AlarmStatus.COMM)

    async def _keep_runs(self) -> None:
        while True:
            await self._runs_wanted.wait()
            self._runs_wanted.clear()
            if not self._link.connected:
                continue
            try:
                await self._show_runs()
            except BeamsessionError as error:
                _log.warning("the newest runs cannot be listed: %s", error.text)
                await asyncio.sleep(_HEARTBEAT_S)
                self._want_runs()
            else:
                if not self._runs_wanted.is_set():
                    self._runs_shown.set()

    def _want_runs(self) -> None:
        self._runs_wanted.set()
        self._runs_shown.clear()

    async def _runs_settle(self) -> None:
        """Wait until the table of runs and the exact names show what a command did; not for ever."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._runs_shown.wait(), _SETTLE_S if self._link.connected else 0)

    async def _show_runs(self) -> None:
        heard = self._link.heard
        opened = heard.get("SessionId") or 0
        session = opened or heard.get("LastCompletedId") or 0
        newest = heard.get("RunNumber", 0) if opened else 0
        runs = await self._link.newest_runs(session, NEWEST_RUNS, newest) if session else []
        last = runs[0] if runs else {}
        await self._show_exact(heard.get("SessionId") or 0)
        await self._show(
            {
                "RunsSession": float(session),
                "RunsNumber": [run["number"] for run in runs],
                "RunsState": [run["state"] for run in runs],
                "RunsTitle": [clipped(run["title"]) for run in runs],
                "RunsText": runs_text(runs),
                "RunFrames_RBV": last.get("frames") or 0,
                "RunTitle_RBV": last.get("title", ""),
                "RunDetectors_RBV": " ".join(last.get("detectors", ())),
            }
        )
        self._in_run = tuple(last.get("detectors", ()))
        await self._show_detectors()

    async def _show_exact(self, session: int) -> None:
        """Name and title as they are: Tango's attributes spell out what Latin-1 lacks."""
        found = await self._link.session(session) if session else {}
        self._exact = {"SessionName": found.get("name", ""), "SessionTitle": found.get("title", "")}
        for name in self._exact:
            if name in self._link.heard:
                read = Reading(name, self._link.heard[name], 0, time.time())
                await self._show_reading(read)

    def _exactly(self, read: Reading) -> Reading:
        exact = self._exact.get(read.name, "")
        return replace(read, value=exact) if exact and to_tango(exact) == read.value else read

    async def _beat(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            beats = (beats + 1) % 2**31
            await self._show({"Heartbeat": beats, "ClientCount": len(self._server.circuits)})


def _own_severity(pv: Pv, value: Any) -> int:
    if not pv.severities:
        return 0
    return ("NO_ALARM", "MINOR", "MAJOR", "INVALID").index(pv.severities[pv.choices.index(value)])


def _empty(pv: Pv) -> Any:
    """What a PV shows before anything is known."""
    match pv.kind:
        case Kind.LONG:
            return 0
        case Kind.DOUBLE:
            return math.nan
        case Kind.ENUM | Kind.COMMAND:
            return pv.choices[0]
        case Kind.LONGS | Kind.STRINGS:
            return []
        case Kind.STRING | Kind.TEXT:
            return ""


async def serve(bridge: Bridge, stop: asyncio.Event) -> None:
    """Run the bridge until `stop`."""
    running = asyncio.create_task(bridge.run())
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if running in done:
        stopping.cancel()
        running.result()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
