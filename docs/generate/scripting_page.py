"""The page of the scripting API, from its docstrings, with what is different from PShell."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import groupby
from types import ModuleType
from typing import Any

from docs.generate.markdown import page, table
from docs.generate.scripting_differences import DIFFERENCES

from beamsession import sessions

_INTRODUCTION = """
Plain functions for scripts, on any host that reaches the beamline's Tango device:

```python
from beamsession.sessions import *

number = session_start("CeO2 at 300 K", {"sample": "CeO2"})
session_set_metadata("temperature", 300)
session_complete()
name, pid = session_ingest_scicat(number)
```

They have the names, arguments, order, defaults and results of PShell's session functions; what is not as there is
listed [below](#where-it-differs), and [Move from PShell](../how-to/move-from-pshell.md) tells how a script is taken
over.

## What they share

**Which beamline.** The first of these that is there: `use("tango://host:port/domain/family/member")`, or
`use("domain/family/member")` in the database that `TANGO_HOST` names; the environment variable `BEAMSESSION_DEVICE`;
the only SessionManager that runs in the Tango database. None or several are an error that names them. Nothing is
connected before the first call.

**Values.** Ids are integers, times whole milliseconds since the epoch, states lower-case words. Paths are those of the
server's host. What is returned is a copy: changing it changes nothing.

**Which session.** `id=None` means the open session; without one the error `SESSION_NOT_FOUND` is raised, as for an id
that does not exist.

**Silence.** `session_complete`, `session_pause`, `session_resume`, `session_cancel` and `session_add_file` return False
where there is nothing to do, else True. A real fault is always raised.

**Errors** are `BeamsessionError`: its text is a sentence with the remedy, its `code` may be tested by programs.

**Waiting.** Functions that wait take `timeout` in seconds (None: no limit). What they wait for is done by the server:
it goes on after `NOT_IN_TIME`, after Ctrl-C, and after the script has ended. Restarts of the server are waited for.

**Who asks** is the user who runs the script; the log says so. A call without an answer is asked once more under the
same request id, so it is not done twice. All functions may be called from any thread.
"""


def scripting_page() -> str:
    """The whole page."""
    functions = [getattr(sessions, name) for name in sessions.__all__]
    functions = [item for item in functions if inspect.isfunction(item)]
    sections = [_section(module, list(group)) for module, group in groupby(functions, inspect.getmodule) if module]
    head = ["topic", "PShell", "here"]
    differences = "\n\n".join(["## Where it differs", table(head, DIFFERENCES)])
    return page("Scripting", _INTRODUCTION, *sections, differences)


def _section(module: ModuleType, functions: list[Callable[..., Any]]) -> str:
    title, _, rest = (module.__doc__ or "").strip().rstrip(".").partition(":")
    told = [f"{rest.strip()[0].upper()}{rest.strip()[1:]}."] if rest.strip() else []
    return "\n\n".join([f"## {title}", *told, *map(_function, functions)])


def _function(function: Callable[..., Any]) -> str:
    return "\n\n".join([f"### {function.__name__}", f"```text\n{_call(function)}\n```", inspect.getdoc(function) or ""])


def _call(function: Callable[..., Any]) -> str:
    """The call as it is written, without the types of arguments, and what it returns."""
    signature = inspect.signature(function)
    arguments = [item.replace(annotation=item.empty) for item in signature.parameters.values()]
    bare = signature.replace(parameters=arguments, return_annotation=signature.empty)
    result = str(signature.return_annotation).replace("[str, Any]", "")
    return f"{function.__name__}{bare} -> {result}"
