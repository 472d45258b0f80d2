"""How frames are compressed in a data file: HDF5 filters that any reader with hdf5plugin understands."""

from __future__ import annotations

from typing import Any

import hdf5plugin

from beamsession.model.detector import Compression


def dataset_options(compression: Compression) -> dict[str, Any]:
    """Keyword arguments for `create_dataset`; empty where frames are stored as they come."""
    match compression:
        case Compression.NONE:
            return {}
        case Compression.BSLZ4:
            return dict(hdf5plugin.Bitshuffle(cname="lz4"))
