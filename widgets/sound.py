"""The annunciator: which tone sounds for which alarm, and when it stops.

Listens to the city and decides; a voice plays (widgets/sound_voice.py). Several alarms at once give one
tone, the gravest one's. Silence is not acknowledgement: it stops what sounds now, and the next new alarm
sounds again. A replay is silent. It never touches an alarm.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal, SignalInstance

from backends.domain.alarm import Alarm, Priority
from backends.domain.feeds import FeedQuality, Mode
from backends.domain.times import MonotonicClock, SystemClock
from widgets.models.alarm_order import Moves
from widgets.models.city import CityModel
from widgets.sound_voice import ChildVoice

SOUNDS = Path(__file__).resolve().parent.parent / "resources" / "sounds"

_VOICE_AFTER_MS = 800
"""The voice's process starts when the windows have had the processor for their first paint."""

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

    def __init__(
        self,
        city: CityModel,
        *,
        muted: bool = False,
        voice: Voice | None = None,
        mono: MonotonicClock | None = None,
    ) -> None:
        super().__init__()
        self._city = city
        self._mono = mono if mono is not None else SystemClock()
        self._voice: Voice = voice if voice is not None else ChildVoice(SOUNDS)
        self._voice.deviceChanged.connect(self._on_device)
        self._voice.firstSample.connect(self._on_first_sample)
        self._muted = muted
        self._device: str | None = None
        self._known: dict[str, tuple[int, int]] = {}
        """Unacknowledged alarms that have had their tone: id -> (rank, raised)."""
        self._urgent: set[str] = set()
        """Urgent ones that nobody has acknowledged or silenced: while there are any, the tone repeats."""
        self._rank = _QUIET
        """Rank of what sounds now, and until when for tones that end by themselves."""
        self._until_s = 0.0
        self._starting = True
        self._batch_rank = _QUIET
        self._batch_until_s = 0.0
        self._asked: dict[int, float] = {}
        self.latencies_s: deque[float] = deque(maxlen=200)
        """From the drain that brought an alarm to its tone's first sample in the sink."""
        city.alarmsMoved.connect(self._on_moves)
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
    def sounding(self) -> Priority | None:
        """Whose tone sounds now."""
        if self._rank == _QUIET or (self._rank > 0 and self._mono.monotonic_s() >= self._until_s):
            return None
        return next(p for p in Priority if p.rank == self._rank)

    def silence(self) -> None:
        """Stop what sounds now; the alarms stay unacknowledged, and a new one sounds again."""
        self._urgent.clear()
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

    def close(self) -> None:
        """End the voice. Safe to call twice."""
        self._timer.stop()
        self._voice.close()

    # -- deciding ------------------------------------------------------------------------------------

    def _on_moves(self, moves: Moves) -> None:
        # 1. What of this asks for acknowledgement, and what of that is new: raised, raised again, or risen.
        asking = [alarm for alarm in moves.values() if alarm is not None and alarm.unacknowledged]
        new = [alarm for alarm in asking if self._is_new(alarm)]
        for alarm_id in moves:
            self._known.pop(alarm_id, None)
        self._known |= {alarm.id: (alarm.priority.rank, alarm.t_raised_ns) for alarm in asking}
        # 2. An urgent tone ends when the last of its alarms has been acknowledged.
        self._urgent -= moves.keys() - {alarm.id for alarm in asking if alarm.priority is Priority.URGENT}
        self._urgent |= {alarm.id for alarm in new if alarm.priority is Priority.URGENT}
        if self._rank == Priority.URGENT.rank and not self._urgent:
            self._hush()
        # 3. One tone for all that is new: the gravest one's.
        if new:
            self._sound(min(new, key=lambda alarm: alarm.priority.rank).priority)

    def _is_new(self, alarm: Alarm) -> bool:
        before = self._known.get(alarm.id)
        if before is None:
            return True
        rank, t_raised_ns = before
        return alarm.priority.rank < rank or alarm.t_raised_ns > t_raised_ns

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
        self._rank, self._until_s = rank, now_s + pattern.length_s * pattern.times
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

    # -- the voice tells -------------------------------------------------------------------------------

    def _on_device(self, name: str) -> None:
        if name != self._device:
            self._device = name
            self.changed.emit()

    def _on_first_sample(self, number: int, t_s: float) -> None:
        asked_s = self._asked.pop(number, None)
        # Tones that were overtaken never sounded: forget them.
        self._asked = {n: s for n, s in self._asked.items() if n > number}
        if asked_s is not None:
            self.latencies_s.append(max(0.0, t_s - asked_s))


_QUIET = 99
"""Rank of silence."""
