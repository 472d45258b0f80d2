"""The stand-in's own routes under `/_stand-in`, by which other processes set faults and look at requests."""

from __future__ import annotations

import json
from dataclasses import asdict

from starlette.requests import Request

from .answers import Answer, refusal
from .backend import Backend
from .faults import Fault, FaultBook
from .requests_log import RequestLog

_PREFIX = "/_stand-in"


class Control:
    """Answers requests that are not for the catalogue but for its stand-in.

    `POST faults` takes one fault or a list of them, `GET faults` lists those that have not run out, `DELETE faults`
    clears them; `GET requests` counts, `DELETE requests` forgets; `POST expire-tokens`; `POST clock` with
    `{"jump": seconds}`.
    """

    def __init__(self, backend: Backend, faults: FaultBook, requests: RequestLog) -> None:
        self._backend = backend
        self._faults = faults
        self._requests = requests

    async def answer(self, request: Request, path: str) -> Answer | None:
        """The answer, or None if the request is not for these routes."""
        if not path.startswith(f"{_PREFIX}/"):
            return None
        try:
            return self._done(request.method, path.removeprefix(f"{_PREFIX}/"), await request.body())
        except (TypeError, ValueError, KeyError) as error:
            return refusal(400, str(error)).answer

    def _done(self, method: str, name: str, body: bytes) -> Answer:
        match method, name:
            case "POST", "faults":
                content = json.loads(body)
                self._faults.add(*map(Fault.from_json, content if isinstance(content, list) else [content]))
                return self._pending(201)
            case "GET", "faults":
                return self._pending(200)
            case "DELETE", "faults":
                self._faults.clear()
                return self._pending(200)
            case "GET", "requests":
                return Answer(200, self._requests.as_json())
            case "DELETE", "requests":
                self._requests.clear()
                return Answer(200, self._requests.as_json())
            case "POST", "expire-tokens":
                self._backend.tokens.expire_all()
                return Answer(200, {"expired": True})
            case "POST", "clock":
                self._backend.clock.jump(float(json.loads(body)["jump"]))
                return Answer(200, {"now": self._backend.now()})
            case _:
                return refusal(404, f"Cannot {method} {_PREFIX}/{name}").answer

    def _pending(self, status: int) -> Answer:
        return Answer(status, [asdict(fault) for fault in self._faults.pending()])
