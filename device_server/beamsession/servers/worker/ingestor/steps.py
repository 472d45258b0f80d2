"""The steps of an ingest by a program of the site: not safe to run twice, so its end is known before it runs again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.archive.derived_files import is_derived
from beamsession.catalogue.credentials import read_secret
from beamsession.catalogue.describe import describe
from beamsession.catalogue.facts import Facts
from beamsession.catalogue.ingestor import IngestorTarget, is_dry_run, words_of
from beamsession.catalogue.ingestor_document import ingestor_document, listing_lines
from beamsession.catalogue.ingestor_verdict import End, Kind, judge, last_words, pids_in, plain_text
from beamsession.catalogue.manifest import list_files
from beamsession.catalogue.subject import Subject
from beamsession.model.clock import to_text
from beamsession.model.errors import RefusedError, WrongStateError
from beamsession.model.event import Event
from beamsession.model.instrument import Instrument
from beamsession.model.session import Session
from beamsession.model.states import IngestState
from beamsession.servers.worker.ingest.attempt_lock import attempt_lock
from beamsession.servers.worker.ingest.completed import completed_session
from beamsession.servers.worker.ingest.freezer import Tell
from beamsession.servers.worker.ingest.session_files import gather
from beamsession.servers.worker.ingestor.call import IngestorCall, Intent, LastWord, newest_call, next_call, tail_of
from beamsession.servers.worker.ingestor.process import end_of, program_of, start, stop
from beamsession.store import Store

_ASKED = "ingest_requested"
_COMPLETED = ("session_completed", "session_created", "session_detached")
_SHOWN_CHARACTERS = 8000
_PAGE = 1000
_LOOK_S = 1.0
_REMEDY = (
    "Look in the catalogue for a dataset with the source folder {folder}. If it is there and whole, tell its pid with "
    "SettleIngest; if not, correct what is wrong and ask for the ingest again."
)


class IngestorSteps:
    """What is done, without when. Methods raise BeamsessionError and OSError.

    `seal`, `announce` and `checkpoint` are as for IngestSteps; `begin` has the manager note, before it returns, that a
    session may be stored from now on: False if nobody wants that any more. `tell` has the manager note how the ingestor
    ended, what it printed, what it stored and whether that is in doubt, and returns when it has.
    """

    def __init__(
        self,
        *,
        store: Store,
        instrument: Instrument,
        target: IngestorTarget,
        folder: Path,
        seal: Callable[[Session], None],
        announce: Callable[[int], None],
        begin: Callable[[int], bool],
        tell: Callable[[int, str, str, list[dict[str, Any]], bool], None],
        checkpoint: Callable[[], None],
        software: str,
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._target = target
        self._folder = folder
        self._seal = seal
        self._announce = announce
        self._begin = begin
        self._tell = tell
        self._checkpoint = checkpoint
        self._software = software

    def is_in_doubt(self, session_id: int) -> bool:
        """Whether the newest call may have stored the session."""
        call = newest_call(self._calls(session_id))
        if call is None or not call.is_intended:
            return False
        word = self._known_word(call)
        return word is None or word.kind in (Kind.UNKNOWN, Kind.STORED)

    def prepare(self, session_id: int, tell: Tell) -> str:
        """Write what the next call is given; nothing where the end of an earlier one is what counts. Which request it
        is for: since when the ingest is due.
        """
        with attempt_lock(self._place(session_id), self._checkpoint):
            self._prepare(session_id, tell)
        ingest = self._store.ingest(session_id)
        return to_text(ingest.due) if ingest is not None and ingest.due is not None else ""

    def deliver(self, session_id: int) -> str:
        """Run what was prepared, or hear how it ended if it was run already; the pid."""
        with attempt_lock(self._place(session_id), self._checkpoint):
            return self._deliver(session_id)

    def _prepare(self, session_id: int, tell: Tell) -> None:
        self._announce(session_id)
        session = completed_session(self._store, session_id)
        calls = self._calls(session_id)
        newest = newest_call(calls)
        if newest is not None and newest.is_intended and not self._may_follow(session_id, newest):
            return
        options = self._options(session_id)
        gathered = gather(self._store, self._instrument, session, self._checkpoint)
        self._seal(session)
        ingest = self._store.ingest(session_id)
        subject = Subject(
            session,
            gathered.runs,
            self._instrument,
            software=self._software,
            overlay=ingest.overlay if ingest else {},
            referenced=[str(path) for path in gathered.referenced],
        )
        document = describe(subject, self._target, Facts()).required()
        folder = self._instrument.data_root / session.folder
        files = list_files(folder, gathered.expected, gathered.left_out, is_derived)
        lines = listing_lines(self._counted((file.path for file in files), tell), self._target)
        document = ingestor_document(document, self._target, os.path.realpath(folder))
        next_call(calls).write(options, document, lines)

    def _deliver(self, session_id: int) -> str:
        call = newest_call(self._calls(session_id))
        if call is None:
            raise RefusedError(
                "What was to be given to the ingestor is not there any more.",
                code="PAYLOAD_LOST",
                value=session_id,
                remedy="Ask for the ingest again: it begins anew.",
            )
        word = self._known_word(call)
        if word is None and call.is_intended:
            end = end_of(call, self._watch(session_id, call), limit_s=self._limit_s)
            word = self._judged(session_id, call, end) if end else None
            if word is None:  # The worker died before anything was run: the same is given to another call.
                call = call.again(next_call(self._calls(session_id)))
        if word is None:
            word = self._run(session_id, call)
        self._tell(session_id, word.sentence, word.output, _datasets(word, call.intent()), word.kind == Kind.UNKNOWN)
        if word.pid:
            return word.pid
        raise RefusedError(word.sentence, code=word.code, value=session_id, remedy=word.remedy)

    def dataset_name(self, session_id: int) -> str:
        """What the dataset is called; empty where that is lost."""
        call = newest_call(self._calls(session_id))
        return call.dataset_name() if call else ""

    def _counted(self, paths: Iterable[str], tell: Tell) -> Iterator[str]:
        for count, path in enumerate(paths, start=1):
            self._checkpoint()
            tell(f"{count} files listed")
            yield path

    def _run(self, session_id: int, call: IngestorCall) -> LastWord:
        target, options = self._target, call.options()
        program_of(target)
        secret = read_secret(target.secret_file) if target.secret_file else ""
        source = self._source_folder(session_id)
        files, size = self._present(source, call)
        if not self._begin(session_id):
            raise WrongStateError(f"The ingest of session {session_id} is not wanted any more.")
        call.intend(Intent(options=options, source_folder=source, files=files, size=size))
        start(call, target, options, secret)
        end = end_of(call, self._watch(session_id, call), limit_s=self._limit_s)
        if end is None:
            raise OSError(f"the guard of the ingestor did not begin; {call.folder / 'guard.log'} may say why")
        return self._judged(session_id, call, end)

    def _judged(self, session_id: int, call: IngestorCall, end: End) -> LastWord:
        """The last word about a call that has ended, kept before anything is done because of it."""
        intent, target = call.intent(), self._target
        pids: tuple[str, ...] = ()
        if call.out_file.exists():
            with call.out_file.open("rb") as output:
                pids = pids_in(output, target.pid_pattern)
        errors, printed = self._text(call.error_file), self._text(call.out_file)
        verdict = judge(
            end,
            pids,
            program=Path(target.command[0]).name,
            last_words=last_words(errors) or last_words(printed),
            is_dry_run=is_dry_run(intent.options),
            limit_h=target.time_limit_h,
        )
        output = "\n".join(part.rstrip() for part in (printed, errors) if part.strip())
        word = LastWord(
            kind=verdict.kind.value,
            code=verdict.code,
            sentence=verdict.sentence,
            remedy="" if verdict.pid else _REMEDY.format(folder=intent.source_folder),
            pid=verdict.pid,
            output=output[-_SHOWN_CHARACTERS:],
            at=self._newest_event_time(session_id),
        )
        call.keep(word)
        return word

    def _may_follow(self, session_id: int, call: IngestorCall) -> bool:
        """Whether another call may be made after this one: somebody has asked since its end was told."""
        word = self._known_word(call)
        if word is None or (word.kind == Kind.STORED and self._target.is_archiving):
            return False
        # What may be stored is sent again only by somebody who could look, not because it was completed again.
        asking = (_ASKED,) if word.kind == Kind.UNKNOWN else (_ASKED, *_COMPLETED)
        return any(event.kind in asking and event.time > word.at for event in self._events(session_id))

    def _known_word(self, call: IngestorCall) -> LastWord | None:
        """The last word about it; None if there is none yet, or its end was unseen and has been written since."""
        word = call.last_word()
        has_come_late = word is not None and word.code == "INGESTOR_UNKNOWN" and call.end() is not None
        return None if has_come_late else word

    def _options(self, session_id: int) -> tuple[str, ...]:
        """The words behind the environment: the configured ones, or those of the request that led here."""
        asked = [event for event in self._events(session_id) if event.kind in (_ASKED, *_COMPLETED)]
        parameters = asked[-1].payload.get("parameters") if asked else None
        return words_of(str(parameters), self._target.request_options) if parameters else self._target.options

    def _present(self, source: str, call: IngestorCall) -> tuple[int, int]:
        """How many files are listed and their size in bytes. Raises RefusedError FILE_MISSING."""
        count = size = 0
        for relative in call.listed():
            self._checkpoint()
            try:
                size += Path(source, relative).stat().st_size
            except FileNotFoundError as fault:
                raise RefusedError(
                    f"The file {relative} was there when the files were listed, and is not any more.",
                    code="FILE_MISSING",
                    value=relative,
                    remedy="Put it back or take it off the session; then ask for the ingest again.",
                ) from fault
            count += 1
        return count, size

    def _watch(self, session_id: int, call: IngestorCall) -> Callable[[], None]:
        """To be called while it runs: has it ended when its ingest is called off, and halts with the worker."""
        next_look = time.monotonic() + _LOOK_S

        def look() -> None:
            nonlocal next_look
            self._checkpoint()
            if time.monotonic() < next_look:
                return
            next_look = time.monotonic() + _LOOK_S
            ingest = self._store.ingest(session_id)
            if ingest is not None and ingest.state is IngestState.CANCELLED:
                stop(call)

        return look

    def _text(self, path: Path) -> str:
        """The end of what was printed, without colours and without our secret."""
        text = plain_text(tail_of(path))
        if self._target.secret_file is None:
            return text
        secret = read_secret(self._target.secret_file)
        for part in (secret, secret.partition(":")[2]):
            text = text.replace(part, "***") if part else text
        return text

    def _source_folder(self, session_id: int) -> str:
        return os.path.realpath(self._instrument.data_root / self._store.session(session_id).folder)

    def _calls(self, session_id: int) -> Path:
        return self._place(session_id) / "calls"

    def _place(self, session_id: int) -> Path:
        return self._folder / f"{session_id:06d}"

    @property
    def _limit_s(self) -> float:
        return self._target.time_limit_h * 3600

    def _events(self, session_id: int) -> Iterator[Event]:
        after = 0
        while page := self._store.events(after=after, limit=_PAGE, session_id=session_id):
            yield from page
            after = page[-1].seq

    def _newest_event_time(self, session_id: int) -> datetime:
        return max(event.time for event in self._events(session_id))


def _datasets(word: LastWord, intent: Intent) -> list[dict[str, Any]]:
    """What became of the session, if anything did."""
    return [{"pid": word.pid, "run": None, "files": intent.files, "bytes": intent.size}] if word.pid else []
