"""How a list goes on that was cut at its limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beamsession.faces.cli.columns import PAGES
from beamsession.model.verb import Verb

_MOST = 1000  # what a list gives at once where more is wanted


def next_page(verb: Verb, arguments: dict[str, Any], answer: Any, ask: Callable[[dict[str, Any]], list[Any]]) -> str:
    """The option that continues the list, for example `--before-id 123`; empty where the list was whole.

    Only a list that fills its page costs another question: whether there is one record more.
    """
    page = PAGES.get(verb.name)
    if page is None or not answer:
        return ""
    limit = arguments.get("limit", verb.arguments.model_fields["limit"].default)
    if len(answer) < min(limit, _MOST):
        return ""
    last = answer[-1][page.key]
    rest = {key: value for key, value in arguments.items() if key != "offset"} | {page.argument: last, "limit": 1}
    return f"--{page.argument.replace('_', '-')} {last}" if ask(rest) else ""
