"""JSON read as a JavaScript server reads it, down to the wording of its complaints."""

from __future__ import annotations

import json
import re
from typing import Any

_CONTEXT = 10
_SHORT = 2 * _CONTEXT + 1
_STRING_OR_CONSTANT = re.compile(r'"(?:\\.|[^"\\])*"|(NaN|Infinity|-Infinity)')


class JsonSyntaxError(ValueError):
    """A text that JavaScript's `JSON.parse` refuses; the message is the one V8 gives."""


class _ConstantError(ValueError):
    """NaN or Infinity was met."""


def _refuse_constant(name: str) -> Any:
    raise _ConstantError(name)


def parse(text: str) -> Any:
    """The value of a JSON text; NaN and Infinity, which Python would take, are errors."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except _ConstantError:
        position = next(match.start(1) for match in _STRING_OR_CONSTANT.finditer(text) if match.group(1))
        if text[position] == "-":
            raise JsonSyntaxError(f"No number after minus sign in JSON at position {position + 1}") from None
        raise JsonSyntaxError(_unexpected(text, position)) from None
    except json.JSONDecodeError as error:
        raise JsonSyntaxError(_message(text, error)) from None


def _message(text: str, error: json.JSONDecodeError) -> str:
    position = error.pos
    if error.msg.startswith("Illegal trailing comma"):
        position += 1
    elif not error.msg.startswith("Expecting property name"):
        return _message_of_token(text, error)
    if text[:position].rstrip().endswith(","):
        position += len(text[position:]) - len(text[position:].lstrip())
        return f"Expected double-quoted property name in JSON at position {position}"
    return f"Expected property name or '}}' in JSON at position {position}"


def _message_of_token(text: str, error: json.JSONDecodeError) -> str:
    position = error.pos
    if error.msg.startswith("Expecting ':'"):
        return f"Expected ':' after property name in JSON at position {position}"
    if error.msg.startswith("Expecting ','"):
        wanted = "']' after array element" if _within_array(text[:position]) else "'}' after property value"
        return f"Expected ',' or {wanted} in JSON at position {position}"
    if error.msg.startswith("Unterminated string"):
        return f"Unterminated string in JSON at position {len(text)}"
    if position >= len(text):
        return "Unexpected end of JSON input"
    if error.msg.startswith("Extra data"):
        return f"Unexpected non-whitespace character after JSON at position {position}"
    return _unexpected(text, position)


def _within_array(before: str) -> bool:
    """Whether the innermost bracket still open at the end of a text is a square one."""
    depth = 0
    for bracket in reversed(re.findall(r"[\[\]{}]", _STRING_OR_CONSTANT.sub("", before))):
        depth += 1 if bracket in "]}" else -1
        if depth < 0:
            return bracket == "["
    return False


def _unexpected(text: str, position: int) -> str:
    """V8 quotes ten characters on each side of the one it did not expect."""
    if len(text) < _SHORT:
        quoted = f'"{text}"'
    else:
        start, end = max(0, position - _CONTEXT), min(len(text), position + _CONTEXT)
        quoted = f'{"..." if start else ""}"{text[start:end]}"{"..." if end < len(text) else ""}'
    return f"Unexpected token '{text[position]}', {quoted} is not valid JSON"
