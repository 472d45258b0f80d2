"""How long the bridge waits for a manager that tells nothing."""

from __future__ import annotations

import asyncio

import pytest

from beamsession.model.errors import UnavailableError
from beamsession.servers.bridge import manager_link
from beamsession.servers.bridge.manager_link import ManagerLink


@pytest.mark.parametrize("is_in_fault", [True, False], ids=["in FAULT", "gone"])
def test_what_waits_for_a_manager_that_tells_nothing_ends(is_in_fault: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager_link, "_AWAY_S", 0.2)

    async def wait() -> None:
        link = ManagerLink("test/session/manager")
        link.connect(True)
        link.take("RunState", "DRAINING")
        waiting = asyncio.create_task(link.until(lambda heard: heard["RunState"] == "COMPLETED"))
        await asyncio.sleep(0)
        link.take("RunState", None) if is_in_fault else link.connect(False)
        with pytest.raises(UnavailableError, match="whether it was done is unknown"):
            await asyncio.wait_for(waiting, 30)

    asyncio.run(wait())
