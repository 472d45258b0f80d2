"""Frames from a Tango attribute, by events where its device sends them, else by reading it again and again."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator

from beamsession.model.detector import TangoDetector
from beamsession.model.errors import RefusedError
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.sources.pairing import Image, Pairing
from beamsession.record.sources.source import Count, no_answer
from beamsession.record.sources.tango_care import TangoCare
from beamsession.record.sources.tango_inbox import Inbox, Item, Number, Picture, Presence
from beamsession.record.sources.tango_orders import TangoOrders
from beamsession.record.sources.tango_picture import format_of

_BATCH = 8  # frames taken before commands are looked at again


class TangoSource:
    """One attribute, subscribed or polled during a run, and the others of its device beside it.

    Every call of the device is made in a thread of `TangoCare` or `TangoOrders`: nothing here waits for it, but
    `subscribe` and `halt` as long as they may.
    """

    def __init__(self, config: TangoDetector) -> None:
        self._config = config
        limit = config.ring_mib << 20
        self._inbox = Inbox(limit)
        self._care = TangoCare(config, self._inbox)
        self._ticket = 0
        self._orders = TangoOrders(config, lambda failure: self._inbox.put(self._ticket, failure))
        self._pairing = Pairing(limit, with_ids=config.id_attribute is not None)
        self._present = False
        self._subscribed = False
        self._losses = 0
        self._unpaired = 0

    def fileno(self) -> int:
        return self._inbox.fileno()

    def unconnected(self) -> tuple[str, ...]:
        if not self._subscribed:
            self._inbox.clear()
        elif not self._present and not self._care.missing:
            return (self._config.attribute,)  # it answers, and frames do not come yet
        return self._care.missing

    def subscribe(self, timeout: float) -> FrameFormat | None:
        deadline = time.monotonic() + timeout
        self._ticket += 1
        self._unpaired = self._losses = 0
        self._pairing.reset()
        self._inbox.begin(self._ticket)
        self._care.want(self._ticket)
        while (answer := self._care.answer).ticket != self._ticket:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self.unsubscribe()
                raise no_answer(self._config, self._care.missing or (self._config.attribute,), timeout)
            select.select([self._inbox], (), (), remaining)
            self._inbox.clear()
        if answer.refusal:
            self.unsubscribe()
            raise self._bad_frame(answer.refusal)
        self._subscribed = True
        self._inbox.signal()
        return answer.form

    def unsubscribe(self) -> None:
        self._subscribed = False
        self._care.want(0)

    def frames(self) -> Iterator[Frame]:
        self._inbox.clear()
        for _ in range(_BATCH):
            frame = self._next()
            if frame is None:
                return
            yield frame
        self._inbox.signal()

    def disconnections(self) -> int:
        return self._losses

    def produced(self) -> list[Count]:
        return []

    def exposure(self) -> float | None:
        return None

    def frame_bytes(self) -> int | None:
        form = self._care.answer.form
        return None if form is None else form.nbytes

    @property
    def numbered(self) -> bool:
        return self._config.id_attribute is not None

    def settle(self) -> None:
        self._care.settle()

    def holds_back(self) -> bool:
        return self._pairing.waits or self._care.busy or self._inbox.peek() is not None

    @property
    def doubt(self) -> str:
        return self._pairing.doubt

    @property
    def was_full(self) -> bool:
        return False

    def dropped(self) -> int | None:
        """The device's counter, and what is known to have been lost on the way."""
        lost = self._inbox.lost + self._unpaired
        if self._config.dropped_attribute is None:
            return lost
        return None if self._care.dropped is None else self._care.dropped + lost

    def hint(self) -> str:
        return ""

    def start(self, frames: int | None) -> None:
        self._orders.start(frames)

    def halt(self, wait_s: float = 0.0) -> None:
        self._orders.halt(wait_s)

    def _next(self) -> Frame | None:
        while True:
            pair = self._pairing.next()
            if pair is not None:
                image, unique_id = pair
                return _frame(image, unique_id)
            # A frame that waits for its id came before the device went away.
            if isinstance(self._inbox.peek(), Presence) and self._pairing.waits:
                return None
            item = self._inbox.pop()
            if item is None:
                return None
            frame = self._take(item)
            if frame is not None:
                return frame

    def _take(self, item: Item) -> Frame | None:
        match item:
            case Presence(present=present):
                self._losses += self._present and not present
                self._present = present
            case Number(unique_id=unique_id, time_ns=time_ns):
                self._pairing.add_id(unique_id, time_ns)
            case Picture(unique_id=None):
                image = Image(item.pixels, item.time_ns, item.receive_ns, time.monotonic())
                if not self._pairing.add_image(image):
                    self._unpaired += 1
            case Picture(unique_id=int(unique_id)):
                return _frame(item, unique_id)
            case Exception():
                raise item
        return None

    def _bad_frame(self, why: str) -> RefusedError:
        return RefusedError(
            f"The attribute {self._config.attribute} of detector {self._config.name} cannot be recorded: {why}.",
            code="BAD_FRAME",
            value=self._config.attribute,
            remedy='Name an attribute of numbers, and an event that its device sends or event = "poll".',
        )


def _frame(image: Image | Picture, unique_id: int) -> Frame:
    return Frame(format_of(image.pixels), unique_id, image.time_ns, image.receive_ns, image.pixels.reshape(-1))
