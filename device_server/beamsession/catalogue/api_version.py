"""Which of its two APIs a catalogue's datasets are created and read with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Any, cast

from beamsession.catalogue.fault import CatalogueError

log = logging.getLogger(__name__)
EXPLORER = "/explorer-json"
_V4_DATASETS = "/api/v4/datasets"


class DatasetApi(StrEnum):
    """V3 has single ids and a body of its own; every server has it. V4 came with 4.12."""

    V3 = "v3"
    V4 = "v4"


class ApiChoice:
    """The one that is configured; with `auto` the server's own description says which, and is read once.

    A server that does not show its description is taken for a new one, until it turns out to be none.
    """

    def __init__(self, configured: str, read: Callable[[str], Any]) -> None:
        self._is_auto = configured == "auto"
        self._chosen = None if self._is_auto else DatasetApi(configured)
        self._read = read

    def of_datasets(self) -> DatasetApi:
        """The API of datasets. Raises CatalogueError where the server does not answer at all."""
        if self._chosen is None:
            self._chosen = DatasetApi.V4 if self._shows_v4() else DatasetApi.V3
        return self._chosen

    def fall_back(self, fault: CatalogueError) -> bool:
        """Whether to go on with V3, because this answer says that there is no such path at all."""
        has_no_path = fault.status == 404 and str(fault.value).startswith("Cannot ")
        if not self._is_auto or self._chosen is not DatasetApi.V4 or not has_no_path:
            return False
        log.warning("the catalogue has no %s: datasets are created with version 3 of its API", _V4_DATASETS)
        self._chosen = DatasetApi.V3
        return True

    def _shows_v4(self) -> bool:
        try:
            described: Any = self._read(EXPLORER)
        except CatalogueError as fault:
            if fault.status == 0:
                raise
            return True  # Switched off, or kept from us by a proxy.
        paths = cast("dict[str, Any]", described).get("paths") if isinstance(described, dict) else None
        if not isinstance(paths, dict):
            return True
        known = {path.casefold().rstrip("/") for path in cast("dict[str, Any]", paths)}
        return not known or _V4_DATASETS in known
