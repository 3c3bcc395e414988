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
import traceback
from pathlib import Path
from typing import Any

from backends.process import child_settings

SETTINGS = child_settings()
os.environ["QT_QPA_PLATFORM"] = SETTINGS["platform"]

from helpers.alarm_eye import AlarmEye, NothingMeasured  # noqa: E402
from PySide6.QtCore import QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from console import app as console_app  # noqa: E402
from console.settings import gui_settings  # noqa: E402
from widgets import sound  # noqa: E402

BLOCK_MS = 250


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
    seen = AlarmEye()
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
        try:
            seen.check(known_visible=len(began["visible"]), known_heard=len(began["heard"]))
        except NothingMeasured:
            traceback.print_exc()
            builder.stop()
            app.exit(1)  # and no result: the bench names what was not measured
            return
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
