"""What a person orders by a button becomes an errand; how it went is told in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from beamsession.faces.taurus import work
from beamsession.faces.taurus.caller import ManagerCaller
from beamsession.faces.taurus.errands import Errands, Outcome
from beamsession.faces.taurus.message import Message, Tone
from beamsession.faces.taurus.messenger import Messenger
from beamsession.faces.taurus.offers import ACKNOWLEDGE, CHECK_RUN, Offer, offer, question
from beamsession.faces.taurus.qt import QtCore, QtWidgets, Signal
from beamsession.faces.taurus.questions import StartDialog, ask
from beamsession.model.situation import Command

if TYPE_CHECKING:
    from beamsession.faces.taurus.session_panel import SessionPanel

_SIMPLE = {
    Command.PAUSE: ("Pausing the session", "The session is paused."),
    Command.RESUME: ("Resuming the session", "The session goes on."),
    Command.COMPLETE: ("Completing the session", "The session is completed, or will be when its run is written."),
    Command.CANCEL: ("Cancelling the session", "The session is cancelled."),
    Command.STOP_RUN: ("Stopping the run", "The run is ending: what was received is written."),
    Command.ABORT_RUN: ("Aborting the run", "The run is aborted."),
}
_STARTING = "Starting the session"
_VERBS = {Command.COMPLETE: "Complete", Command.CANCEL: "Cancel the session", Command.ABORT_RUN: "Abort the run"}


class Orders(QtCore.QObject):
    """One order at a time: `busy` says what is being done, and no button can be pressed meanwhile."""

    told = Signal(object)
    busy_changed = Signal()

    def __init__(self, panel: SessionPanel) -> None:
        super().__init__()
        self.busy = ""
        self._panel = panel
        self._then: Callable[[work.Done], None] | None = None
        self._messenger = Messenger()
        self._messenger.came.connect(self._came)
        self._errands: list[Errands] = []
        self._caller: ManagerCaller | None = None
        self._started = 0

    def connect_to(self, address: str) -> None:
        """Send orders to this device from now on; what is on its way to another one is not heard of any more."""
        self.stop()
        self._errands = [errands for errands in self._errands if not errands.join(0)]
        self._caller, self.busy, self._then = None, "", None
        if address:
            self._caller = ManagerCaller(address)
            self._errands.append(Errands("orders", self._messenger.tell))

    def stop(self) -> None:
        """Tell nothing any more; `join` waits for what is under way."""
        for errands in self._errands:
            errands.stop()

    def join(self, timeout: float) -> bool:
        """Whether nothing is under way any more."""
        ended = [errands.join(timeout) for errands in self._errands]
        return all(ended)

    def has_started(self, session: int) -> bool:
        """Whether this session was started here, as far as is known: its number may come before the answer."""
        return self.busy == _STARTING or session == self._started

    def give(self, command: Command | str) -> None:
        """A button was pressed."""
        panel = self._panel
        if not offer(command, panel.scene, busy=self.busy).enabled:
            return
        if command == Command.START:
            self._start()
        elif command == CHECK_RUN:
            self._send("Checking the run", work.check_run(panel.run.arguments))
        elif command == Command.START_RUN:
            self._send("Starting the run", work.start_run(panel.run.arguments, panel.run.run_title.text()))
        elif text := question(Command(command), panel.scene):
            ask(panel, text, _VERBS[Command(command)], lambda: self._simple(Command(command)))
        else:
            self._simple(Command(command))

    def acknowledge(self) -> None:
        """The alarms that wait for a person have been seen."""
        self._send("Acknowledging", work.simple(ACKNOWLEDGE, "The alarms are acknowledged."))

    def comment(self, text: str) -> None:
        """Keep a comment."""
        line = self._panel.notes.comment
        self._send("Writing the comment", work.simple("comment_add", "The comment is kept.", text=text), _clear(line))

    def add_file(self, path: str) -> None:
        """Add a file."""
        line, sentence = self._panel.notes.path, f"{path} belongs to the session."
        self._send("Adding the file", work.simple("file_add", sentence, path=path), _clear(line))

    def can_apply(self) -> Offer:
        """Whether what was typed can be sent."""
        panel, form = self._panel, self._panel.metadata.form
        allowed = offer(Command.SET_METADATA, panel.scene, busy=self.busy)
        if not allowed.enabled:
            return allowed
        if faults := form.faults:
            return Offer(False, " ".join(faults))
        if not form.changes() and panel.session.title_change is None:
            return Offer(False, "Nothing was changed, or what was changed is contested.")
        titles = [] if panel.session.title_change is None else ["title"]
        return Offer(True, f"Send: {', '.join([*titles, *form.changes()])}")

    def apply(self) -> None:
        """Send what was typed, and nothing else."""
        if not self.can_apply().enabled:
            return
        panel, form = self._panel, self._panel.metadata.form
        values, title = form.changes(), panel.session.title_change
        texts = form.texts(values)
        self._send(
            "Sending the changes",
            work.change_session(panel.scene.session_id, title=title, values=values, seen=form.seen(values)),
            lambda done: self._applied(done, texts, title),
        )

    def _applied(self, done: work.Done, texts: dict[str, str], title: str | None) -> None:
        if done.answer is not None:
            self._panel.metadata.sent(texts, done.answer)
        if title is not None:
            self._panel.session.rows["title"].field.sent(title, title.strip())

    def _start(self) -> None:
        panel = self._panel
        if panel.scene.is_open:
            StartDialog(panel, question(Command.START, panel.scene), self._start_next, panel.session.draft).open()
            return
        if faults := panel.metadata.form.faults:
            self.told.emit(Message(Tone.REFUSED, " ".join(faults)))
            return
        arguments = panel.session.for_start()
        metadata = panel.metadata.form.for_start()
        self._send_start(arguments if metadata is None else {**arguments, "metadata": metadata})

    def _start_next(self, arguments: dict[str, Any], keeps_metadata: bool) -> None:
        if keeps_metadata:
            arguments = {**arguments, "metadata": self._panel.scene.metadata}
        self._send_start(arguments)

    def _send_start(self, arguments: dict[str, Any]) -> None:
        self._send(_STARTING, work.start_session(arguments), self._has_begun)

    def _has_begun(self, done: work.Done) -> None:
        self._started = int(done.answer)
        self._panel.session.draft.clear()
        self._panel.metadata.draft.clear()

    def _simple(self, command: Command) -> None:
        what, sentence = _SIMPLE[command]
        self._send(what, work.simple(command.value, sentence))

    def _send(self, what: str, errand: work.Work, then: Callable[[work.Done], None] | None = None) -> None:
        caller = self._caller
        if caller is None or self.busy:
            return
        self.busy, self._then = what, then
        self.told.emit(Message(Tone.BUSY, f"{what} …"))
        self._errands[-1].send(what, lambda: errand(caller))
        self.busy_changed.emit()

    def _came(self, outcome: object) -> None:
        assert isinstance(outcome, Outcome)
        then, self.busy, self._then = self._then, "", None
        if outcome.error is not None:
            self.told.emit(Message(Tone.REFUSED, outcome.error.text))
        else:
            done: work.Done = outcome.answer
            text = " ".join([done.sentence, *done.hints])
            self.told.emit(Message(Tone.HINT if done.hints else Tone.DONE, text))
            if then is not None:
                then(done)
        self.busy_changed.emit()


def _clear(line: QtWidgets.QLineEdit) -> Callable[[work.Done], None]:
    """Empty the line afterwards, unless somebody has typed on meanwhile."""
    text = line.text()
    return lambda done: line.clear() if line.text() == text else None
