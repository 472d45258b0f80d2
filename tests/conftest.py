"""Options of the whole test suite."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

# A busy machine is no fault of the code: no example has a deadline, and slow generation is no failure.
settings.register_profile("beamsession", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beamsession")

# Whole modules, or all tests that share a running beamline, are handed out in this order to the processes of a run: the
# longest first, so that none is left alone with them at the end. What is not named has its turn by its name.
LONGEST_FIRST = [
    "system",
    "system/test_surroundings",
    "scripting",
    "system/test_crash",
    "system/test_two_recorders",
    "worker/test_worker_ingest",
    "worker/test_worker_hooks",
    "worker/test_lost_store",
    "worker/test_worker_jobs",
    "cli/test_command_line",
    "cli/test_completion",
    "cli/test_waiting",
    "cli/test_store_replacing",
    "record/test_recorder",
    "record/test_recorder_team",
    "record/test_guards_managed",
    "record/test_external_crash",
    "faces/test_run_recorder_crash",
    "faces/test_run_recorder",
    "faces/test_session_manager_faults",
    "record/test_external_kinds",
    "record/test_external",
    "record/test_compression",
    "worker/test_worker_run_products",
    "worker/test_worker_places",
    "worker/test_worker_reopen",
    "worker/test_worker_record",
    "simulators/test_scicat_transcripts",
    "simulators/test_beamline_process",
    "defects/test_ingests",
    "store/test_store_chain",
    "store/test_store_crash",
    "archive/test_zip_file",
    "quicklook/test_quick_look",
    "verbs/test_random_commands",
    "verbs/test_random_rebuild",
    "docs/test_tutorial",
    "epics/test_bridge_faults",
    "epics/test_bridge_life",
    "taurus_panel/test_taurus_panel",
    "bluesky/test_bluesky_faults",
    "phoebus/test_ophyd_page",
    "bluesky/test_bluesky_device",
    "bluesky/test_bluesky_runs",
    "phoebus/test_screens_on_the_bridge",
]
OF_ITS_OWN = {"system/test_crash", "system/test_surroundings", "system/test_two_recorders"}


def shared_scope(nodeid: str) -> str:
    """What one process runs as a whole: a module, or a folder whose modules share a beamline that is slow to start."""
    folder, name = nodeid.split("::")[0].removesuffix(".py").split("/")[-2:]
    module = f"{folder}/{name}"
    return folder if folder in ("scripting", "system") and module not in OF_ITS_OWN else module


# A shell lets what it starts in the background ignore Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    turns = {scope: turn for turn, scope in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: turns.get(shared_scope(item.nodeid), len(turns)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return SharedScopes(config, log) if config.getvalue("dist") == "loadscope" else None


class SharedScopes(LoadScopeScheduling):
    """Hands out scopes by `shared_scope`."""

    def _split_scope(self, nodeid: str) -> str:
        return shared_scope(nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crashes", type=int, default=24, help="how many processes the crash test kills")
    parser.addoption("--crash-seed", default="", help="repeat the crash test with this seed")
