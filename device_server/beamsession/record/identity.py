"""What the ids and time stamps of a run's frames are worth: which frames they tell apart."""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED = 4096  # frames whose time stamps are known
_IN_A_ROW = 3  # equal ones prove that they tell nothing


class Identity:
    """Told of the time stamps of all frames, and of the ids of those that belong to the run, in the order they come."""

    def __init__(self) -> None:
        self._id_at: OrderedDict[int, int | None] = OrderedDict()
        self._last_id: int | None = None
        self._same_ids = 0
        self._last_ns = 0
        self._same_stamps = 0
        self._stamps_differ = False
        self.ids_differ = False

    def see_stamp(self, time_ns: int) -> None:
        """Take the next frame's time stamp."""
        self._stamps_differ = self._stamps_differ or (self._same_stamps > 0 and time_ns != self._last_ns)
        self._same_stamps = self._same_stamps + 1 if time_ns == self._last_ns else 1
        self._last_ns = time_ns

    @property
    def clock_stands(self) -> bool:
        """Whether the last frames have all the same time stamp: it does not tell when they were posted."""
        return self._same_stamps >= _IN_A_ROW

    def is_known(self, unique_id: int, time_ns: int) -> bool:
        """Whether this frame has come before: the same id, and a time stamp that only this id has."""
        if self.clock_stands and not self.ids_differ:
            return False
        return self._id_at.get(time_ns) == unique_id

    def see(self, unique_id: int, time_ns: int | None) -> None:
        """Take a frame that is not known; `time_ns` is None where its time stamp is not its own."""
        if self._last_id is not None and unique_id != self._last_id:
            self.ids_differ = True
        self._same_ids = self._same_ids + 1 if unique_id == self._last_id else 1
        self._last_id = unique_id
        if time_ns is None:
            return
        shared = self._id_at.get(time_ns, unique_id) != unique_id
        self._id_at[time_ns] = None if shared else unique_id
        if len(self._id_at) > _REMEMBERED:
            self._id_at.popitem(last=False)

    @property
    def tells_nothing(self) -> bool:
        """Whether no id and no time stamp has ever differed from another: all frames may be one, or each a new one."""
        return not self.ids_differ and not self._stamps_differ

    @property
    def is_repeated(self) -> bool:
        """Whether the last two frames had the same id."""
        return self._same_ids > 1

    @property
    def ids_stand(self) -> bool:
        """Whether the last frames have all the same id: it is no id."""
        return self._same_ids >= _IN_A_ROW
