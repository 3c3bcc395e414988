"""The GUI process of the alarm bench: the real session builder, alarm list and sixteen live pictures, offscreen.

Settings on stdin: {gui: GuiSettings, platform, warm_s, window_s, result}. Measured are the urgent alarms of the
load: from `t_raised_ns` (the moment at which the world has them, on this machine's clock) to the end of the paint
that shows their row, and to the first sample of the tone in the null sink. The tone is silenced as soon as it has
begun, so that the next alarm has its own.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from backends.process import child_settings

SETTINGS = child_settings()
os.environ["QT_QPA_PLATFORM"] = SETTINGS["platform"]

from PySide6.QtCore import QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from backends.domain.alarm import Priority  # noqa: E402
from console import app as console_app  # noqa: E402
from console.settings import gui_settings  # noqa: E402
from widgets import sound  # noqa: E402
from widgets.models.alarms import ROW_ROLE, AlarmRow  # noqa: E402
from widgets.parts.alarm_rows import AlarmDelegate  # noqa: E402
from widgets.parts.rows import RowList  # noqa: E402
from widgets.tiles.camera import CameraTile  # noqa: E402

BLOCK_MS = 250


class Seen:
    """When each urgent alarm was painted and heard, in seconds since it was raised."""

    def __init__(self) -> None:
        self.visible: dict[str, float] = {}
        self.heard: dict[str, float] = {}
        self.pictures = 0
        self._raised: dict[str, int] = {}
        self._painting: list[Any] = []
        self._new: list[Any] = []
        self._asked: dict[int, Any] = {}
        self._to_wall_ns = time.time_ns() - time.monotonic_ns()

    def install(self) -> None:
        paint, event = AlarmDelegate.paint, RowList.paintEvent

        def painted(this: Any, painter: Any, option: Any, index: Any) -> None:
            paint(this, painter, option, index)
            row = index.data(ROW_ROLE)
            # In an overload a row may stand for several; an urgent one that is new never stands in there.
            if isinstance(row, AlarmRow) and row.alarm.priority is Priority.URGENT and row.alarm.id not in self.visible:
                self._painting.append(row.alarm)

        def event_done(this: Any, paint_event: Any) -> None:
            event(this, paint_event)
            now_ns = time.time_ns()
            for alarm in self._painting:
                self.visible.setdefault(alarm.id, (now_ns - alarm.t_raised_ns) / 1e9)
            self._painting.clear()

        AlarmDelegate.paint, RowList.paintEvent = painted, event_done  # type: ignore[method-assign]
        hear = sound.Annunciator._hear

        def told_new(this: Any, alarm: Any, tone: Priority, *, new: bool) -> list[Priority]:
            if new and alarm.priority is Priority.URGENT:
                self._new.append(alarm)
            return hear(this, alarm, tone, new=new)

        sound.Annunciator._hear = told_new  # type: ignore[method-assign]
        camera = CameraTile.paintEvent

        def picture(this: Any, paint_event: Any) -> None:
            camera(this, paint_event)
            self.pictures += 1

        CameraTile.paintEvent = picture  # type: ignore[method-assign]

    def listen(self, annunciator: Any) -> None:
        play = annunciator._voice.play

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

        annunciator._voice.play = played
        annunciator._voice.firstSample.connect(first)


class Ticks(threading.Thread):
    """The longest times between two passes of the pump, seen from another thread."""

    def __init__(self, pump: Any) -> None:
        super().__init__(daemon=True)
        self._pump = pump
        self.moves: list[float] = []

    def run(self) -> None:
        last = -1
        while True:
            if self._pump.tick_starts != last:
                last = self._pump.tick_starts
                self.moves.append(time.monotonic())
            time.sleep(0.002)


def main() -> None:
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    # No device even where there is one: the sink that counts.
    sound.ChildVoice = functools.partial(sound.ChildVoice, null=True)  # type: ignore[assignment, misc]
    seen = Seen()
    seen.install()
    builder = console_app.SessionBuilder(app, gui_settings(SETTINGS["gui"]))
    seen.listen(builder._sound)
    builder.start()
    ticks = Ticks(builder.pump)
    ticks.start()
    began: dict[str, Any] = {}

    def begin() -> None:
        began.update(s=time.monotonic(), visible=set(seen.visible), heard=set(seen.heard), pictures=seen.pictures)
        QTimer.singleShot(int(SETTINGS["window_s"] * 1000), report)

    def report() -> None:
        seconds = time.monotonic() - began["s"]
        moves = [t for t in ticks.moves if t >= began["s"]]
        gaps = [b - a for a, b in itertools.pairwise(moves)]
        statuses = builder.city.statuses
        result = {
            "visible": [s for key, s in seen.visible.items() if key not in began["visible"]],
            "heard": [s for key, s in seen.heard.items() if key not in began["heard"]],
            "blocks": sum(gap * 1000 > BLOCK_MS for gap in gaps),
            "longest_ms": max(gaps, default=0.0) * 1000,
            "pictures_per_s": (seen.pictures - began["pictures"]) / seconds,
            "per_s": sum(status.per_s for status in statuses.values()),
        }
        path = Path(SETTINGS["result"])
        path.with_suffix(".part").write_text(json.dumps(result))
        path.with_suffix(".part").rename(path)
        builder.stop()
        app.exit(0)

    QTimer.singleShot(int(SETTINGS["warm_s"] * 1000), begin)
    sys.exit(app.exec())


if __name__ == "__main__":
    main()
