"""The session manager's PVs, as a scan program uses them: put with callback, then look what became of it."""

from __future__ import annotations

from typing import Any

from beamsim.demo.server import DemoFailedError

_CONNECT_S = 30.0


class SessionPvs:
    """The PVs below `prefix`; `wait_s` is how long the callback of a put may take."""

    def __init__(self, prefix: str, wait_s: float) -> None:
        self.prefix = prefix
        self._wait_s = wait_s

    def put(self, name: str, value: Any) -> None:
        """A put with callback; DemoFailedError where none comes."""
        import epics  # after the environment is set

        pv = f"{self.prefix}{name}"
        if epics.caput(pv, value, wait=True, timeout=self._wait_s, connection_timeout=_CONNECT_S) != 1:
            raise DemoFailedError(f"caput {pv} {value} is not answered.")

    def command(self, name: str) -> None:
        """Give a command, and wait for its outcome; DemoFailedError says why it failed."""
        self.put(name, 1)
        if self.get("CommandStatus") != "DONE":
            raise DemoFailedError(f"caput {self.prefix}{name} 1: {self.get('CommandMessage')}")

    def get(self, name: str) -> Any:
        """What the server says now: text, the label of a state, or a number."""
        import epics

        pv = epics.get_pv(f"{self.prefix}{name}", connect=True, timeout=_CONNECT_S)
        is_text = str(pv.type).endswith(("enum", "string", "char"))
        value: Any = pv.get(as_string=is_text, use_monitor=False)
        if value is None:
            raise DemoFailedError(f"caget {self.prefix}{name} is not answered.")
        return value
