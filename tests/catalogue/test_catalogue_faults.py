"""What the client does with everything that can come between it and the catalogue; over real sockets."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from pydantic import ValidationError

from beamsession.catalogue.blocks import block_document, paths_digest
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.credentials import end_of, life_of, read_secret
from beamsession.catalogue.fault import CatalogueError, Nature, fault_of_answer
from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.payload import dataset_document
from beamsession.catalogue.target import CatalogueTarget, ChecksumAlgorithm
from beamsession.model.errors import InvalidInputError
from beamsim.scicat import Catalogue, Fault, FaultKind
from catalogue_case import Case

DATASETS = "POST /api/v4/datasets"
DATASET = "GET /api/v4/datasets/{pid}"
BLOCKS = "POST /api/v3/origdatablocks"
LISTS = "GET /api/v4/origdatablocks"
LOGIN = "POST /api/v3/auth/login"
FILE = ListedFile(path="run_0001.nxs", size=10, mtime_ns=1_700_000_000_000_000_000)


@pytest.fixture
def document(case: Case, target: CatalogueTarget) -> dict[str, Any]:
    return dataset_document(case.session, case.runs, instrument=case.instrument, target=target)


@pytest.fixture
def pid(client: CatalogueClient, document: dict[str, Any]) -> str:
    """Of a dataset with one file, which is in the catalogue."""
    pid = client.create_dataset(document)
    client.post_block(block_document(pid, [FILE], ChecksumAlgorithm.NONE))
    return pid


LAPSES = (FaultKind.EXPIRE_TOKENS, FaultKind.FORGET_TOKENS)


def test_nobody_s_empty_list_is_not_believed(client: CatalogueClient, catalogue: Catalogue, pid: str) -> None:
    for lapse in LAPSES:
        catalogue.faults.add(Fault(lapse, LISTS))
        (block,) = client.blocks(pid)
        assert block.digest == paths_digest([FILE.path])
    assert catalogue.faults.pending() == []


def test_a_token_that_ends_at_any_request_costs_one_log_in(
    client: CatalogueClient, catalogue: Catalogue, document: dict[str, Any]
) -> None:
    client.whoami()
    tries = [(lapse, route) for lapse in LAPSES for route in (DATASETS, BLOCKS, DATASET)]
    for number, (lapse, route) in enumerate(tries, start=1):
        catalogue.faults.add(Fault(lapse, route))
        pid = client.create_dataset(document | {"pid": f"beamsim/{number}"})
        client.post_block(block_document(pid, [FILE], ChecksumAlgorithm.NONE))
        assert client.dataset(pid) is not None
        assert catalogue.requests.count(LOGIN) == 1 + number, (lapse, route)
    assert len(catalogue.state.blocks) == len(tries)


def test_a_refusal_of_somebody_known_costs_no_log_in(
    client: CatalogueClient, catalogue: Catalogue, document: dict[str, Any]
) -> None:
    pid = client.create_dataset(document | {"accessGroups": []})
    with pytest.raises(CatalogueError, match="403"):
        client.dataset(pid)
    assert catalogue.requests.count(LOGIN) == 1


def test_a_token_is_renewed_when_four_fifths_of_its_life_are_over(
    target: CatalogueTarget, catalogue: Catalogue
) -> None:
    now = 1000.0
    with CatalogueClient(target, monotonic=lambda: now) as client:
        client.whoami()
        now += 0.79 * catalogue.backend.site.token_lifetime
        client.whoami()
        assert catalogue.requests.count(LOGIN) == 1
        now += 0.02 * catalogue.backend.site.token_lifetime
        client.whoami()
    assert catalogue.requests.count(LOGIN) == 2


def test_a_password_that_changes_on_both_sides_is_read_again(
    client: CatalogueClient, catalogue: Catalogue, target: CatalogueTarget, document: dict[str, Any]
) -> None:
    client.whoami()
    assert target.password_file is not None
    target.password_file.write_text("wrong")
    catalogue.backend.tokens.forget_all()
    with pytest.raises(CatalogueError) as caught:
        client.create_dataset(document)
    assert (caught.value.code, caught.value.nature) == ("CATALOGUE_LOGIN", Nature.PERMANENT)
    target.password_file.write_text("ingestor")
    assert client.create_dataset(document) == document["pid"]


@pytest.mark.parametrize(("seconds", "why"), [(-5.0, "ended at"), (3600.0, "does not accept")])
def test_a_token_file_that_makes_us_nobody_is_named_and_waited_for(
    catalogue: Catalogue, tmp_path: Path, document: dict[str, Any], seconds: float, why: str
) -> None:
    account = catalogue.backend.site.account("ingestor")
    assert account is not None
    file = tmp_path / "token"
    file.write_text(catalogue.backend.tokens.issue(account, seconds))
    catalogue.backend.tokens.forget_all()
    target = CatalogueTarget(url=catalogue.url, token_file=file, contact_email="a@b.org")
    with CatalogueClient(target) as client:
        with pytest.raises(CatalogueError, match=why) as caught:
            client.create_dataset(document)
        assert (caught.value.code, caught.value.nature) == ("CATALOGUE_LOGIN", Nature.TRANSIENT)
        assert str(file) in caught.value.sentence
        file.write_text(catalogue.backend.tokens.issue(account, 3600))
        assert client.create_dataset(document) == document["pid"]


def test_a_token_says_how_long_it_lives_and_anything_else_says_nothing() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 1000, "exp": 4600}).encode()).decode().rstrip("=")
    assert life_of(f"x.{claims}.y") == 3600
    assert end_of(f"x.{claims}.y") == datetime.fromtimestamp(4600, tz=UTC)
    far = base64.urlsafe_b64encode(b'{"iat": 1, "exp": 1e300}').decode()
    for token in ("", "word", "a.b.c", f"x.{far}.y", "x.\N{SNOWMAN}.y"):
        assert end_of(token) is None


def test_a_proxy_s_page_is_never_taken_for_the_catalogue_s_word(
    client: CatalogueClient, catalogue: Catalogue, document: dict[str, Any], pid: str
) -> None:
    block = block_document(pid, [FILE], ChecksumAlgorithm.NONE)
    asked: dict[str, Callable[[], object]] = {
        DATASETS: lambda: client.create_dataset(document),
        BLOCKS: lambda: client.post_block(block),
        DATASET: lambda: client.dataset(pid),
        LISTS: lambda: list(client.blocks(pid)),
    }
    for kind, status in ((FaultKind.PAGE, 200), (FaultKind.PAGE, 404), (FaultKind.MOVED, 302)):
        for route, ask in asked.items():
            catalogue.faults.add(Fault(kind, route, status=status))
            with pytest.raises(CatalogueError) as caught:
                ask()
            may_be_stored = route.startswith("POST") and status == 200
            assert caught.value.nature is (Nature.AMBIGUOUS if may_be_stored else Nature.TRANSIENT), (route, status)
            assert "<" not in caught.value.sentence
    assert len(catalogue.state.blocks) == 1


def test_a_catalogue_that_has_moved_for_good_is_named_with_its_place(
    client: CatalogueClient, catalogue: Catalogue, document: dict[str, Any]
) -> None:
    catalogue.faults.add(Fault(FaultKind.MOVED, DATASETS, status=301))
    with pytest.raises(CatalogueError, match=r"elsewhere\.your\.site") as caught:
        client.create_dataset(document)
    assert (caught.value.nature, caught.value.code) == (Nature.PERMANENT, "CATALOGUE_MOVED")
    assert "catalogue.url" in caught.value.remedy


@pytest.mark.parametrize("seconds", [-40.0, 40.0])
def test_the_moment_to_come_back_may_be_a_date(client: CatalogueClient, catalogue: Catalogue, seconds: float) -> None:
    catalogue.faults.add(Fault(FaultKind.TOO_MANY, DATASET, seconds=seconds))
    with pytest.raises(CatalogueError) as caught:
        client.dataset("beamsim/unknown")
    assert caught.value.retry_after_s == pytest.approx(40, abs=10)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("", None), ("soon", None), ("-3", None), ("7", 7.0), ("999999", 86400.0), ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0)],
)
def test_when_to_come_back_is_bounded(said: str, seconds: float | None) -> None:
    request = httpx.Request("GET", "http://127.0.0.1/")
    fault = fault_of_answer(httpx.Response(429, headers={"retry-after": said}, request=request), writes=False)
    assert fault.retry_after_s == seconds


def test_an_answer_without_end_is_given_up(client: CatalogueClient, catalogue: Catalogue) -> None:
    catalogue.faults.add(Fault(FaultKind.ENDLESS, DATASET))
    with pytest.raises(CatalogueError) as caught:
        client.dataset("beamsim/unknown")
    assert (caught.value.nature, caught.value.code) == (Nature.TRANSIENT, "CATALOGUE_UNREACHABLE")
    assert client.dataset("beamsim/unknown") is None


def test_a_request_that_is_carried_out_late_is_in_doubt(
    client: CatalogueClient, catalogue: Catalogue, document: dict[str, Any]
) -> None:
    catalogue.faults.add(Fault(FaultKind.LATE, DATASETS, seconds=0.2))
    with pytest.raises(CatalogueError) as caught:
        client.create_dataset(document)
    assert (caught.value.nature, caught.value.status) == (Nature.AMBIGUOUS, 504)
    end = time.monotonic() + 20
    while client.dataset(document["pid"]) is None:
        assert time.monotonic() < end


@contextmanager
def served(answer: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server of its own kind on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), answer)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Parrot(BaseHTTPRequestHandler):
    """Says back whatever it was told, as the catalogue does with a body that it cannot read."""

    protocol_version = "HTTP/1.1"
    token = "eyJhbGciOi.secret-token.signature"

    def do_POST(self) -> None:
        told = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path.endswith("login") and "let-me-in" not in told:
            self.say(201, json.dumps({"access_token": self.token}))
        else:
            self.say(400, json.dumps({"message": f"bad: {told} {self.headers['authorization']}"}))

    def do_GET(self) -> None:
        self.say(400, f"<html><body>bad: {self.headers['authorization']}</body></html>", "text/html")

    def say(self, status: int, text: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        pass


def test_no_secret_is_in_a_sentence_a_value_a_log_or_a_picture_of_the_client(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = tmp_path / "password"
    seen = ""
    with served(Parrot) as url:
        for word in ("let-me-in", "another-word"):
            password.write_text(word)
            target = CatalogueTarget(url=url, username="u", password_file=password, contact_email="a@b.org")
            with CatalogueClient(target) as client:
                document = {"pid": "a", "x": word}
                for ask in (client.whoami, partial(client.create_dataset, document)):
                    with pytest.raises(CatalogueError) as caught:
                        ask()
                    fault = caught.value
                    seen += f"{fault!r} {fault.as_json()} {fault.__cause__} {client!r} {vars(client)} {target!r}"
    seen += caplog.text
    assert "bad" in seen
    for secret in ("let-me-in", "another-word", Parrot.token):
        assert secret not in seen


def test_a_secret_that_everybody_can_read_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush")
    secret.chmod(0o640)
    assert read_secret(secret) == "hush"
    assert caplog.text == ""
    secret.chmod(0o644)
    assert [read_secret(secret), read_secret(secret)] == ["hush", "hush"]
    assert caplog.text.count("chmod 600") == 1
    assert "hush" not in caplog.text


@pytest.mark.parametrize("content", [b"", b"two words", b"hush\xff"])
def test_a_file_without_a_secret_is_named_and_not_shown(tmp_path: Path, content: bytes) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    with pytest.raises(CatalogueError) as caught:
        read_secret(secret)
    assert caught.value.nature is Nature.TRANSIENT
    assert str(secret) in caught.value.sentence
    assert "hush" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("url", ["http://u:p@host", "ftp://host", "http://host?x=1", "host"])
def test_an_address_with_a_password_or_of_another_kind_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError):
        CatalogueTarget(url=url, token_file=tmp_path, contact_email="a@b.org")


def test_proxies_of_the_environment_are_ignored_and_the_configured_one_is_used(
    target: CatalogueTarget, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, dead)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        with CatalogueClient(target) as client:
            client.health()
        with (
            CatalogueClient(target.model_copy(update={"proxy": dead})) as client,
            pytest.raises(CatalogueError, match="does not answer"),
        ):
            client.health()


class HangingUp(Parrot):
    """Keeps a connection alive by its words, and hangs up when it is used again."""

    def do_GET(self) -> None:
        self.say(200, '{"username": "u"}')
        self.close_connection = False

    def do_POST(self) -> None:
        if self.path.endswith("login"):
            super().do_POST()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


def test_a_kept_connection_that_ends_under_a_write_leaves_a_doubt_and_no_second_try(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("hush-hush")
    with served(HangingUp) as url:
        target = CatalogueTarget(url=url, username="u", password_file=password, contact_email="a@b.org")
        with CatalogueClient(target) as client:
            client.whoami()
            with pytest.raises(CatalogueError) as caught:
                client.post_block({"datasetId": "a"})
            assert caught.value.nature is Nature.AMBIGUOUS
            assert client.whoami().name == "u"


class Squeezed(Parrot):
    """Answers gzipped: a little that becomes much, or nonsense."""

    def do_GET(self) -> None:
        body = gzip.compress(b" " * 100_000_000) if self.path.endswith("health") else b"nonsense"
        self.send_response(200)
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_squeezed_answer_is_bounded_by_what_it_becomes(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("hush-hush")
    with served(Squeezed) as url:
        target = CatalogueTarget(url=url, username="u", password_file=password, contact_email="a@b.org")
        with CatalogueClient(target) as client:
            for ask in (client.health, client.whoami):
                with pytest.raises(CatalogueError) as caught:
                    ask()
                assert caught.value.nature is Nature.TRANSIENT


def test_a_site_s_own_authority_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file, secret = tmp_path / "ca.pem", tmp_path / "secret"
    authority.cert_pem.write_to_path(str(ca_file))
    secret.write_text("token-of-ours")
    with served(HangingUp, context) as url:
        target = CatalogueTarget(url=url, token_file=secret, contact_email="a@b.org")
        with CatalogueClient(target) as client, pytest.raises(CatalogueError, match="certificate"):
            client.whoami()
        with CatalogueClient(target.model_copy(update={"ca_file": ca_file})) as client:
            assert client.whoami().name == "u"


def test_a_file_that_holds_no_certificates_is_named(tmp_path: Path) -> None:
    target = CatalogueTarget(url="https://h", token_file=tmp_path, contact_email="a@b.org", ca_file=tmp_path / "none")
    with pytest.raises(InvalidInputError, match="none"):
        CatalogueClient(target)
