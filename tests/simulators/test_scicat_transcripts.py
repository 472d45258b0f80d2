"""The stand-in answers recorded requests as the real backend answered them.

The recordings hold 240 exchanges with each of two generations of the backend. Their tokens and passwords are blanked
out, large bodies are left out, and what the recorder did silently between two exchanges is done here by `_prepare`.
"""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from beamsim.scicat import Account, Catalogue, Site, running_catalogue

TRANSCRIPTS = Path(__file__).parent / "scicat_transcripts"
RECORDED = 240

GARBAGE = "not-a-token"
IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{24}\b")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z\Z")
SERVER_TIMES = frozenset(
    {
        "createdAt",
        "updatedAt",
        "created",
        "modified",
        "dateOfDiskPurging",
        "publishedOn",
        "archiveRetentionTime",
        "dateOfPublishing",
    }
)
SIZE_TOLERANCE = 0.02
V3_JOB = 197
EXPIRING_TOKEN, EXPIRED_TOKEN_USES = 201, (202, 203)
CUSTOM_TOKEN, CUSTOM_TOKEN_USE = 199, 200
GARBAGE_TOKEN_USES = (9, 17)
BEFORE_RACES, BEFORE_OWN_PID = 219, 221
SILENT_PID = "scicat_testing/c2dcec33-3d63-544e-961a-74ec35f233fe"
FILES_OF = {140: 60_000, 141: 120_000}
OVERLONG = 70


def recording(profile: str) -> list[dict[str, Any]]:
    return json.loads((TRANSCRIPTS / f"transcript-{profile}.json").read_text(encoding="utf-8"))


def recorded_site(exchanges: list[dict[str, Any]]) -> Site:
    """The configuration of the installation that was recorded."""
    user1 = exchanges[4]["response"]["body"]["_id"]
    ingestor = exchanges[CUSTOM_TOKEN - 1]["request"]["path"].split("/")[-2]

    def account(name: str, *groups: str, **more: str) -> Account:
        return Account(name, f"secret of {name}", groups, **more)

    return Site(
        accounts=(
            account("user1", "group1", id=user1),
            account("user2", "group2"),
            account("user4", "group4"),
            account("user5.1", "group5"),
            account("datasetIngestor", "datasetingestor", id=ingestor, email="datasetingestor@scicat.project"),
            account("proposalIngestor", "proposalingestor"),
            account("adminIngestor", "adminingestor"),
            account("archiveManager", "archivemanager"),
            account("admin", "admin"),
        ),
        create=frozenset({"group1", "group2", "group3"}),
        create_with_pid=frozenset({"group2"}),
        create_privileged=frozenset({"datasetingestor"}),
        admin=frozenset({"admin", "adminingestor"}),
        delete=frozenset({"archivemanager"}),
        lifecycle=frozenset({"archivemanager"}),
        attachment=frozenset({"group1", "group2"}),
        attachment_privileged=frozenset({"datasetingestor"}),
        proposal=frozenset({"proposalingestor"}),
        sample=frozenset({"group1"}),
        pid_prefix="scicat_testing",
        pid_pattern=r"scicat_testing/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        job_types=("archive", "owner_access"),
        job_configuration="v1.0 2024-03-01 6f3f38",
    )


@dataclass
class Differences:
    """Compares bodies, learning on the way which of our identifiers stands for which recorded one."""

    ours: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)

    def translate(self, text: str) -> str:
        """A recorded text with our identifiers."""
        return IDENTIFIER.sub(lambda match: self.ours.get(match.group(), match.group()), text)

    def of(self, recorded: Any, answered: Any, own_times: frozenset[str], where: str = "") -> list[str]:
        if isinstance(recorded, dict) and isinstance(answered, dict):
            return self._of_members(recorded, answered, own_times, where)
        if isinstance(recorded, list) and isinstance(answered, list):
            return self._of_elements(recorded, answered, own_times, where)
        if isinstance(recorded, str) and isinstance(answered, str):
            return self._of_texts(recorded, answered, own_times, where)
        if isinstance(recorded, float) and isinstance(answered, float):
            same = math.isclose(recorded, answered, rel_tol=1e-9)
        else:
            same = isinstance(recorded, bool) == isinstance(answered, bool) and recorded == answered
        return [] if same else [f"{where}: recorded {recorded!r}, answered {answered!r}"]

    def _of_members(
        self, recorded: dict[str, Any], answered: dict[str, Any], own_times: frozenset[str], where: str
    ) -> list[str]:
        found = [f"{where}.{key}: missing" for key in recorded.keys() - answered.keys()]
        found += [f"{where}.{key}: not in the recording" for key in answered.keys() - recorded.keys()]
        for key in recorded.keys() & answered.keys():
            found += self.of(recorded[key], answered[key], own_times, f"{where}.{key}")
        return found

    def _of_elements(
        self, recorded: list[Any], answered: list[Any], own_times: frozenset[str], where: str
    ) -> list[str]:
        if len(recorded) != len(answered):
            return [f"{where}: recorded {len(recorded)} elements, answered {len(answered)}"]
        if where.endswith(".buffer.data"):
            return []  # the bytes of an identifier
        pairs = enumerate(zip(recorded, answered, strict=True))
        return [text for index, (a, b) in pairs for text in self.of(a, b, own_times, f"{where}[{index}]")]

    def _of_texts(self, recorded: str, answered: str, own_times: frozenset[str], where: str) -> list[str]:
        if where.rpartition(".")[2] in own_times and TIME.match(recorded) and TIME.match(answered):
            return []
        if recorded == "<jwt>":
            return [] if answered.count(".") == 2 else [f"{where}: {answered!r} is not a token"]
        theirs, own = IDENTIFIER.findall(recorded), IDENTIFIER.findall(answered)
        if len(theirs) == len(own):
            for one, other in zip(theirs, own, strict=True):
                if self.theirs.setdefault(other, one) != one:
                    return [f"{where}: {other} stands for {self.theirs[other]} and {one}"]
                self.ours.setdefault(one, other)
        expected = self.translate(recorded)
        return [] if expected == answered else [f"{where}: expected {expected!r}, answered {answered!r}"]


def _file(number: int) -> dict[str, Any]:
    return {
        "path": f"f{number}.h5",
        "size": 30,
        "time": "2026-11-21T08:00:00.000Z",
        "chk": "ab" * 32,
        "uid": "root",
        "gid": "root",
        "perm": "100644",
    }


def _block(files: int) -> dict[str, Any]:
    return {"size": 30 * files, "chkAlg": "sha256", "dataFileList": [_file(number) for number in range(files)]}


@dataclass
class Replay:
    """One recording sent to one stand-in."""

    catalogue: Catalogue
    exchanges: list[dict[str, Any]]
    differences: Differences = field(default_factory=Differences)
    compared: int = 0
    issued: dict[int, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.catalogue.url, timeout=60)
        self.base = self.exchanges[14]["request"]["body"]
        self.first_pid = self.exchanges[14]["response"]["body"]["pid"]

    def run(self) -> dict[int, list[str]]:
        """What differs, by the number of the exchange."""
        result = {}
        with self.client:
            for exchange in self.exchanges:
                self._prepare(exchange["n"])
                found = self._repeat(exchange)
                if found:
                    result[exchange["n"]] = found
        return result

    def token(self, user: str) -> str:
        if user not in self.tokens:
            answer = self.client.post(
                "/api/v3/auth/login", json={"username": user, "password": f"secret of {user}"}
            ).json()
            self.tokens[user] = answer["access_token"]
        return self.tokens[user]

    def _authorization(self, exchange: dict[str, Any]) -> dict[str, str]:
        number = exchange["n"]
        if number in GARBAGE_TOKEN_USES:
            token = GARBAGE
        elif number == CUSTOM_TOKEN_USE:
            token = self.issued[CUSTOM_TOKEN]
        elif number in EXPIRED_TOKEN_USES:
            token = self.issued[EXPIRING_TOKEN]
        elif exchange["user"]:
            token = self.token(exchange["user"])
        else:
            return {}
        return {"authorization": f"Bearer {token}"}

    def _content(self, exchange: dict[str, Any]) -> bytes | None:
        number, body = exchange["n"], exchange["request"]["body"]
        if body is None:
            return None
        if number in FILES_OF:
            body = _block(FILES_OF[number]) | {"datasetId": self.first_pid}
            assert len(json.dumps(body)) == exchange["request"]["body"]["__omitted_json_bytes__"]
        elif number == OVERLONG:
            length = body["__omitted_json_bytes__"]
            padding = length - len(json.dumps(self.base | {"description": ""}))
            body = self.base | {"description": "x" * padding}
        elif isinstance(body, dict) and "__raw__" in body:
            return body["__raw__"].encode()
        return self.differences.translate(json.dumps(body)).encode()

    def _repeat(self, exchange: dict[str, Any]) -> list[str]:
        number, request, recorded = exchange["n"], exchange["request"], exchange["response"]
        path = self.differences.translate(request["path"]).replace("<jwt>", self.token("user1"))
        content = self._content(exchange)
        headers = {"content-type": "application/json"} if content is not None else {}
        response = self.client.request(
            request["method"],
            path,
            headers=headers | self._authorization(exchange) | request["headers"],
            content=content,
        )
        self.compared += 1
        if number in (CUSTOM_TOKEN, EXPIRING_TOKEN):
            self.issued[number] = response.json()["jwt"]
        if response.status_code != recorded["status"]:
            return [f"recorded {recorded['status']}, answered {response.status_code} {response.text[:300]}"]
        if response.headers.get("content-type") != recorded["content_type"]:
            return [f"content type {response.headers.get('content-type')}, recorded {recorded['content_type']}"]
        return self._compare(number, recorded["body"], response)

    def _compare(self, number: int, recorded: Any, response: httpx.Response) -> list[str]:
        if recorded == {"__raw__": ""}:
            return [] if response.content == b"" else [f"not empty: {response.text[:100]}"]
        answered = response.json()
        if isinstance(recorded, dict) and "__omitted_json_bytes__" in recorded:
            return _compare_beginning(recorded, answered)
        times = SERVER_TIMES | {"creationTime"} if number == V3_JOB else SERVER_TIMES
        return self.differences.of(recorded, answered, times)

    def _prepare(self, number: int) -> None:
        """What the recorder did without recording it."""
        if number == BEFORE_RACES:
            self._race("race3", "/api/v3/datasets/{pid}/origdatablocks", {})
            self._race("race4", "/api/v4/origdatablocks", {"datasetId": "{pid}"})
        elif number == BEFORE_OWN_PID:
            self._created("user2", self.base | {"ownerGroup": "group2", "pid": SILENT_PID})
        elif number == EXPIRED_TOKEN_USES[0]:
            self.catalogue.backend.clock.jump(2)

    def _created(self, user: str, body: dict[str, Any]) -> str:
        headers = {"authorization": f"Bearer {self.token(user)}"}
        answer = self.client.post("/api/v4/datasets", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["pid"]

    def _race(self, name: str, route: str, extra: dict[str, str]) -> None:
        """Eight blocks of two files: one, and then seven at the same time, as the recorded totals show."""
        pid = self._created("user1", self.base | {"datasetName": name})
        recorded = next(
            exchange["response"]["body"]["pid"]
            for exchange in self.exchanges
            if isinstance(exchange["response"]["body"], dict)
            and exchange["response"]["body"].get("datasetName") == name
        )
        self.differences.of(recorded, pid, SERVER_TIMES)
        body = _block(2) | {key: value.replace("{pid}", pid) for key, value in extra.items()}
        path = route.replace("{pid}", pid.replace("/", "%2F"))
        headers = {"authorization": f"Bearer {self.token('user1')}"}

        def post(_: int) -> int:
            return self.client.post(path, json=body, headers=headers).status_code

        self.catalogue.backend.nested_gap = 1.0
        with ThreadPoolExecutor(7) as pool:
            assert [post(0), *pool.map(post, range(7))] == [201] * 8
        self.catalogue.backend.nested_gap = 0.0


def _compare_beginning(recorded: dict[str, Any], answered: Any) -> list[str]:
    """Of a large body only its length and its first members are known."""
    length, expected = len(json.dumps(answered)), recorded["__omitted_json_bytes__"]
    found = [] if math.isclose(length, expected, rel_tol=SIZE_TOLERANCE) else [f"{length} bytes, recorded {expected}"]
    flat = re.sub(r"[{\[][^{}\[\]]*[}\]]", "", recorded["head"][1:])
    names = set(re.findall(r'"(\w+)": ', flat.split('"dataFileList"')[0]))
    return found + [f".{name}: missing" for name in names - answered.keys()]


def test_a_stand_in_of_the_other_generation_is_noticed() -> None:
    """The comparison can fail: where the generations are recorded to differ, the wrong one is found out."""
    exchanges = recording("5.2")
    with running_catalogue("4.27", recorded_site(exchanges)) as catalogue:
        different = Replay(catalogue, exchanges[:100]).run()
    by_message = {36, 59, 61, 62, 80, 81, 88, 100}
    by_members = {15, 21, 25}
    assert by_message | by_members <= different.keys()
    assert not different.keys() & {1, 16, 22, 31, 60, 69, 76, 99}


@pytest.mark.parametrize("profile", ["4.27", "5.2"])
def test_every_recorded_exchange_is_answered_as_the_real_backend_answered_it(profile: str) -> None:
    exchanges = recording(profile)
    assert len(exchanges) == RECORDED
    with running_catalogue(profile, recorded_site(exchanges)) as catalogue:
        replay = Replay(catalogue, exchanges)
        different = replay.run()
    titles = {exchange["n"]: exchange["title"] for exchange in exchanges}
    report = [f"{number} {titles[number]}: {'; '.join(texts[:6])}" for number, texts in different.items()]
    print(f"profile {profile}: {replay.compared} of {RECORDED} exchanges compared")
    assert not different, "\n".join(report)
    assert replay.compared == RECORDED
