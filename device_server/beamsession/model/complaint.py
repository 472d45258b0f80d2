"""What the catalogue or our own check complains about: one field, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """How bad a complaint is."""

    ERROR = "error"
    """nothing is sent before it is seen to"""
    WARNING = "warning"
    """it is sent all the same"""


@dataclass(frozen=True)
class Complaint:
    """`field` is the catalogue's name for it, empty where it is about none in particular.

    `setting` is where its value comes from with us: a key of the configuration, a fact of the session, a file. `said`
    is the complaint in the words of whoever complains, `remedy` what to do.
    """

    field: str
    said: str
    setting: str = ""
    remedy: str = ""
    severity: Weight = Weight.ERROR

    @property
    def text(self) -> str:
        """One line for a person."""
        said = self.said if self.field in self.said else f"{self.field}: {self.said}"
        return f"{said.rstrip('.')}. {self.remedy}".strip()
