"""The moments of alarms that this station keeps, by alarm, and the pictures of them that were read last.

Filled by `moment_desk`. GUI thread only. Must not: read or write a file.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from backends.domain.alarm import Alarm
from backends.domain.moment import Moment

_PICTURES = 8
"""That are kept in memory."""


class MomentBook(QObject):
    """One a session."""

    changed = Signal()
    """A moment came or went, or a picture has been read."""
    wanted = Signal(object)
    """A Moment, whose picture is to be read."""

    def __init__(self) -> None:
        super().__init__()
        self._moments: dict[str, Moment] = {}
        self._pictures: OrderedDict[str, QImage] = OrderedDict()

    def of(self, alarm: Alarm) -> Moment | None:
        """The newest of this alarm."""
        return self._moments.get(alarm.id)

    def picture(self, moment: Moment) -> QImage | None:
        """None: it is being read, or it has gone."""
        found = self._pictures.get(moment.base)
        if found is None:
            self.wanted.emit(moment)
        return found

    def add(self, moments: Iterable[Moment]) -> None:
        for moment in moments:
            before = self._moments.get(moment.alarm_id)
            if before is None or before.t_ns <= moment.t_ns:
                self._moments[moment.alarm_id] = moment
        self.changed.emit()

    def put_picture(self, base: str, picture: QImage) -> None:
        self._pictures[base] = picture
        while len(self._pictures) > _PICTURES:
            self._pictures.popitem(last=False)
        self.changed.emit()

    def drop(self, bases: Iterable[str]) -> None:
        """Their files have gone."""
        gone = set(bases)
        self._moments = {key: one for key, one in self._moments.items() if one.base not in gone}
        self.changed.emit()
