"""The annunciator: which tone sounds for which alarm, and when it stops.

Listens to the city and decides; a voice plays (widgets/sound_voice.py). Several alarms at once give one
tone, the gravest one's. Silence is not acknowledgement: it stops what sounds now, and the next new alarm
sounds again. What somebody else covers sounds at his desk, and here too once nobody has acknowledged it for
UNHEARD_S; what is urgent, and what nobody covers, sounds at once. Which of several loudspeakers in one room it is:
widgets/models/earshot.py. A replay is silent. It never touches an alarm.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal, SignalInstance

from backends.domain.alarm import Alarm, Priority
from backends.domain.feeds import FeedQuality, Mode
from backends.domain.people import Speaker
from backends.domain.times import MonotonicClock, SystemClock
from widgets.models.alarm_order import Moves
from widgets.models.city import CityModel
from widgets.models.earshot import Earshot
from widgets.sound_voice import ChildVoice

SOUNDS = Path(__file__).resolve().parent.parent / "resources" / "sounds"

_VOICE_AFTER_MS = 800
"""The voice's process starts when the windows have had the processor for their first paint."""

SAID_S = 2
"""So often the hub is told how this loudspeaker is; whoever is silent for six seconds is not counted on."""

UNHEARD_S = 60.0
"""So long an alarm of another's area or sector is left to his desk: he may have gone out, or have no sound."""

_BATCH_S = 10.0
"""So long after the first alarm the start-up ends even without a hub: the station's own alarms must sound."""


@dataclass(frozen=True)
class Pattern:
    """How a priority's tone is played; the tones are made by scripts/make_sounds.py."""

    times: int
    """0: until silenced or acknowledged."""
    pause_s: float
    """After each."""
    length_s: float
    """About how long one round takes, pause included: so long a lesser alarm does not interrupt it."""


PATTERNS = {
    Priority.URGENT: Pattern(times=0, pause_s=1.2, length_s=2.6),
    Priority.HIGH: Pattern(times=2, pause_s=0.6, length_s=1.5),
    Priority.MEDIUM: Pattern(times=1, pause_s=0.1, length_s=0.8),
    Priority.LOW: Pattern(times=1, pause_s=0.1, length_s=0.3),
}


@dataclass(frozen=True)
class _Left:
    """An alarm that is left to other desks."""

    alarm: Alarm
    until_s: float
    """Then it sounds here, too."""
    since_ns: int


class Voice(Protocol):
    """What plays tones. No call blocks."""

    @property
    def deviceChanged(self) -> SignalInstance: ...

    @property
    def firstSample(self) -> SignalInstance: ...

    def start(self) -> None: ...

    def play(self, tone: str, times: int, pause_s: float) -> int: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class Annunciator(QObject):
    """Implements `widgets.session.SoundState`. GUI thread only."""

    changed = Signal()
    """Muted, silenced, or the output came or went: repaint the sound state."""
    speakerSaid = Signal(object)
    """The `Speaker` of this station, for the others of its room: at each change, and every SAID_S."""

    def __init__(
        self,
        city: CityModel,
        *,
        muted: bool = False,
        voice: Voice | None = None,
        mono: MonotonicClock | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        earshot: Earshot | None = None,
    ) -> None:
        """`now_ns`: the hub's time. `earshot`: whom it sounds for; None = for the person here."""
        super().__init__()
        self._city = city
        self._mono = mono if mono is not None else SystemClock()
        self._voice: Voice = voice if voice is not None else ChildVoice(SOUNDS)
        self._voice.deviceChanged.connect(self._on_device)
        self._voice.firstSample.connect(self._on_first_sample)
        self._now_ns, self._earshot = now_ns, earshot if earshot is not None else Earshot(city)
        self._silenced_ns = self._seconds = 0
        self._asked_ns: dict[str, int] = {}
        """When each of the other stations of this room asked for silence last."""
        self._muted = muted
        self._device: str | None = None
        self._known: dict[str, tuple[int, int]] = {}
        """Unacknowledged alarms that have had their tone: id -> (rank, raised)."""
        self._elsewhere: dict[str, _Left] = {}
        """What is left to other desks."""
        self._urgent: dict[str, int] = {}
        """Urgent ones that nobody has acknowledged or silenced, and since when: meanwhile the tone repeats."""
        self._rank = _QUIET
        """Rank of what sounds now, and until when for tones that end by themselves."""
        self._began_ns = 0
        self._until_s = 0.0
        self._starting = True
        self._batch_rank = _QUIET
        self._batch_until_s = 0.0
        self._asked: dict[int, float] = {}
        self.latencies_s: deque[float] = deque(maxlen=200)
        """From the drain that brought an alarm to its tone's first sample in the sink."""
        city.alarmsMoved.connect(self._on_moves)
        city.feedsChanged.connect(self._on_feeds)
        city.grantChanged.connect(self._reconsider)
        city.healthChanged.connect(self._on_health)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._voice.start)
        self._timer.start(_VOICE_AFTER_MS)

    # -- as the top bar shows it ---------------------------------------------------------------------

    @property
    def available(self) -> bool:
        """False: no sound output here. True also until the voice has looked, a second or two after start."""
        return self._device != ""

    @property
    def silenced(self) -> bool:
        """Sound is switched off at this station."""
        return self._muted

    @property
    def muted(self) -> bool:
        """The same, as the preference is called."""
        return self._muted

    @property
    def heard_at(self) -> str:
        """Name of the station that sounds for this room; empty = this one."""
        speaker = self._earshot.speaker()
        return speaker.name if speaker is not None else ""

    @property
    def sounding(self) -> Priority | None:
        """Whose tone sounds now."""
        if self._rank == _QUIET or (self._rank > 0 and self._mono.monotonic_s() >= self._until_s):
            return None
        return next(p for p in Priority if p.rank == self._rank)

    def silence(self) -> None:
        """Stop what sounds now, in the whole room; the alarms stay unacknowledged, and a new one sounds again."""
        self._silenced_ns = max(self._silenced_ns + 1, self._now_ns())
        self._be_silent(self._silenced_ns)
        self._say()

    def _be_silent(self, t_ns: int) -> None:
        """What has sounded in this room up to then is silent; what is newer goes on."""
        for one in list(self._elsewhere.values()):
            tone = self._earshot.tone_of(one.alarm)
            if tone is not None and one.since_ns <= t_ns:
                del self._elsewhere[one.alarm.id]
                self._known[one.alarm.id] = self._heard(one.alarm, tone)
        self._urgent = {alarm_id: since_ns for alarm_id, since_ns in self._urgent.items() if since_ns > t_ns}
        if not self._urgent and self._began_ns <= t_ns:
            self._hush()
        self.changed.emit()

    def toggle_muted(self) -> None:
        """Switch the station's sound off or on. An urgent alarm that nobody silenced sounds again."""
        self._muted = not self._muted
        if self._muted:
            self._hush()
        elif self._urgent:
            self._sound(Priority.URGENT)
        self.changed.emit()
        self._say()

    def close(self) -> None:
        """End the voice. Safe to call twice."""
        self._timer.stop()
        self._voice.close()

    # -- deciding ------------------------------------------------------------------------------------

    def _on_moves(self, moves: Moves) -> None:
        # 1. What of this asks for acknowledgement; what of that is new (raised, raised again, risen, or come to the
        #    shift lead) and for this desk.
        asking = [alarm for alarm in moves.values() if alarm is not None and alarm.unacknowledged]
        known = {alarm_id: self._known.pop(alarm_id, None) for alarm_id in moves}
        left = {alarm_id: self._elsewhere.pop(alarm_id, None) for alarm_id in moves}
        new: list[Priority] = []
        for alarm in asking:
            tone, before = self._earshot.tone_of(alarm), left[alarm.id]
            news = _is_new(known[alarm.id], self._heard(alarm, tone or alarm.priority))
            if news and (tone is None or self._earshot.left(alarm)):
                self._leave(alarm, before)
            else:
                new += self._hear(alarm, tone or alarm.priority, new=news)
        # 2. An urgent tone ends when the last of its alarms has been acknowledged.
        for alarm_id in moves:
            if self._known.get(alarm_id, _NEVER)[0] != Priority.URGENT.rank:
                self._urgent.pop(alarm_id, None)
        if self._rank == Priority.URGENT.rank and not self._urgent:
            self._hush()
        # 3. One tone for all that is new: the gravest one's.
        if new:
            self._sound(min(new, key=lambda priority: priority.rank))

    def _heard(self, alarm: Alarm, tone: Priority) -> tuple[int, int]:
        """What is remembered of an alarm that has had its tone: what comes later, or is graver, is news."""
        t_ns = max(alarm.t_raised_ns, alarm.t_escalated_ns if self._earshot.escalated(alarm) else 0)
        return tone.rank, t_ns

    def _hear(self, alarm: Alarm, tone: Priority, *, new: bool) -> list[Priority]:
        """It has, or has had, its tone here; that tone, if it is `new`."""
        self._known[alarm.id] = self._heard(alarm, tone)
        if new and tone is Priority.URGENT:
            self._urgent[alarm.id] = self._now_ns()
        return [tone] if new else []

    def _leave(self, alarm: Alarm, before: _Left | None = None) -> None:
        """Other desks sound for it."""
        until_s, since_ns = self._mono.monotonic_s() + UNHEARD_S, self._now_ns()
        if before is not None:
            until_s, since_ns = before.until_s, before.since_ns
        self._elsewhere[alarm.id] = _Left(alarm, until_s, since_ns)

    def on_second(self) -> None:
        """What was left to others for long enough sounds here, too; and the others are told that this one is there."""
        self._seconds += 1
        if self._seconds % SAID_S == 0:
            self._say()
        if self._elsewhere:
            self._reconsider()

    def _on_feeds(self, changed: frozenset[str]) -> None:
        if "stations" in changed:
            self._hear_silence()
        if changed & {"roster", "stations"}:
            self._reconsider()

    def _hear_silence(self) -> None:
        """Somebody else in this room has asked for silence since the last look."""
        asked = {one.id: one.speaker.t_silenced_ns for one in self._earshot.mates() if one.speaker is not None}
        news = [t_ns for id_, t_ns in asked.items() if t_ns > self._asked_ns.get(id_, t_ns)]
        if news:
            self._be_silent(max(news))
        self._asked_ns |= asked

    def _say(self) -> None:
        """To the hub, for the other stations of this room."""
        if self._earshot.room:
            on = bool(self._device) and not self._muted
            self.speakerSaid.emit(Speaker(self._earshot.room, on, self._silenced_ns))

    def _reconsider(self) -> None:
        """Another one covers what was left to him, he has gone, the hub has, or the time is up; or it is another
        loudspeaker of this room that sounds from now on."""
        self._hand_over()
        now_s, new = self._mono.monotonic_s(), list[Priority]()
        for one in list(self._elsewhere.values()):
            tone = self._earshot.tone_of(one.alarm) or (one.alarm.priority if now_s >= one.until_s else None)
            if tone is not None and not self._earshot.left(one.alarm):
                del self._elsewhere[one.alarm.id]
                new += self._hear(one.alarm, tone, new=True)
        if new:
            self._sound(min(new, key=lambda priority: priority.rank))

    def _hand_over(self) -> None:
        """What goes on sounding here is another loudspeaker's from now on."""
        if self._urgent and self._earshot.speaker() is not None:
            for alarm in filter(None, map(self._city.alarm, list(self._urgent))):
                if self._earshot.left(alarm):
                    self._urgent.pop(alarm.id)
                    self._known.pop(alarm.id, None)
                    self._leave(alarm)
            if not self._urgent:
                self._hush()

    def _sound(self, priority: Priority) -> None:
        rank, now_s = priority.rank, self._mono.monotonic_s()
        # While the stored state and the first snapshot come in, all of it counts as one batch.
        if self._batch_rank == _QUIET:
            self._batch_until_s = now_s + _BATCH_S
        starting = self._starting and now_s < self._batch_until_s
        held = starting and rank >= self._batch_rank
        self._batch_rank = min(self._batch_rank, rank)
        # What sounds already says it for alarms of its own priority and of lesser ones.
        said = rank >= self._rank and (self._rank == Priority.URGENT.rank or now_s < self._until_s)
        if self._muted or held or said or self._city.link.mode is Mode.REPLAY:
            return
        pattern = PATTERNS[priority]
        self._rank, self._until_s, self._began_ns = rank, now_s + pattern.length_s * pattern.times, self._now_ns()
        number = self._voice.play(priority.value, pattern.times, pattern.pause_s)
        self._asked[number] = now_s

    def _hush(self) -> None:
        if self._rank != _QUIET:
            self._rank, self._until_s = _QUIET, 0.0
            self._voice.stop()

    def _on_health(self) -> None:
        if self._starting and self._city.quality("alarms") is FeedQuality.LIVE:
            self._starting = False
        if self._city.link.mode is Mode.REPLAY:
            self._hush()
        self._reconsider()

    # -- the voice tells -------------------------------------------------------------------------------

    def _on_device(self, name: str) -> None:
        if name != self._device:
            self._device = name
            self.changed.emit()
            self._say()

    def _on_first_sample(self, number: int, t_s: float) -> None:
        asked_s = self._asked.pop(number, None)
        # Tones that were overtaken never sounded: forget them.
        self._asked = {n: s for n, s in self._asked.items() if n > number}
        if asked_s is not None:
            self.latencies_s.append(max(0.0, t_s - asked_s))


def _is_new(before: tuple[int, int] | None, now: tuple[int, int]) -> bool:
    return before is None or now[0] < before[0] or now[1] > before[1]


_QUIET = 99
"""Rank of silence."""
_NEVER = (_QUIET, 0)
