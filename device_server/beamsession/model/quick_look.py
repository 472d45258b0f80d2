"""How the quick look of a run is made: the pictures and numbers that tell at a glance what was measured."""

from __future__ import annotations

from pydantic import Field, model_validator

from beamsession.model.value import Value


class QuickLookConfig(Value):
    """[quick_look]: pictures and numbers of each run, made by the worker when the run has ended."""

    enabled: bool = Field(default=True, description="make one for every run with frames; false: only when asked for")
    frames: int = Field(default=200, ge=1, le=10_000, description="how many frames are read at most, evenly spaced")
    read_mib: int = Field(default=2048, ge=1, description="how much is read of one detector at most, MiB unpacked")
    read_s: float = Field(default=20.0, gt=0, le=600, description="how long frames of one detector are read at most")
    size: int = Field(default=512, ge=64, le=4096, description="longest side of a picture, pixels")
    percentiles: tuple[float, float] = Field(
        default=(1.0, 99.0), description="the pixel values that are black and white"
    )
    log: bool = Field(default=False, description="logarithmic grey scale, for diffraction patterns")
    memory_mib: int = Field(default=4096, ge=512, description="more memory than this ends it, MiB")
    timeout_s: float = Field(default=300.0, gt=0, le=3600, description="more time than this ends it")

    @model_validator(mode="after")
    def _percentiles_rise(self) -> QuickLookConfig:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError("percentiles are two rising numbers from 0 to 100")
        return self
