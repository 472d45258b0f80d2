"""What is wrong with a dataset that is to be sent, and where to correct it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from beamsession.model.errors import InvalidInputError
from beamsession.model.value import Value

_MOST_TOLD = 10


class Severity(StrEnum):
    """Whether the dataset can be sent all the same."""

    ERROR = "error"
    WARNING = "warning"


class DatasetProblem(Value):
    """One fault; `field` is the catalogue's, `setting` what to change of ours: a key of the configuration or of a
    session. `code` is stable.
    """

    severity: Severity = Severity.ERROR
    code: str = "BAD_DATASET"
    field: str = ""
    setting: str = ""
    sentence: str
    remedy: str = ""

    @property
    def text(self) -> str:
        """The sentence and what to do."""
        return f"{self.sentence} {self.remedy}".strip()


class BadDatasetError(InvalidInputError):
    """A dataset that cannot be sent; `problems` are all its errors."""

    def __init__(self, errors: Sequence[DatasetProblem]) -> None:
        self.problems = tuple(errors)
        sentences = " ".join(problem.sentence for problem in errors[:_MOST_TOLD])
        super().__init__(sentences, code=errors[0].code, value=errors[0].setting, remedy=errors[0].remedy)


def warning(sentence: str, *, code: str = "DATASET_WARNING", field: str = "", setting: str = "") -> DatasetProblem:
    """A fault that keeps nothing from being sent."""
    return DatasetProblem(severity=Severity.WARNING, code=code, field=field, setting=setting, sentence=sentence)


def errors_among(problems: Sequence[DatasetProblem]) -> list[DatasetProblem]:
    """Those that keep the dataset from being sent."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def require_none(problems: Sequence[DatasetProblem]) -> None:
    """Raise BadDatasetError with the code and the remedy of the first error, and the sentences of ten."""
    errors = errors_among(problems)
    if errors:
        raise BadDatasetError(errors)
