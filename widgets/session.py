"""What every window and tile is given: the city, pictures, clocks, desks and preferences.

Built by console/app.py, the only place that joins backends and widgets. Widgets never ask whether it is
live, demo, exercise or replay: they show `city.link.mode` and do the same in all.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from backends.domain.alarm import Priority
from backends.domain.ports import (
    AccessDesk,
    ActionDesk,
    FiguresDesk,
    HistoryDesk,
    PictureDesk,
    PictureSource,
    StreamDesk,
    TurnDesk,
)
from backends.domain.shifts import SHIFTS
from backends.domain.times import MonotonicClock, SessionClock
from widgets.callers import Callers
from widgets.hands import CameraHands
from widgets.i18n import Language, set_language
from widgets.memory import Memory
from widgets.models.city import CityModel
from widgets.moments import MomentBook
from widgets.parts.demands import DemandBoard
from widgets.parts.enters import Enters
from widgets.parts.record_pictures import RecordPictures
from widgets.parts.sent_acts import SentActs
from widgets.parts.thumbnails import WantBoard
from widgets.plots import PlotDesk
from widgets.theme import DARK, THEMES, Theme, ThemeName

NOTICES_KEPT = 200


class SoundState(Protocol):
    """The annunciator as the top bar shows it."""

    @property
    def available(self) -> bool:
        """False: this machine has no sound output, and the top bar says so."""
        ...

    @property
    def silenced(self) -> bool:
        """Muted by a person, until they end it."""
        ...

    @property
    def sounding(self) -> Priority | None:
        """The priority whose tone is heard now."""
        ...

    @property
    def heard_at(self) -> str:
        """Name of the station whose loudspeaker sounds for this room; empty = this one's."""
        ...

    def silence(self) -> None:
        """Stop what sounds now. Silence is not acknowledgement."""
        ...

    def toggle_muted(self) -> None: ...


class Look(QObject):
    """Theme and language: what a person chose for the screen. Repaint everything when it changes."""

    changed = Signal()

    def __init__(self, theme: Theme = DARK) -> None:
        super().__init__()
        self.theme = theme
        self.less_motion = False
        """The system's wish: then nothing blinks."""

    def set_theme(self, name: ThemeName) -> None:
        self.theme = THEMES[name]
        self.changed.emit()

    def set_language(self, language: Language) -> None:
        set_language(language)
        self.changed.emit()


class Calls(QObject):
    """Call-ups between tiles: a camera is wanted on the tile that the layout keeps for it."""

    cameraCalled = Signal(str)
    """Camera id."""
    stillAsked = Signal(str, str)
    """(camera id, address of the stream that is shown): the picture is to be saved."""
    plotCalled = Signal(str, object, int)
    """(sensor id, moment in ns, half span in s): that sensor's plot is wanted, so long before and after the moment."""
    alarmCalled = Signal(object)
    """An Alarm: everything about it is wanted on one screen."""
    pageCalled = Signal(str, str)
    """(page id, id of the record that it is about or empty): that page is wanted."""
    momentCalled = Signal(object)
    """A Moment: its clip is wanted on the tile that the layout keeps for alarms."""
    areaCalled = Signal(str)
    """Area id: where on the map it is."""
    saveAsked = Signal(object)
    """An `exports.Job`: a file is to be saved."""
    restartAsked = Signal()
    """A person wants the parts of the program that were given up to be started again."""


@dataclass
class Session:
    """One running session; tiles keep a reference and nothing else global exists."""

    city: CityModel
    pictures: PictureSource
    streams: StreamDesk
    actions: ActionDesk
    access: AccessDesk
    history: HistoryDesk
    figures: FiguresDesk
    small: PictureDesk
    clock: SessionClock
    mono: MonotonicClock
    look: Look
    sound: SoundState
    notices: Notices
    demands: DemandBoard
    calls: Calls
    turning: TurnDesk
    memory: Memory = field(default_factory=Memory)
    site: str = ""
    """The city, as `[site] name` in the site's file has it; empty = it says none."""
    shifts: tuple[str, ...] = SHIFTS
    """When the room's shifts begin, "06:00" (`backends.domain.shifts`)."""
    hands: CameraHands = field(init=False)
    wants: WantBoard = field(init=False)
    record_pictures: RecordPictures = field(init=False)
    callers: Callers = field(init=False)
    plots: PlotDesk = field(init=False)
    acts: SentActs = field(init=False)
    moments: MomentBook = field(default_factory=MomentBook, init=False)
    enters: Enters = field(init=False)

    def __post_init__(self) -> None:
        self.hands = CameraHands(self.memory)
        self.enters = Enters(self.mono)
        self.wants = WantBoard(self.small)
        self.record_pictures = RecordPictures(self.city, self.small)
        notices = self.notices
        self.callers = Callers(self.city, self.access, self.mono, notices.tell_desk, notices.post)
        self.notices.now_ns = self.clock.now_ns
        self.plots = PlotDesk(self.mono, self.memory)
        self.acts = SentActs(self.city, self.actions, self.notices)


@dataclass(frozen=True)
class Notice:
    """One sentence that was shown here."""

    t_ns: int
    sentence: str
    priority: Priority | None


class Notices(QObject):
    """Short sentences for the person at this station, shown in place, never as a dialog. The last ones are kept, for
    whoever looked elsewhere while they were shown."""

    posted = Signal(str, object)
    """(sentence, Priority or None): None is plain information."""
    toldDesk = Signal(str)
    """A quiet sentence for those at the desks; a wall does not show it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns: Callable[[], int] = time.time_ns
        """The session's clock, once there is one."""
        self._kept: deque[Notice] = deque(maxlen=NOTICES_KEPT)

    def post(self, sentence: str, priority: Priority | None = None) -> None:
        self._kept.append(Notice(self.now_ns(), sentence, priority))
        self.posted.emit(sentence, priority)

    def tell_desk(self, sentence: str) -> None:
        self._kept.append(Notice(self.now_ns(), sentence, None))
        self.toldDesk.emit(sentence)

    def recent(self) -> list[Notice]:
        """The newest first."""
        return list(reversed(self._kept))
