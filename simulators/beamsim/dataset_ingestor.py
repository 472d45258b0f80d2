"""`python -m beamsim.dataset_ingestor OPTIONS metadata.json [filelisting.txt]`: a stand-in for a site's ingestor.

It takes the arguments, prints the noise, makes the checks and ends with the exit codes of the program that PShell calls
at PSI, and registers the dataset in a real or imitated SciCat by version 3 of its API: no checksums, 20 000 files a
block, pids on the last lines of standard output. It does not copy files. Like that program it leaves out files that
are not there, and those with strange names, without failing.
"""

from __future__ import annotations

import argparse
import grp
import json
import os
import pwd
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import httpx

_LOCAL_API = "http://localhost:3000/api/v3"
_MOST_FILES = 500_000
_BLOCK_FILES = 20_000
_BLOCK_BYTES = 200_000_000_000
_FLAGS = (
    *("ingest", "noninteractive", "allowexistingsource", "autoarchive", "copy", "nocopy", "oidc", "remote-files"),
    *("testenv", "devenv", "localenv", "tunnelenv"),
)
_RED, _YELLOW, _GREEN, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"
_SWITCHES = {"testenv": "test", "devenv": "dev", "localenv": "local", "tunnelenv": "dev"}


@dataclass(frozen=True)
class _User:
    name: str
    mail: str
    groups: tuple[str, ...]
    token: str


def main() -> None:
    """Exit code 0: done, or checked in a dry run; 1: failed, the reason is on standard error."""
    options = _options()
    print(f"{_RED}Note!{_YELLOW} This way of calling it will soon be gone.{_PLAIN} Please call scicat-cli directly.")
    where = "custom" if options.scicat_url else next((name for flag, name in _SWITCHES.items() if options[flag]), "")
    print(f"{_GREEN}You are about to work with the === {where or 'production'} === data catalog...{_PLAIN}")
    print("No information about the availability of the service")
    with httpx.Client(base_url=options.scicat_url or _LOCAL_API, timeout=120) as http:
        _ingest(options, http)


class _Options(argparse.Namespace):
    scicat_url: str
    user: str
    token: str
    tapecopies: int
    metadata: Path
    listing: Path | None

    def __getitem__(self, flag: str) -> bool:
        return bool(getattr(self, flag.replace("-", "_")))


def _options() -> _Options:
    parser = argparse.ArgumentParser(prog="datasetIngestor", description=__doc__, allow_abbrev=False)
    for flag in _FLAGS:
        parser.add_argument(f"--{flag}", action="store_true")
    for option, default in {"scicat-url": "", "user": "", "token": "", "linkfiles": "keepInternalOnly"}.items():
        parser.add_argument(f"--{option}", default=default)
    parser.add_argument("--tapecopies", type=int, default=0)
    parser.add_argument("metadata", type=Path)
    parser.add_argument("listing", type=Path, nargs="?")
    words = [f"-{word}" if word.startswith("-") and not word.startswith("--") else word for word in sys.argv[1:]]
    try:
        return parser.parse_args(words, _Options())
    except SystemExit as end:
        sys.exit(1 if end.code else 0)


def _ingest(options: _Options, http: httpx.Client) -> None:
    user = _logged_in(options, http)
    document = json.loads(options.metadata.read_bytes())
    _check(document, user, http)
    source = document["sourceFolder"]
    _look_for_source(source, options, http)
    _log(f'===== Ingesting: "{source}" =====')
    files = list(_files(Path(source), options.listing))
    size = sum(file["size"] for file in files)
    if not files or not size:
        _fail(f'"{source}" dataset cannot be ingested - contains no files')
    if len(files) > _MOST_FILES:
        _fail(f'"{source}" dataset cannot be ingested - too many files: has {len(files)}, max. {_MOST_FILES}')
    _log(f"The dataset contains {len(files)} files and directories with a total size of {size} bytes.")
    document.setdefault("creationTime", min(file["time"] for file in files))
    document.setdefault("endTime", max(file["time"] for file in files))
    document.setdefault("license", "CC BY-SA 4.0")
    document.setdefault("isPublished", False)
    document.setdefault("classification", f"IN=medium,AV={'medium' if options.tapecopies == 2 else 'low'},CO=low")
    if not options["ingest"]:
        _log("Note: you run in 'dry' mode to simply check data consistency. Use the --ingest flag to really ingest.")
        return
    pid = _store(document, files, options, http)
    if options["autoarchive"]:
        _submit(pid, document, user, http)
    print(pid)


def _logged_in(options: _Options, http: httpx.Client) -> _User:
    token, mail = options.token, ""
    if not token:
        if not options.user:
            print("Username: ", end="", flush=True)
            _fail("EOF" if not sys.stdin.readline() else "a terminal is needed to ask for the password")
        name, _, password = options.user.partition(":")
        answer = http.post("/auth/login", json={"username": name, "password": password})
        if answer.status_code != 201:
            _fail(f"error when logging in: '{answer.text}'")
        token = answer.json()["access_token"]
    http.headers["Authorization"] = f"Bearer {token}"
    answer = http.get("/users/my/identity")
    if answer.status_code != 200:
        _fail(f"unable to login with token: {answer.status_code} - '{answer.text}'")
    profile = answer.json()["profile"]
    mail = profile.get("email", "")
    return _User(profile["displayName"], mail, tuple(profile["accessGroups"]), token)


def _check(document: dict[str, Any], user: _User, http: httpx.Client) -> None:
    """Complete the document as far as that goes before the files are looked at."""
    if illegal := sorted(_illegal_keys(document)):
        _fail(f"metadata contains keys with illegal characters (., [], $, or <>): {', '.join(illegal)}")
    group, place = document.get("ownerGroup"), document.get("creationLocation", "").split("/")
    beamline = (place[2] + place[3]).lower() if len(place) == 4 else ""
    if not isinstance(group, str):
        _fail("attribute 'ownerGroup' is missing or invalid in metadata")
    if user.name != "ingestor" and group not in user.groups and beamline not in user.groups:
        _fail(f"you are neither member of the ownerGroup {group} nor the needed beamline account {beamline}")
    document.setdefault("owner", user.name)
    document.setdefault("ownerEmail", user.mail)
    document.setdefault("contactEmail", user.mail)
    if document.get("type") == "raw" and "principalInvestigator" not in document:
        document["principalInvestigator"] = _principal_investigator(group, http)
    if beamline:
        document["accessGroups"] = [*document.get("accessGroups", []), beamline]
    dummy = "2300-01-01T11:11:11.000Z"
    answer = http.post("/datasets/isValid", json={"creationTime": dummy, "endTime": dummy} | document)
    if answer.status_code not in (200, 201):
        _fail(f"metadata checking error - unexpected status code: {answer.status_code}")
    if not answer.json().get("valid"):
        _fail(f"metadata is not valid {answer.json()}")


def _illegal_keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if any(sign in key for sign in ".[]<>$"):
                yield key
            yield from _illegal_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _illegal_keys(item)


def _principal_investigator(group: str, http: httpx.Client) -> str:
    answer = http.get("/proposals", params={"filters": json.dumps({"where": {"ownerGroup": group}})})
    proposals = answer.json() if answer.status_code == 200 else []
    if not proposals or not proposals[0].get("pi_email"):
        _fail("'pi_email' field is missing from proposal")
    return proposals[0]["pi_email"]


def _look_for_source(source: str, options: _Options, http: httpx.Client) -> None:
    wanted = {"where": {"sourceFolder": {"inq": [source]}}, "fields": ["pid", "sourceFolder"]}
    answer = http.get("/datasets", params={"filter": json.dumps(wanted)})
    found = answer.json() if answer.status_code == 200 else []
    if not found:
        return
    print(f"{_YELLOW}Warning! These datasets have the same sourceFolder already: ")
    for dataset in found:
        print(f'  - PID: "{dataset["pid"]}", sourceFolder: "{dataset["sourceFolder"]}"')
    print(_PLAIN, end="")
    if not options["allowexistingsource"] and sys.stdin.readline().strip() != "y":
        _fail("Aborted.")


def _files(source: Path, listing: Path | None) -> Iterator[dict[str, Any]]:
    lines = listing.read_text(encoding="utf-8").split("\n") if listing else ["."]
    for line in lines:
        top = source / line
        if not line or not (top.is_symlink() or top.exists()):
            continue
        for path in (top, *sorted(top.rglob("*"))) if top.is_dir() else (top,):
            relative = path.relative_to(source).as_posix()
            if any(sign in relative for sign in ("*", "\\", "   ")):
                _log(f"Warning: the file {relative} has an illegal name and will not be archived.")
            elif relative != "." and not (path.is_symlink() and not path.resolve().is_relative_to(source)):
                yield _described(path, relative)


def _described(path: Path, relative: str) -> dict[str, Any]:
    facts = path.lstat()
    return {
        "path": relative,
        "uid": _name(pwd.getpwuid, facts.st_uid),
        "gid": _name(grp.getgrgid, facts.st_gid),
        "perm": stat.filemode(facts.st_mode),
        "size": facts.st_size,
        "time": datetime.fromtimestamp(facts.st_mtime, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _name(look_up: Any, number: int) -> str:
    try:
        return look_up(number)[0]
    except KeyError:
        return str(number)


def _store(document: dict[str, Any], files: list[dict[str, Any]], options: _Options, http: httpx.Client) -> str:
    document["datasetlifecycle"] = {
        "isOnCentralDisk": not options["copy"],
        "archiveStatusMessage": "filesNotYetAvailable" if options["copy"] else "datasetCreated",
        "archivable": not options["copy"],
    }
    _log("Ingesting dataset...")
    answer = http.post("/datasets", json=document)
    if not answer.is_success:
        _fail(f"Couldn't ingest dataset: Failed to create new dataset: status code {answer.status_code}")
    pid = answer.json()["pid"]
    for block in _blocks(files):
        body = {"datasetId": pid, "size": sum(file["size"] for file in block), "dataFileList": block}
        answer = http.post("/origdatablocks", json=body)
        if not answer.is_success:
            _fail(f'Couldn\'t ingest dataset: response code {answer.status_code} for the files of "{pid}"')
    _log(f"Dataset created: {pid}")
    return pid


def _blocks(files: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    block: list[dict[str, Any]] = []
    size = 0
    for file in files:
        if block and (len(block) == _BLOCK_FILES or size >= _BLOCK_BYTES):
            yield block
            block, size = [], 0
        block.append(file)
        size += file["size"]
    yield block


def _submit(pid: str, document: dict[str, Any], user: _User, http: httpx.Client) -> None:
    """Ask for the archiving; that it is refused does not make the ingest fail."""
    job = {
        "type": "archive",
        "jobParams": {"tapeCopies": "one", "username": user.name, "ownerGroup": document["ownerGroup"]},
        "jobStatusMessage": "jobSubmitted",
        "datasetList": [{"pid": pid, "files": []}],
        "emailJobInitiator": user.mail,
    }
    answer = http.post("/jobs", json=job)
    _log(f"Submitted job: {answer.json().get('id', '')}" if answer.is_success else "Could not create the archival job")


def _log(text: str) -> None:
    print(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _fail(text: str) -> NoReturn:
    _log(f"{_RED}{text}{_PLAIN}")
    sys.stdout.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
