"""The recorders of a beamline as they are configured: the one in [tango], and further ones in [[recorders]]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from beamsession.model.detector import DetectorConfig
from beamsession.model.parts import MAIN_RECORDER, recorder_of
from beamsession.model.value import Identifier

DeviceName = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+/[\w.-]+$")]
InstanceName = Annotated[str, Field(pattern=r"^[\w-]+$")]


class RecorderTable(BaseModel):
    """[[recorders]]: one more recorder, for the detectors that name it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier = Field(description="what detectors call it in `recorder`")
    device: DeviceName = Field(description="its RunRecorder device")
    instance: InstanceName | None = Field(
        default=None, description="instance name of its server, a process of its own; left out: its name"
    )
    url: str | None = Field(
        default=None, description="its full address where no Tango database knows it (tango://…#dbase=no)"
    )
    host: str | None = Field(
        default=None, description="the host it runs on; `up` starts it only there. Left out: wherever `up` runs"
    )

    @property
    def server(self) -> str:
        """The instance name of its server."""
        return self.instance or self.name

    @property
    def address(self) -> str:
        """How it is reached."""
        return self.url or self.device

    @property
    def role(self) -> str:
        """What `up` calls its process."""
        return "run_recorder" if self.name == MAIN_RECORDER else f"run_recorder_{self.name}"


def require_consistent(recorders: Sequence[RecorderTable], detectors: Sequence[DetectorConfig]) -> None:
    """Raise ValueError with one sentence where names collide, or a detector names a recorder that is not there.

    `recorders` are all of them, the one in [tango] first.
    """
    for what, values in (
        ("name", [item.name.lower() for item in recorders]),
        ("device", [item.device.lower() for item in recorders]),
        ("instance", [item.server.lower() for item in recorders]),
    ):
        if twice := [value for value in values if values.count(value) > 1]:
            taken = f' (the one in [tango] is called "{MAIN_RECORDER}")' if twice[0] == MAIN_RECORDER else ""
            raise ValueError(f"two recorders have the {what} '{twice[0]}'{taken}: change one in [[recorders]]")
    known = [item.name for item in recorders]
    for detector in detectors:
        if recorder_of(detector.recorder) not in known:
            raise ValueError(
                f"the detector '{detector.name}' names the recorder '{detector.recorder}', which is not there: "
                f"add it to [[recorders]], or name one of {', '.join(known)}"
            )
