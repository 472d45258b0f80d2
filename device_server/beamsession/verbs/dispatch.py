"""From a verb's name and arguments to its answer: validate, permit, do it once, log what is refused."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from beamsession.model.clock import Clock, utc_now
from beamsession.model.errors import BeamsessionError, ConflictError
from beamsession.model.event import Refusal
from beamsession.model.instrument import Instrument
from beamsession.model.names import shortened
from beamsession.model.permissions import permit
from beamsession.model.plain import plain
from beamsession.model.ports import RecorderPort
from beamsession.model.principal import Caller
from beamsession.model.verb import Place, Verb
from beamsession.verbs import REGISTRY
from beamsession.verbs.context import Context, Request

if TYPE_CHECKING:
    from beamsession.store import Store

_log = logging.getLogger(__name__)


class Dispatcher:
    """Answers verbs for one instrument; synchronous, for one thread at a time where verbs change something.

    New sessions get ids above `id_floor`, the highest that the data root has seen, should the store know less.
    """

    def __init__(
        self,
        instrument: Instrument,
        store: Store,
        recorder: RecorderPort,
        *,
        id_floor: int,
        clock: Clock = utc_now,
        log_refusals: bool = True,
    ) -> None:
        self._log_refusals = log_refusals
        self._instrument = instrument
        self._store = store
        self._recorder = recorder
        self._id_floor = id_floor
        self._clock = clock

    def call(self, name: str, arguments: dict[str, Any], caller: Caller) -> Any:
        """The verb's answer as plain JSON data; a BeamsessionError is logged as a refusal before it is raised."""
        try:
            return self._call(REGISTRY[name], arguments, caller)
        except BeamsessionError as error:
            self.refuse(name, arguments, caller, error)
            raise

    def _call(self, verb: Verb, arguments: dict[str, Any], caller: Caller) -> Any:
        request = Request(verb.name, _hash(arguments))
        if caller.request_id and verb.place is Place.DEVICE:
            earlier = self._store.reply(self._instrument.name, caller.request_id)
            if earlier is not None:
                return _same_request(earlier.verb, earlier.arguments_hash, request, earlier.value)
        permit(caller.principal, verb.action)
        parsed = verb.parse(arguments)
        ctx = Context(
            caller=caller,
            action=verb.action,
            instrument=self._instrument,
            store=self._store,
            recorder=self._recorder,
            request=request,
            id_floor=self._id_floor,
            clock=self._clock,
        )
        return plain(verb.function(ctx, **parsed))

    def refuse(self, name: str, arguments: dict[str, Any], caller: Caller, error: BeamsessionError) -> None:
        """Log that `name` was refused with `error`; the log is beside the chain and capped."""
        if not self._log_refusals:
            return
        refusal = Refusal(
            time=self._clock(),
            instrument=self._instrument.name,
            verb=shortened(name),
            principal=caller.principal.name,
            face=caller.face,
            code=error.code,
            sentence=error.sentence,
            arguments=json.dumps(arguments, default=str),
        )
        try:
            self._store.record_refusal(refusal)
        except BeamsessionError:
            _log.exception("a refusal could not be logged in the store")


def _hash(arguments: dict[str, Any]) -> str:
    text = json.dumps(arguments, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _same_request(verb: str, arguments_hash: str, request: Request, value: Any) -> Any:
    if (verb, arguments_hash) != (request.verb, request.arguments_hash):
        raise ConflictError(
            "This request id was used for another request.",
            code="REQUEST_ID_REUSED",
            value=request.verb,
            remedy="Give each request an id of its own; only a retry of the same one repeats it.",
        )
    return value
