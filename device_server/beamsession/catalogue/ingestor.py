"""An ingestor: a program of the site that brings a session to the catalogue, instead of requests of our own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from beamsession.catalogue.target import BlockLimits, ChecksumAlgorithm, DatasetRules, Unit
from beamsession.model.errors import InvalidInputError
from beamsession.model.names import shortened

DRY_RUN_UNLESS = "ingest"
_MAX_PARAMETERS = 2000
_HARMLESS = (
    *("ingest", "noninteractive", "allowexistingsource", "autoarchive", "copy", "nocopy", "tapecopies", "linkfiles"),
    *("transfer-type", "addcaption"),
)
# What only requests of our own can do: looking things up, and choosing the pid.
_OURS = {
    *("owner_group_from", "proposal_required", "proposal_gives", "sample_keys", "instrument_unique_name"),
    *("pid_mode", "pid_prefix", "pid_uppercase"),
}
_ENVIRONMENTS = {
    "prod": (),
    "test": ("--testenv",),
    "dev": ("--devenv",),
    "local": ("--localenv",),
    "tunnel": ("--tunnelenv",),
}


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as fault:
        raise ValueError(f"is no regular expression: {fault}") from fault
    return text


def _word(text: str) -> str:
    if "\0" in text:
        raise ValueError("no program can be given a NUL character")
    return text


Word = Annotated[str, AfterValidator(_word)]


class IngestorTarget(DatasetRules):
    """A program that is called as `COMMAND [ENVIRONMENT] [OPTIONS] metadata.json filelisting.txt`.

    It says on standard output, on a line of its own, under which pid the catalogue has the dataset, and ends with exit
    code 0. A secret is never in the configuration itself: only the path of a file that holds it. Keys by which we would
    ask the catalogue something or choose the pid are refused: owner_group_from, proposal_required, proposal_gives,
    sample_keys, instrument_unique_name, pid_mode, pid_prefix and pid_uppercase.
    """

    kind: Literal["command"] = Field(description="a program of the site asks the catalogue")
    command: tuple[Word, ...] = Field(
        min_length=1, description="the program, found through PATH or absolute, and its first words; no shell"
    )
    environment: Literal["prod", "test", "dev", "local", "tunnel"] | tuple[Word, ...] = Field(
        default="prod",
        description="which catalogue: a word becomes --testenv and so on; a list is given as it is",
    )
    archives: bool | None = Field(
        default=None, description="a stored session becomes ARCHIVED; left out: where the environment is prod or a list"
    )
    options: tuple[Word, ...] = Field(
        default=("--ingest", "--noninteractive", "--allowexistingsource"), description="the words behind it"
    )
    request_options: tuple[str, ...] = Field(
        default=_HARMLESS, description="names of options that whoever asks for one ingest may give in their place"
    )
    secret_file: Path | None = Field(default=None, description="file with user:password or a token, mode 0600")
    secret_variable: str = Field(
        default="", pattern=r"^([A-Za-z_]\w*)?$", description="environment variable that the program finds it in"
    )
    secret_option: Word = Field(
        default="", description="option it stands behind, e.g. --token: everybody on the host can read it then"
    )
    variables: dict[str, str] = Field(default_factory=dict, description="further environment variables of the program")
    folder: Path | None = Field(default=None, description="its working folder, absolute; left out: where its files are")
    time_limit_h: float = Field(default=1.0, gt=0, le=24 * 7, description="hours after which it is ended")
    pid_pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        default=r"([\w.-]+/)?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9.]+/\S+",
        description="what a line is that tells the pid, a regular expression for all of it",
    )
    refused_in_names: tuple[str, ...] = Field(
        default=("*", "\\", "   "),
        description="texts in file names for which it would silently leave a file out",
    )
    metadata_style: Literal["quantities", "flat"] = Field(
        default="quantities", description="objects with value and unit, or plain values as PShell sends them"
    )
    first_retry_s: float = Field(default=5.0, gt=0, description="first wait when disk or manager is away; doubles")
    longest_retry_s: float = Field(default=900.0, gt=0, description="longest wait between two tries")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.creation_location.strip():
            raise ValueError("creation_location must be given: the catalogue asks for it, the ingestor does not add it")
        if (self.secret_file is None) != (not self.secret_variable and not self.secret_option):
            raise ValueError("secret_file needs secret_variable or secret_option, and they need it")
        if self.secret_variable and self.secret_option:
            raise ValueError("give either secret_variable or secret_option")
        if self.folder is not None and not self.folder.is_absolute():
            raise ValueError(f"folder must be an absolute path, '{self.folder}' is not")
        if ours := sorted(_OURS & self.model_fields_set):
            raise ValueError(f"{ours[0]} means nothing here: leave it out")
        return self

    @property
    def unit(self) -> Unit:
        """One call, one dataset."""
        return Unit.SESSION

    @property
    def checksum(self) -> ChecksumAlgorithm:
        """It takes none."""
        return ChecksumAlgorithm.NONE

    @property
    def blocks(self) -> BlockLimits:
        """As it cuts its file lists, not ours to choose."""
        return BlockLimits(files=20_000)

    @property
    def thumbnails(self) -> int:
        """It is given no pictures."""
        return 0

    @property
    def needs_v3(self) -> bool:
        """The ingestor passes on what it is given, and speaks that."""
        return True

    @property
    def environment_words(self) -> tuple[str, ...]:
        """The words that choose the catalogue."""
        return _ENVIRONMENTS[self.environment] if isinstance(self.environment, str) else self.environment

    @property
    def is_archiving(self) -> bool:
        """Whether a session that it has stored is archived."""
        if self.archives is not None:
            return self.archives
        return self.environment == "prod" or isinstance(self.environment, tuple)


def words_of(parameters: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """`parameters` as a shell would split them. Raises InvalidInputError BAD_PARAMETERS."""
    try:
        words = shlex.split(parameters)
    except ValueError as fault:
        raise _bad(parameters, f"cannot be split into words: {fault}") from fault
    if len(parameters) > _MAX_PARAMETERS or not parameters.isprintable():
        raise _bad(parameters, f"are longer than {_MAX_PARAMETERS} characters or not printable")
    is_value_allowed = False
    for word in words:
        name = option_name(word)
        if name is None and not is_value_allowed:
            raise _bad(parameters, f"hold '{shortened(word)}', which stands behind no option")
        if name is not None and name not in allowed:
            raise _bad(parameters, f"hold '{shortened(name)}', which may not be chosen for one ingest", allowed)
        is_value_allowed = name is not None and "=" not in word
    return tuple(words)


def option_name(word: str) -> str | None:
    """`ingest` of -ingest, --ingest or --ingest=true; None of what is no option."""
    return word.lstrip("-").partition("=")[0] if word.startswith("-") and word.strip("-") else None


def is_dry_run(words: tuple[str, ...]) -> bool:
    """Whether the program was only to check, as it does without the option `ingest`."""
    return all(option_name(word) != DRY_RUN_UNLESS or word.endswith("=false") for word in words)


def _bad(parameters: str, why: str, allowed: tuple[str, ...] = ()) -> InvalidInputError:
    known = f" It may name: {', '.join(allowed)}." if allowed else ""
    return InvalidInputError(
        f"The ingestor's parameters {why}.",
        code="BAD_PARAMETERS",
        value=shortened(parameters),
        remedy=f"Give options and their values, quoted as in a shell, or none at all.{known}",
    )
