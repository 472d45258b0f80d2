"""The simulated beamline as pytest fixtures.

The EPICS libraries read their environment when they are imported, often at the top of a test module. So the
ports are chosen, and ``os.environ`` is set, when pytest is configured, before anything is collected; the
servers start with the first test that asks for them. From then on the tests of this run, and whatever they
start, reach no EPICS server outside this host. ``beamsim_loopback = false`` in the pytest configuration
leaves the environment alone; the fixtures then need one set by hand from ``beamline.environment``.

======================  ========  ================================================================
fixture                 scope     value
======================  ========  ================================================================
``beamline_options``    session   :class:`~beamsim.starting.BeamlineOptions`; override to change
``beamline``            session   :class:`~beamsim.beamline.Beamline`, all of whose PVs answer
``epics_environment``   session   the client environment, for processes a test starts
``ca_detector``         function  :class:`~beamsim.detector_client.DetectorClient` of ``CAM1:``
``pva_detector``        function  the same of ``PVA1:``
======================  ========  ================================================================
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from beamsim.beamline import running_beamline
from beamsim.detector_client import DetectorClient, over_ca, over_pva
from beamsim.loopback import Loopback
from beamsim.running import Beamline
from beamsim.starting import BeamlineOptions

_LOOPBACK = pytest.StashKey[Loopback]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a project keep its own EPICS environment."""
    parser.addini("beamsim_loopback", "keep EPICS clients and servers on this host", "bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the ports of this run, before any EPICS library is imported."""
    loopback = Loopback.choose()
    config.stash[_LOOPBACK] = loopback
    if config.getini("beamsim_loopback"):
        os.environ.update(loopback.client_environment())


@pytest.fixture(scope="session")
def beamline_options() -> BeamlineOptions:
    """Small frames, and no catalogue."""
    return BeamlineOptions(size_x=256, size_y=192, rate=50, catalogue=False)


@pytest.fixture(scope="session")
def beamline(pytestconfig: pytest.Config, beamline_options: BeamlineOptions) -> Iterator[Beamline]:
    """The simulated beamline of this test run."""
    with running_beamline(beamline_options, pytestconfig.stash[_LOOPBACK]) as running:
        yield running


@pytest.fixture(scope="session")
def epics_environment(beamline: Beamline) -> dict[str, str]:
    """What a process needs to be a client of the beamline."""
    return os.environ | beamline.environment


@pytest.fixture
def ca_detector(beamline: Beamline) -> Iterator[DetectorClient]:
    """The slow detector over Channel Access; it does not acquire when the test begins."""
    detector = over_ca(f"{beamline.prefix}CAM1:")
    detector.stop()
    yield detector
    detector.stop()


@pytest.fixture
def pva_detector(beamline: Beamline) -> Iterator[DetectorClient]:
    """The fast detector over pvAccess; it does not acquire when the test begins."""
    detector = over_pva(f"{beamline.prefix}PVA1:")
    detector.stop()
    yield detector
    detector.stop()
