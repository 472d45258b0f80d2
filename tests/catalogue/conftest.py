"""A stand-in catalogue, an account for it, and a completed session on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.target import CatalogueTarget
from beamsim.scicat import Catalogue, running_catalogue
from catalogue_case import Case, completed_case


@pytest.fixture(params=["4.27", "5.2"])
def catalogue(request: pytest.FixtureRequest) -> Iterator[Catalogue]:
    with running_catalogue(request.param) as running:
        yield running


@pytest.fixture
def target(catalogue: Catalogue, tmp_path: Path) -> CatalogueTarget:
    password = tmp_path / "password"
    password.write_text("ingestor\n")
    return CatalogueTarget(
        url=catalogue.url,
        username="ingestor",
        password_file=password,
        ingestor_group="ingestor",
        contact_email="beamline@your.site",
        pid_prefix="beamsim",
        creation_location="/SITE/FACILITY/B1",
    )


@pytest.fixture
def client(target: CatalogueTarget) -> Iterator[CatalogueClient]:
    with CatalogueClient(target) as client:
        yield client


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return completed_case(tmp_path / "data")
