"""[epics] in the configuration: the names, the port and the writers of the Channel Access bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from beamsession.model.errors import InvalidInputError

_LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 5064
_PORT_VARIABLE = "EPICS_CA_SERVER_PORT"


def _writer(text: str) -> str:
    user, at, host = text.rpartition("@")
    if not at or not user or not host or " " in text:
        raise ValueError(f"'{text}' is no writer: give user@host, with * for any user or any host")
    return text


Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:\[\]<>;.-]*$", max_length=30)]
Writer = Annotated[str, AfterValidator(_writer)]


class EpicsTable(BaseModel):
    """[epics]: the session manager over Channel Access."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="whether `up` starts the bridge")
    prefix: Prefix | None = Field(
        default=None, description="macro P of every PV; left out: the instrument's name and a colon"
    )
    record_prefix: Prefix = Field(default="Session:", description="macro R of every PV, behind P")
    port: int | None = Field(
        default=None,
        ge=1024,
        le=65535,
        description="UDP and TCP port of the server; left out: EPICS_CA_SERVER_PORT, else 5064",
    )
    interface: str = Field(
        default=_LOOPBACK,
        pattern=r"^\d{1,3}(\.\d{1,3}){3}$",
        description="address of the interface that is served; 0.0.0.0: all. By default nobody outside this host",
    )
    write: tuple[Writer, ...] = Field(
        default=("*@localhost",),
        description=(
            "who may write: user@host with * for any; a host is `localhost` (this one), an address, a network "
            "(10.1.0.0/16) or a name. Everybody may read"
        ),
    )

    @property
    def is_local(self) -> bool:
        """Whether only this host is served."""
        return self.interface.startswith("127.")

    def served_port(self, environment: Mapping[str, str]) -> int:
        """`port`, else EPICS_CA_SERVER_PORT of `environment`, else 5064; InvalidInputError if that is no port."""
        if self.port:
            return self.port
        given = environment.get(_PORT_VARIABLE) or str(DEFAULT_PORT)
        if not given.isdecimal() or not 0 < int(given) < 2**16:
            raise InvalidInputError(
                f"{_PORT_VARIABLE} is no port: {given}.",
                code="BAD_VALUE",
                value=given,
                remedy="Correct it in the environment, or give epics.port in the configuration.",
            )
        return int(given)

    def full_prefix(self, instrument: str) -> str:
        """What every PV's name begins with: `$(P)$(R)`."""
        return f"{self.prefix if self.prefix is not None else f'{instrument}:'}{self.record_prefix}"
