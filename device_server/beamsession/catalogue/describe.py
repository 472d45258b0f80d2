"""What the catalogue would be told about a session: the document, and everything that is wrong or surprising in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from beamsession.catalogue.facts import Facts
from beamsession.catalogue.payload import composed
from beamsession.catalogue.problem import DatasetProblem, errors_among, require_none, warning
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import DatasetRules
from beamsession.catalogue.v3_body import v3_losses
from beamsession.catalogue.validate import dataset_problems


@dataclass(frozen=True)
class Description:
    """One dataset as it would be created; `problems` holds errors and warnings. With an error it is not sent."""

    document: dict[str, Any]
    problems: tuple[DatasetProblem, ...]

    @property
    def pid(self) -> str:
        """The pid that it will have; empty where the server makes it."""
        return str(self.document.get("pid", ""))

    @property
    def errors(self) -> list[DatasetProblem]:
        """What keeps it from being sent."""
        return errors_among(self.problems)

    @property
    def warnings(self) -> list[DatasetProblem]:
        """What is sent all the same, and may surprise."""
        errors = self.errors
        return [problem for problem in self.problems if problem not in errors]

    def required(self) -> dict[str, Any]:
        """The document. Raises InvalidInputError with the errors, if there are any."""
        require_none(self.problems)
        return self.document


def describe(subject: Subject, target: DatasetRules, facts: Facts | None) -> Description:
    """The dataset of a completed session, or of one run of it; nothing is asked and nothing is sent.

    `facts` are what `look_up` found; None where the catalogue was not asked, which a warning tells wherever it makes a
    difference. Raises InvalidInputError (NOT_COMPLETED).
    """
    document, problems = composed(subject, target, facts)
    told = {problem.field for problem in errors_among(problems)}
    # A field that is known to be missing is not reported once more as empty.
    found = [item for item in dataset_problems(document, templated=target.fields) if item.field not in told]
    if facts is None:
        problems += _not_asked(target)
    if target.needs_v3:
        problems += v3_losses(document)
    return Description(document, (*problems, *found))


def _not_asked(target: DatasetRules) -> list[DatasetProblem]:
    remarks: list[DatasetProblem] = []
    if target.instrument_unique_name and not target.instrument_id:
        sentence = f"The pid of the instrument '{target.instrument_unique_name}' is looked up when it is sent."
        remarks.append(warning(sentence, field="instrumentIds", setting="catalogue.instrument_unique_name"))
    if target.sample_keys:
        sentence = "Which samples the catalogue knows is looked up when it is sent."
        remarks.append(warning(sentence, field="sampleIds", setting="catalogue.sample_keys"))
    return remarks
