"""Bytes in and out: reading bodies with a limit, sending answers, cutting connections."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .answers import Answer

JSON_TYPE = "application/json; charset=utf-8"
_BLANKS = b" " * 65_536


async def read_body(request: Request, limit: int) -> bytes | None:
    """The body, or None if it is longer than `limit` bytes; it is read to its end in any case."""
    kept = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            kept += chunk
    return bytes(kept) if size <= limit else None


def response(answer: Answer) -> Response:
    if answer.text is not None:
        return Response(answer.text, answer.status, answer.headers, "text/html; charset=utf-8")
    if answer.body is None:
        return Response(b"", answer.status, answer.headers)
    text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, answer.status, {"content-type": JSON_TYPE, **answer.headers})


def _transport(scope: Scope) -> asyncio.Transport:
    return cast(asyncio.Transport, scope["state"]["transport"])


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def cut(scope: Scope, receive: Receive) -> None:
    """Drop the connection without a further byte."""
    _transport(scope).abort()
    await _until_disconnected(receive)


async def send_half(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Begin the answer, send half of its body, and drop the connection."""

    async def halved(message: Any) -> None:
        if message["type"] == "http.response.body":
            body = message["body"]
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            _transport(scope).close()
        else:
            await send(message)

    await response(answer)(scope, receive, halved)
    await _until_disconnected(receive)


async def send_for_ever(answer: Answer, receive: Receive, send: Send) -> None:
    """Begin the answer, and go on with blanks until nobody listens any more."""
    gone = asyncio.ensure_future(_until_disconnected(receive))
    await send({"type": "http.response.start", "status": answer.status, "headers": [(b"content-type", b"text/html")]})
    try:
        while not gone.done():
            await send({"type": "http.response.body", "body": _BLANKS, "more_body": True})
            await asyncio.sleep(0)
    finally:
        gone.cancel()
