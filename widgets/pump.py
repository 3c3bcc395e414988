"""The one door into the GUI thread: a single timer for pictures and data.

Every pass (display rate, 30 to 60 Hz): tiles that show pictures look for a newer one and repaint only
then. The inbox is drained at every pass too, but what is not precious waits for the 10 Hz data drain;
alarms, reports and actions are applied on the pass at which they arrive. Once a second, on the second
of the session clock, ages and clocks are repainted.
"""

from __future__ import annotations

import math
from itertools import pairwise

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from backends.domain.access import AccessAnswer, AccountsTold, Grant, Revealed
from backends.domain.action import ActionStatus
from backends.domain.feeds import FEEDS
from backends.domain.ports import Changes, Delivery, Inbox
from backends.domain.times import NS_PER_S, MonotonicClock, SessionClock
from backends.domain.turning import TurnStatus
from widgets.models.city import LOCAL_FEED, CityModel

PASS_MS = 20
"""50 Hz: every frame of a 25 fps camera is met within 20 ms, at half the wake-ups of 100 Hz."""
DATA_S = 0.1
BLINK_S = 0.5
_MOST_TICKS = 1000
"""Nobody has asked for them in 20 s: they are of no use any more."""


def is_precious(delivery: Delivery) -> bool:
    """Goes to the screen on the next pass instead of the next data drain."""
    if isinstance(delivery, Changes):
        return delivery.feed == LOCAL_FEED or FEEDS[delivery.feed].precious
    # A lock and what a person waits for at the keyboard are shown at once, too.
    return isinstance(delivery, ActionStatus | Grant | AccessAnswer | Revealed | AccountsTold | TurnStatus)


class Pump(QObject):
    """Owns the timer. Tiles connect to its signals; nobody else polls."""

    picturePass = Signal()
    """Every pass: repaint what has a newer picture."""
    secondPassed = Signal()
    """Once each second of the session clock (in a fast scenario: once each real second)."""
    blinkChanged = Signal(bool)
    """1 Hz square wave for unacknowledged symbols; True = bright half."""

    def __init__(self, inbox: Inbox, city: CityModel, clock: SessionClock, mono: MonotonicClock) -> None:
        super().__init__()
        self._inbox, self._city, self._clock, self._mono = inbox, city, clock, mono
        self._waiting: list[Delivery] = []
        self._last_data_s = 0.0
        self._last_second = -1
        self._last_second_mono = 0.0
        self._bright = True
        self._ticks_s: list[float] = []
        """Starts of the passes since they were asked for."""
        self.tick_starts = 0
        """Passes so far; the benchmark's and the watchdog's outside view of this loop."""
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(PASS_MS)
        self._timer.timeout.connect(self.run_pass)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def run_pass(self) -> None:
        """One pass. Public, so that tests step it by hand."""
        self.tick_starts += 1
        self._ticks_s.append(self._mono.monotonic_s())
        if len(self._ticks_s) > _MOST_TICKS:
            del self._ticks_s[:-1]
        self.picturePass.emit()
        now_s = self._mono.monotonic_s()
        self._waiting += self._inbox.drain()
        due = now_s - self._last_data_s >= DATA_S
        # Order inside a feed must hold, so a precious delivery takes along all that came before it.
        if self._waiting and (due or any(is_precious(d) for d in self._waiting)):
            batch, self._waiting = self._waiting, []
            self._city.apply(batch)
        if due:
            self._last_data_s = now_s
        self._tell_time(now_s)

    def tick_p99_ms(self) -> float:
        """99th percentile of the time between two passes since the last call; 0 = there were none."""
        starts = self._ticks_s
        gaps = sorted(after - before for before, after in pairwise(starts))
        self._ticks_s = starts[-1:]
        return gaps[math.ceil(0.99 * len(gaps)) - 1] * 1000.0 if gaps else 0.0

    def _tell_time(self, now_s: float) -> None:
        second = self._clock.now_ns() // NS_PER_S
        elapsed = now_s - self._last_second_mono
        if elapsed >= 1.0 or (second != self._last_second and elapsed >= 0.5):
            self._last_second, self._last_second_mono = second, now_s
            self.secondPassed.emit()
        bright = int(now_s / BLINK_S) % 2 == 0
        if bright is not self._bright:
            self._bright = bright
            self.blinkChanged.emit(bright)
