"""The ASGI application: the order in which a request is checked, and where faults strike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from inspect import isawaitable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from . import javascript_json, wire
from .answers import Answer, ApiError, bare_failure, refusal
from .backend import Backend, Call
from .control import Control
from .faults import Fault, FaultBook, FaultKind, first
from .pages import page
from .requests_log import Entry, RequestLog
from .routes import API
from .routing import Route
from .site import Account
from .tokens import Standing

_GATEWAY = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}
_ELSEWHERE = "https://elsewhere.your.site/"


def _proxy_page(status: int, phrase: str) -> Answer:
    """What a reverse proxy in front of the catalogue answers: a page, not JSON."""
    title = f"{status} {phrase}"
    return Answer(status, text=f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>")


def _too_many(seconds: float) -> Answer:
    """Says when to come back: in so many seconds, or at the moment that is as far away."""
    when = f"{seconds:g}" if seconds >= 0 else format_datetime(datetime.now(UTC) - timedelta(seconds=seconds), True)
    return replace(_proxy_page(429, "Too Many Requests"), headers={"retry-after": when})


def _failure(fault: Fault) -> Answer:
    if fault.status in _GATEWAY:
        return _proxy_page(fault.status, _GATEWAY[fault.status])
    return Answer(fault.status, {"message": "Internal server error", "statusCode": fault.status})


class Application:
    """One catalogue as an ASGI application.

    `close_door(seconds)` stops listening, for ever if None; the listener gives it.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.faults = FaultBook()
        self.requests = RequestLog()
        self.close_door: Callable[[float | None], None] = lambda _seconds: None
        self._control = Control(backend, self.faults, self.requests)
        self._late: set[asyncio.Task[Answer]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect, asyncio.CancelledError):  # nobody is left who waits for an answer
            await self._respond(Request(scope, receive), scope, receive, send)

    async def _respond(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].decode("ascii")
        answer = await self._control.answer(request, path) or page(self.backend, request.method, path)
        striking: list[Fault] = []
        if answer is None:
            found = API.find(request.method, path)
            if found is None or not self.backend.site.has(found[0].name):
                answer = refusal(404, f"Cannot {request.method} {_target(scope)}").answer
            else:
                striking = self.faults.due(found[0].name)
                answer = await self._answer(request, *found, striking)
        await _send(answer, striking, scope, receive, send)
        if answer.fatal:
            self.close_door(None)

    async def _answer(self, request: Request, route: Route, params: dict[str, str], striking: list[Fault]) -> Answer:
        """The answer of the catalogue, as far as the faults that strike leave it alone."""
        account: Account | None = None
        content = await wire.read_body(request, self.backend.site.body_limit)
        answer = await self._before(striking)
        if answer is None:
            try:
                body = _parsed(request, content)
                account = self._account(request)
                work = self._handled(request, route, params, body, account)
                late = first(striking, FaultKind.LATE)
                answer = await work if late is None else self._postponed(work, late.seconds)
            except ApiError as error:
                answer = error.answer
        answer = _after(striking, answer)
        user = account.username if account else None
        self.requests.add(Entry(route.name, _target(request.scope), user, answer.status))
        return answer

    async def _handled(
        self, request: Request, route: Route, params: dict[str, str], body: Any, account: Account | None
    ) -> Answer:
        call = Call(self.backend, params, dict(request.query_params), request.headers, body, account)
        try:
            result = route.handler(call)
            return await result if isawaitable(result) else result
        finally:
            if request.method != "GET":
                self.backend.state.save()

    def _postponed(self, work: Coroutine[Any, Any, Answer], seconds: float) -> Answer:
        """The page of a proxy that has no patience; the work is done after all."""

        async def later() -> Answer:
            await asyncio.sleep(seconds)
            return await work

        task = asyncio.ensure_future(later())
        self._late.add(task)
        task.add_done_callback(self._came_late)
        return _proxy_page(504, _GATEWAY[504])

    def _came_late(self, task: asyncio.Task[Answer]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # A refusal that nobody hears of.

    async def _before(self, striking: list[Fault]) -> Answer | None:
        """What faults do to a request before it is looked at; an answer ends it."""
        for fault in striking:
            match fault.kind:
                case FaultKind.DELAY:
                    await asyncio.sleep(fault.seconds)
                case FaultKind.CLOCK_JUMP:
                    self.backend.clock.jump(fault.seconds)
                case FaultKind.EXPIRE_TOKENS:
                    self.backend.tokens.expire_all()
                case FaultKind.FORGET_TOKENS:
                    self.backend.tokens.forget_all()
                case FaultKind.REFUSE:
                    self.close_door(fault.seconds)
                    return Answer(0)
                case FaultKind.CUT_BEFORE:
                    return Answer(0)
                case FaultKind.FAIL_BEFORE:
                    return _failure(fault)
                case FaultKind.TOO_MANY:
                    return _too_many(fault.seconds)
                case FaultKind.PAGE:
                    return _proxy_page(fault.status, HTTPStatus(fault.status).phrase)
                case FaultKind.MOVED:
                    return replace(_proxy_page(fault.status, "Moved"), headers={"location": _ELSEWHERE})
                case FaultKind.TOO_LARGE:
                    return _proxy_page(413, "Request Entity Too Large")
                case _:
                    continue
        return None

    def _account(self, request: Request) -> Account | None:
        """Whom the token names; newer backends refuse an expired one, older ones take its owner for nobody."""
        sent = request.headers.get("authorization") or request.query_params.get("access_token") or ""
        scheme, _, token = sent.partition(" ")
        identity = self.backend.tokens.identify(token.strip() if scheme.casefold() == "bearer" else None)
        if identity.standing is Standing.EXPIRED and self.backend.modern:
            raise refusal(401, "SESSION_EXPIRED")
        return identity.account


async def _send(answer: Answer, striking: list[Fault], scope: Scope, receive: Receive, send: Send) -> None:
    if answer.status == 0:
        await wire.cut(scope, receive)
    elif first(striking, FaultKind.ENDLESS):
        await wire.send_for_ever(answer, receive, send)
    elif first(striking, FaultKind.CUT_MIDDLE):
        await wire.send_half(answer, scope, receive, send)
    else:
        await wire.response(answer)(scope, receive, send)


def _parsed(request: Request, content: bytes | None) -> Any:
    """The value of a JSON body; an empty one, or one of another type, is an empty object."""
    if content is None:
        raise bare_failure()
    if not content or "json" not in request.headers.get("content-type", ""):
        return {}
    try:
        return javascript_json.parse(content.decode("utf-8", "replace"))
    except javascript_json.JsonSyntaxError as error:
        raise refusal(400, str(error)) from None


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode("ascii")
    return scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")


def _after(striking: list[Fault], answer: Answer) -> Answer:
    """What faults make of the answer when all has been done."""
    fault = first(striking, FaultKind.FAIL_AFTER, FaultKind.CUT_AFTER, FaultKind.WRONG_JSON)
    if fault is None or answer.status == 0:
        return answer
    if fault.kind is FaultKind.FAIL_AFTER:
        return replace(_failure(fault), fatal=answer.fatal)
    if fault.kind is FaultKind.CUT_AFTER:
        return replace(answer, status=0)
    return replace(answer, text='{"pid": "', headers={"content-type": wire.JSON_TYPE})
