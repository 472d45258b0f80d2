"""The frames of one detector in one run as a Bluesky stream: a descriptor, a stream_resource and stream_datums.

Documents are those of event-model; the frames stay in the run's data file, and readers such as Tiled find them there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bluesky.protocols import StreamAsset
from event_model import ComposeStreamResource, ComposeStreamResourceBundle, DataKey, StreamRange

from beamsession.faces.bluesky.frame_files import FrameFacts, FramePlace

OWN = "beamsession"
"""The parameter of a stream_resource that tells our own files: its run, as session/number."""

_MIMETYPE = "application/x-hdf5"


class FrameStream:
    """Collectable and WritesStreamAssets: what a plan declares a stream of, and collects while the run goes on.

    Each event is one frame. The shape in its data key is that of a frame, and frames are stacked, so index i of the
    stream is index i of the dataset.
    """

    parent = None

    def __init__(self, name: str, source: str, run: str, place: FramePlace, facts: FrameFacts) -> None:
        self.name = name
        self.detector = place.detector
        self.is_declared = False
        self._source = source
        self._facts = facts
        self._count = facts.count
        self._told = 0
        self._bundle: ComposeStreamResourceBundle = ComposeStreamResource()(
            mimetype=_MIMETYPE,
            uri=file_uri(place.file),
            data_key=name,
            parameters={
                "dataset": place.dataset,
                "chunk_shape": list(facts.chunk_shape),
                "join_method": "stack",
                "swmr": True,
                "locking": False,
                OWN: run,
            },
            uid=None,
            validate=True,
        )

    @property
    def has_news(self) -> bool:
        """Whether frames came that no document tells of yet."""
        return self._count > self._told

    def grown(self, count: int) -> None:
        """So many frames are on disk now; it never becomes fewer."""
        self._count = max(self._count, count)

    async def describe_collect(self) -> dict[str, DataKey]:
        """The data key of one frame."""
        shape = list(self._facts.shape[1:])
        key: Any = {
            "source": self._source,
            "shape": shape,
            "dtype": "array" if shape else "number",
            "dtype_numpy": self._facts.dtype,
            "external": "STREAM:",
        }
        return {self.name: key}

    async def get_index(self) -> int:
        """Frames on disk."""
        return self._count

    async def collect_asset_docs(self, index: int | None = None) -> AsyncIterator[StreamAsset]:
        """The documents of the frames since the last time, up to `index`."""
        stop = self._count if index is None else min(index, self._count)
        if stop <= self._told:
            return
        if not self._told:
            yield "stream_resource", self._bundle.stream_resource_doc
        indices: StreamRange = {"start": self._told, "stop": stop}
        self._told = stop
        yield "stream_datum", self._bundle.compose_stream_datum(indices)


def file_uri(path: Path) -> str:
    """The URI of a file that this host sees."""
    return f"file://localhost{quote(str(path.absolute()))}"
