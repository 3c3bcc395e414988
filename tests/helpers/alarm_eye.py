"""When each urgent alarm is painted, and heard: seen from outside, by hooks into the real classes.

A hook into a name that has gone, or that nothing calls any more, would measure nothing and look like a program that
shows nothing, or worse, like a fast one: `install` and `check` raise NothingMeasured instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from backends.domain.alarm import Priority
from widgets.models.alarms import ROW_ROLE, AlarmRow
from widgets.parts.alarm_rows import AlarmDelegate
from widgets.parts.rows import RowList
from widgets.sound import Annunciator
from widgets.tiles.camera import CameraTile


class NothingMeasured(Exception):
    """The program is another one than the bench looks into."""


class AlarmEye:
    """Seconds since each urgent alarm was raised, by its id. GUI thread."""

    def __init__(self) -> None:
        self.visible: dict[str, float] = {}
        self.heard: dict[str, float] = {}
        self.pictures = 0
        self.calls: dict[str, int] = {}
        """How often each hook was passed."""
        self._painting: list[Any] = []
        self._new: list[Any] = []
        self._asked: dict[int, Any] = {}
        self._to_wall_ns = time.time_ns() - time.monotonic_ns()

    def install(self, put: Callable[[Any, str, Any], None] = setattr) -> None:
        """Once, before any of these things is made. `put`: a test's `monkeypatch.setattr`."""

        def painted(paint: Any, this: Any, painter: Any, option: Any, index: Any) -> None:
            paint(this, painter, option, index)
            row = index.data(ROW_ROLE)
            # In an overload a row may stand for several; an urgent one that is new never stands in there.
            if isinstance(row, AlarmRow) and row.alarm.priority is Priority.URGENT and row.alarm.id not in self.visible:
                self._painting.append(row.alarm)

        def event_done(event: Any, this: Any, paint_event: Any) -> None:
            event(this, paint_event)
            now_ns = time.time_ns()
            for alarm in self._painting:
                self.visible.setdefault(alarm.id, (now_ns - alarm.t_raised_ns) / 1e9)
            self._painting.clear()

        def told_new(hear: Any, this: Any, alarm: Any, tone: Priority, *, new: bool) -> Any:
            if new and alarm.priority is Priority.URGENT:
                self._new.append(alarm)
            return hear(this, alarm, tone, new=new)

        def picture(camera: Any, this: Any, paint_event: Any) -> None:
            camera(this, paint_event)
            self.pictures += 1

        self._hook(put, AlarmDelegate, "paint", painted)
        self._hook(put, RowList, "paintEvent", event_done)
        self._hook(put, Annunciator, "_hear", told_new)
        self._hook(put, CameraTile, "paintEvent", picture)

    def listen(self, annunciator: Annunciator) -> None:
        """To this one's voice. Each tone is silenced as soon as it has begun, so that the next alarm has its own."""
        voice: Any = annunciator._voice
        play = voice.play

        def played(tone: str, times: int, pause_s: float) -> int:
            number: int = play(tone, times, pause_s)
            if tone == Priority.URGENT.value and self._new:
                # Several in one drain have one tone: the oldest waited longest.
                self._asked[number] = min(self._new, key=lambda alarm: alarm.t_raised_ns)
            self._new.clear()
            return number

        def first(number: int, t_s: float) -> None:
            alarm = self._asked.pop(number, None)
            if alarm is not None:
                self.heard[alarm.id] = (int(t_s * 1e9) + self._to_wall_ns - alarm.t_raised_ns) / 1e9
            annunciator.silence()

        voice.play = played
        voice.firstSample.connect(first)

    def check(self, *, known_visible: int = 0, known_heard: int = 0) -> None:
        """Something was measured since there were so many. Raises NothingMeasured, naming what was not."""
        if idle := [name for name, calls in self.calls.items() if not calls]:
            raise NothingMeasured(f"never called: {', '.join(idle)}")
        for what, found, known in (("seen", self.visible, known_visible), ("heard", self.heard, known_heard)):
            if len(found) <= known:
                raise NothingMeasured(f"no urgent alarm was {what}; calls: {self.calls}")

    def _hook(self, put: Callable[[Any, str, Any], None], owner: type, name: str, around: Callable[..., Any]) -> None:
        real, said = getattr(owner, name, None), f"{owner.__name__}.{name}"
        if real is None:
            raise NothingMeasured(f"there is no {said} any more")
        self.calls[said] = 0

        def passed(*args: Any, **named: Any) -> Any:
            self.calls[said] += 1
            return around(real, *args, **named)

        put(owner, name, passed)
