"""What became of one try of a step: done, to be tried again, or to be parked for a person."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from beamsession.catalogue.complaints import complaints_about, complaints_of
from beamsession.catalogue.fault import CatalogueError, Nature, is_down
from beamsession.catalogue.problem import BadDatasetError
from beamsession.model.errors import BeamsessionError, UnavailableError, WrongStateError
from beamsession.model.plain import plain

log = logging.getLogger(__name__)

# Of the surroundings, not of the session: it may be right again in a minute.
_PASSING = {"ROOT_MISSING", "FOLDER_MISSING", "FOLDER_UNREADABLE"}


class Ending(StrEnum):
    """How a try ended."""

    DONE = "done"
    WAIT = "wait"
    PARK = "park"
    DROP = "drop"
    """the session is not to be sent any more"""


class Outcome(BaseModel):
    """One try; `value` is JSON. `is_server_error`: a 500, which is as often our own bad input as a passing trouble.

    `is_down`: the catalogue as a whole is not there; `is_refused`: it was not even asked, because that is known. `said`
    is what it said with the HTTP `status`, `problems` are Complaints. `in_doubt`: a dataset may have been created.
    """

    ending: Ending
    value: Any = None
    code: str = ""
    text: str = ""
    is_server_error: bool = False
    is_down: bool = False
    is_refused: bool = False
    retry_after_s: float | None = None
    pause_s: float = 0.0
    status: int = 0
    said: str = ""
    problems: list[dict[str, Any]] = []
    in_doubt: bool | None = None

    @property
    def trouble(self) -> dict[str, Any]:
        """What a report says of it."""
        told = {"code": self.code, "status": self.status, "said": self.said, "problems": self.problems}
        return {**told, **({} if self.in_doubt is None else {"in_doubt": self.in_doubt})}


def tried(action: Callable[[], Any]) -> Outcome:
    """Do `action` and say how it ended; nothing is raised, because a raised error would end the whole job."""
    try:
        return Outcome(ending=Ending.DONE, value=action())
    except CatalogueError as fault:
        passes = fault.nature is not Nature.PERMANENT
        outcome = _outcome(Ending.WAIT if passes else Ending.PARK, fault)
        return outcome.model_copy(
            update={
                "is_server_error": fault.status == 500,
                "is_down": is_down(fault),
                "retry_after_s": fault.retry_after_s,
                "status": fault.status,
                "said": fault.said,
                "problems": plain(complaints_about(fault.messages, fault.status)),
            }
        )
    except BadDatasetError as fault:
        outcome = _outcome(Ending.PARK, fault)
        return outcome.model_copy(update={"problems": plain(complaints_of(fault.problems))})
    except WrongStateError as fault:
        return _outcome(Ending.DROP, fault)
    except BeamsessionError as fault:
        passes = isinstance(fault, UnavailableError) or fault.code in _PASSING
        return _outcome(Ending.WAIT if passes else Ending.PARK, fault)
    except OSError as fault:
        return Outcome(ending=Ending.WAIT, code="DISK", text=f"The disk does not answer as it should: {fault}.")
    except Exception as fault:
        log.exception("a step of an ingest failed in a way nobody foresaw")
        return Outcome(ending=Ending.PARK, code="INTERNAL_ERROR", text=unforeseen(fault))


def unforeseen(fault: Exception) -> str:
    """A sentence about a fault of ours, which may have no words of its own."""
    said = " ".join(f"{type(fault).__name__}: {fault}".rstrip(": ").split())
    return f"The worker failed in a way nobody foresaw ({said}). Look in its log, report it, and ask again."


def pause_before(tries: int, first_s: float, longest_s: float, wanted_s: float | None) -> float:
    """Seconds to wait after `tries` failures: doubling, with jitter, never shorter than the server wants."""
    doubled = min(first_s * 2 ** min(tries, 30), longest_s)
    jittered = doubled * random.uniform(0.8, 1.2)
    return max(jittered, wanted_s or 0.0)


def _outcome(ending: Ending, fault: BeamsessionError) -> Outcome:
    return Outcome(ending=ending, code=fault.code, text=fault.text)
