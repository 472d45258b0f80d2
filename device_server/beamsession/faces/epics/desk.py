"""One command at a time, from the put to its outcome in the PVs that every client reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from beamsession.faces.epics.access import Client
from beamsession.faces.epics.commands import Show, Work
from beamsession.model.errors import BeamsessionError, WrongStateError

_log = logging.getLogger(__name__)


class CommandDesk:
    """Takes puts of commands.

    CommandMessage, CommandCode and CommandCount are set before CommandStatus, all of them before the command's own PV
    goes back to 0, and that before the put's callback: who waited for it reads the outcome.
    """

    def __init__(self, works: Mapping[str, Work], show: Show, settle: Callable[[], Awaitable[None]]) -> None:
        """`settle()` returns when everything that a command has changed is shown."""
        self._works = works
        self._show = show
        self._settle = settle
        self._running = ""
        self._client = ""
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, name: str, text: str, client: Client, busy: Mapping[str, object]) -> asyncio.Task[None] | None:
        """Begin the command `name`; what it returns ends with the outcome, None if that stands already.

        `busy` are the PVs that show that the command runs; they go back to 0 at its end.
        """
        if self._running:
            await self._refuse(name, client)
            return None
        self._running, self._client = name, client.text
        await self._show(
            {"CommandName": name, "CommandClient": client.text, "CommandMessage": "", "CommandCode": "",
             "CommandStatus": "BUSY", **busy}
        )  # fmt: skip
        # A client that goes away does not take its command with it.
        task = asyncio.create_task(self._do(name, text, client, tuple(busy)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def refuse(self, name: str, client: Client, error: BeamsessionError) -> None:
        """Tell that a put was refused; nothing was changed."""
        await self._tell(name, client.text, "FAILED", error.text, error.code)

    async def _refuse(self, name: str, client: Client) -> None:
        error = WrongStateError(
            f"{name} is refused: {self._running} of {self._client} is still running.",
            code="COMMAND_RUNS",
            remedy=f"Give it again when CommandName says {self._running} and CommandStatus its outcome.",
        )
        await self.refuse(name, client, error)

    async def _do(self, name: str, text: str, client: Client, busy: tuple[str, ...]) -> None:
        status, message, code = "FAILED", f"{name} failed unexpectedly: look in the bridge's log.", "INTERNAL_ERROR"
        try:
            message = await self._works[name](text, client.text)
            status, code = "DONE", ""
        except BeamsessionError as error:
            message, code = error.text, error.code
        except Exception:
            _log.exception("%s of %s failed", name, client.text)
        finally:
            await self._settle()
            self._running = ""
        await self._tell(name, client.text, status, message, code)
        await self._show(dict.fromkeys(busy, 0))

    async def _tell(self, name: str, client: str, status: str, message: str, code: str) -> None:
        self._count += 1
        await self._show(
            {"CommandName": name, "CommandClient": client, "CommandMessage": message, "CommandCode": code,
             "CommandCount": self._count, "CommandStatus": status}
        )  # fmt: skip
