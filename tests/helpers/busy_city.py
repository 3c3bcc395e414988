"""The tiny city under load: so many things happen a second, each at its own moment, the same in every hub.

Every twentieth is an alarm that returns two seconds later (so `alarms` and `timeline` move too), the others
are moves of a hundred indicators. What happened up to a moment can be computed: see `raised_until`.
"""

from __future__ import annotations

from collections.abc import Iterator

from helpers.tiny_city import TinyCity

from backends.domain.alarm import Priority
from backends.domain.indicator import Indicator
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition, IndicatorMoved, WorldEvent

ALARM_EVERY = 20
LASTS_S = 2


class BusyCity(TinyCity):
    """`rate` messages a second, alarms and their timeline events included, roughly."""

    def __init__(self, start_ns: int, *, rate: float = 1000.0, past_s: int = 60) -> None:
        super().__init__(start_ns, past_s=past_s)
        # An alarm makes four messages: raised and returned, each with its timeline event.
        self._step_ns = int(NS_PER_S / rate * (1 + 3 / ALARM_EVERY))
        self._n = 0

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        events = list(super().until(t_ns))
        while (at_ns := self._start_ns + (self._n + 1) * self._step_ns) <= t_ns:
            self._n += 1
            events += self._event(self._n, at_ns)
        return iter(sorted(events, key=lambda e: e.t_ns))

    def _event(self, n: int, t_ns: int) -> list[WorldEvent]:
        if n % ALARM_EVERY:
            return [IndicatorMoved(t_ns, Indicator(f"busy-{n % 100}", "health", LocalText("Số"), float(n), t_ns))]
        events: list[WorldEvent] = [Condition(f"busy-{n}", t_ns, True, Priority.HIGH, LocalText(f"Việc {n}"))]
        over = n - LASTS_S * NS_PER_S // self._step_ns // ALARM_EVERY * ALARM_EVERY
        if over > 0:
            events.append(Condition(f"busy-{over}", t_ns, False))
        return events
