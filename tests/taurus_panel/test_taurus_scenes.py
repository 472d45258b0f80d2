"""The panel with scenes handed to it: what was typed is not lost, pictures are of the run they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beamsession.faces.taurus.errands import Outcome
from beamsession.faces.taurus.last_frame import LastFrame
from beamsession.faces.taurus.scene import Scene
from beamsession.model.definition import MetadataKey
from beamsession.model.errors import RefusedError
from beamsession.model.states import RunState, SessionState
from beamsession.quicklook.frames import Kind

KEYS = (MetadataKey(name="sample"), MetadataKey(name="energy"))


@pytest.fixture(scope="module")
def application() -> Any:
    from taurus.external.qt import QtWidgets

    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture
def panel(application: Any) -> Any:
    """A panel that follows no device: scenes are handed to it."""
    from beamsession.faces.taurus import SessionPanel

    panel = SessionPanel()
    panel._came(scene(0))
    return panel


def scene(number: int, **more: Any) -> Scene:
    state = SessionState.STARTED if number else SessionState.NONE
    values = {"SessionId": number, "SessionState": list(SessionState).index(state), "State": "ON"}
    session = {"id": number, "name": "theirs", "title": "their title", "proposal": "", "start": "", "metadata": {}}
    return Scene(connected=True, fault="", values=values, keys=KEYS, session=session if number else {}, **more)


def typed(panel: Any) -> tuple[str, str, str]:
    rows = panel.session.rows
    return rows["name"].editor.text(), rows["title"].editor.text(), panel.metadata.form.fields["sample"].text


def type_all(panel: Any) -> None:
    panel.session.rows["name"].editor.typed.emit("mine")
    panel.session.rows["title"].editor.typed.emit("my title")
    panel.metadata._rows["sample"].editor.typed.emit("CeO2")


def test_it_stands_there_again_once_that_session_has_ended(panel: Any) -> None:
    type_all(panel)
    panel._came(scene(7))
    assert typed(panel) == ("theirs", "their title", "")
    assert not panel.metadata.form.is_changed, "nothing of it can go into their session"
    assert panel.session.title_change is None
    panel._came(scene(0))
    assert typed(panel) == ("mine", "my title", "CeO2")


def test_it_is_gone_once_the_session_was_started_here(panel: Any) -> None:
    type_all(panel)
    panel.orders._started = 7
    panel._came(scene(7))
    panel._came(scene(0))
    assert typed(panel) == ("", "", "")


def test_a_manager_that_cannot_work_says_why(panel: Any) -> None:
    panel._came(scene(0, trouble="The configuration cannot be used: ring_mib is too small."))
    assert "ring_mib is too small" in panel.header.detail.text()
    assert "ring_mib is too small" in panel.message.message.text


def test_the_keyboard_reaches_the_fields_between_the_buttons_above_and_below(panel: Any) -> None:
    order, widget = list[Any](), panel.metadata._area
    while widget is not panel.notes.comment:
        order.append(widget.objectName())
        widget = widget.nextInFocusChain()
        assert widget is not panel.metadata._area, "the comment comes before the fields"
    reached = [name for name in order if name.startswith("field:")]
    assert reached == ["field:sample", "field:energy"]


def test_a_picture_that_comes_late_is_not_shown_for_another_run(panel: Any) -> None:
    from beamsession.faces.taurus.picture_box import _Wanted

    wanted = [_Wanted(f"/data/run_000{number}.nxs", "camera", RunState.RECORDING, 5) for number in (1, 2)]
    frame = LastFrame("camera", Kind.IMAGES, np.ones((2, 2)), number=5, count=5, shape=(2, 2))
    late = Outcome(wanted[0].what, frame)
    panel.picture._asked = None
    panel.picture._came(late)
    assert panel.picture.shown is None
    panel.picture._asked = wanted[0]
    panel.picture._came(late)
    assert panel.picture.shown is frame
    panel.picture._asked = wanted[1]
    panel.picture._came(Outcome(wanted[1].what, error=RefusedError("It cannot be read now.", code="UNREADABLE")))
    assert panel.picture.shown is None, "the last picture was of the run before"
