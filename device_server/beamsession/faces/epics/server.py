"""The Channel Access server: caproto's, with access by client, and each update encoded once for all who subscribed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable
from typing import Any

import caproto as ca
from caproto.asyncio.server import Context as _Context
from caproto.asyncio.server import VirtualCircuit as _Circuit

from beamsession.faces.epics.access import Client
from beamsession.faces.epics.channels import Channel, offered, put_value, whole_text

_log = logging.getLogger(__name__)
_FULL_BYTES = 65_536  # waiting for a slow client: from there on it gets the newest value of each PV only
_ID_AT = slice(12, 16)  # a subscription's number in the header of an update, also of a long one
_READ_WRITE = ca.AccessRights.READ | ca.AccessRights.WRITE


class Circuit(_Circuit):
    """One client's connection."""

    context: Server

    def __init__(self, circuit: Any, client: Any, context: Any) -> None:
        super().__init__(circuit, client, context)
        self._outbox: list[tuple[int, bytes]] = []
        self._newest: dict[int, bytes] = {}  # while the client is slow, of each subscription
        self._is_due = False
        self._draining: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._address = str(client.getpeername()[0])
        self._is_local = self._address == str(client.getsockname()[0]) or self._address.startswith("127.")
        # asyncio does it for sockets that it has made itself; without, answers wait for the client's acknowledgement.
        self.client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def peer(self) -> Client:
        """Who is at the other end."""
        return Client(self.client_username or "", self.client_hostname or "", self._address, self._is_local)

    def post(self, subscription: int, update: bytes) -> None:
        """Send an update with all others of this turn of the loop; to a slow client the newest, when there is room."""
        if self._draining is not None:
            self._keep(subscription, update)
            return
        self._outbox.append((subscription, update))
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    async def _send_buffers(self, *buffers: Any) -> None:
        # An answer, of a put for example, comes after the updates that were made before it.
        self._flush()
        await super()._send_buffers(*buffers)

    def _flush(self) -> None:
        self._is_due = False
        if not self._outbox or self._draining is not None or not self.connected:
            return
        writer = self.client.writer
        if writer.transport.is_closing():
            self._outbox.clear()
            return
        if writer.transport.get_write_buffer_size() > _FULL_BYTES:
            for subscription, update in self._outbox:
                self._keep(subscription, update)
            self._outbox.clear()
            self._draining = asyncio.create_task(self._await_room())
            return
        writer.write(b"".join(update for _, update in self._outbox))
        self._outbox.clear()

    async def _await_room(self) -> None:
        try:
            await self.client.writer.drain()
        except OSError:
            self._newest.clear()
        finally:
            self._draining = None
        self._outbox, self._newest = [*self._newest.items(), *self._outbox], {}
        self._flush()

    def _keep(self, subscription: int, update: bytes) -> None:
        self._newest.pop(subscription, None)  # its turn is that of the newest update
        self._newest[subscription] = update

    async def _cull_subscriptions(self, db_entry: Any, func: Any) -> Any:
        removed = await super()._cull_subscriptions(db_entry, func)
        gone = {sub.subscriptionid for _, sub in removed}
        self._outbox = [item for item in self._outbox if item[0] not in gone]
        for subscription in gone:
            self._newest.pop(subscription, None)
        return removed

    async def _process_command(self, command: Any) -> Any:
        if isinstance(command, ca.CreateChanRequest):
            return self._with_rights(command, await super()._process_command(command))
        if isinstance(command, ca.WriteRequest | ca.WriteNotifyRequest):
            return await self._write(command)
        return await super()._process_command(command)

    def _with_rights(self, command: Any, answers: list[Any]) -> list[Any]:
        if not isinstance(answers[0], ca.AccessRightsResponse):
            return answers
        entry = self.context[command.name]
        if isinstance(entry, Channel) and entry.allows(self.peer):
            return [ca.AccessRightsResponse(cid=command.cid, access_rights=_READ_WRITE), *answers[1:]]
        return answers

    async def _write(self, command: Any) -> list[Any]:
        """Take a put; the answer of one that goes on is sent when it has ended."""
        channel, entry = self._get_db_entry_from_command(command)
        if not isinstance(entry, Channel) or entry.inbox is None or not entry.allows(self.peer):
            _log.info("%s may not write %s", self.peer.text, channel.name)
            return self._refusal(channel, command, ca.CAStatus.ECA_NOWTACCESS, "write access denied")
        try:
            value = put_value(entry, command.data, command.data_type)
        except (ValueError, IndexError, OverflowError):
            # Many clients do not look at the status of a put; all of them can read CommandMessage.
            await entry.inbox.refuse(entry, offered(command.data), self.peer)
            return self._refusal(channel, command, ca.CAStatus.ECA_BADTYPE, "the value does not fit")
        going_on = await entry.inbox.put(entry, value, self.peer)
        if not isinstance(command, ca.WriteNotifyRequest):
            return []
        if going_on is None:
            return [_done(channel, command)]
        self.tasks.create(self._answer_after(going_on, channel, command))
        return []

    async def _answer_after(self, going_on: Awaitable[Any], channel: Any, command: Any) -> None:
        await asyncio.shield(going_on)
        if self.connected:
            await self.send(_done(channel, command))

    def _refusal(self, channel: Any, command: Any, status: Any, message: str) -> list[Any]:
        if isinstance(command, ca.WriteNotifyRequest):
            return [_done(channel, command, status)]
        return [ca.ErrorResponse(command, channel.cid, status=status, error_message=message)]


class Server(_Context):
    """All PVs, their clients and subscriptions."""

    CircuitClass = Circuit

    def __init__(self, pvdb: dict[str, Any], interfaces: list[str]) -> None:
        super().__init__(pvdb, interfaces)
        self.subscription_queue = _AtOnce(self)

    def __getitem__(self, name: str) -> Any:
        if name.endswith("$"):
            text = whole_text(self.pvdb.get(name[:-1].removesuffix(".VAL")))
            if text is not None:
                return text
        return super().__getitem__(name)

    async def subscription_queue_loop(self) -> None:
        """Nothing waits in a queue: updates are given to the circuits as they are made."""

    async def publish(self, update: Any) -> None:
        """Give one update to those it is for, encoded once for each form in which it is wanted."""
        forms: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        for spec in update.sub_specs:
            for sub in [update.sub] if update.sub is not None else list(self.subscriptions[spec]):
                if any(spec.channel_filter):
                    await self._subscription_queue_send(
                        spec, sub, metadata=update.metadata, values=update.values, flags=update.flags
                    )
                    continue
                circuit: Any = sub.circuit
                if not circuit.events_on.is_set():
                    circuit.subscriptions_to_resend.setdefault(spec, [])
                    if sub not in circuit.subscriptions_to_resend[spec]:
                        circuit.subscriptions_to_resend[spec].append(sub)
                    continue
                form = (int(sub.data_type), sub.data_count)
                if form not in forms:
                    forms[form] = _encoded(sub, update)
                head, tail = forms[form]
                circuit.post(sub.subscriptionid, b"".join((head, sub.subscriptionid.to_bytes(4, "big"), tail)))


class _AtOnce:
    """Stands where caproto has its queue of updates."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def put(self, update: Any) -> None:
        await self._server.publish(update)


def _encoded(sub: Any, update: Any) -> tuple[bytes, bytes]:
    """The update as it goes over the wire, before and after the number of the subscription."""
    values = update.values
    count = sub.data_count or len(values)
    values = values[:count] if count < len(values) else values
    command = sub.channel.subscribe(
        data=values,
        metadata=update.metadata,
        data_type=sub.data_type,
        data_count=count,
        subscriptionid=sub.subscriptionid,
        status=1,
    )
    whole = b"".join((bytes(command.header), *map(bytes, command.buffers)))
    return whole[: _ID_AT.start], whole[_ID_AT.stop :]


def _done(channel: Any, command: Any, status: Any = ca.CAStatus.ECA_NORMAL) -> Any:
    return ca.WriteNotifyResponse(
        data_type=command.data_type, data_count=command.data_count, status=status, ioid=command.ioid
    )
