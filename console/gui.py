"""The GUI process, `python -m console.gui`: Qt's loop around one session. Started by the supervisor only.

Ends with status 0 when it was asked to (exit-after, screenshots done, a termination signal, the parent
gone) and with another one when it fails, so that the supervisor knows what to restart. Its loop beats
twice a second; with the beat goes what the screen wants to find again after a crash. No exception vanishes
(`console.faults`), and no block of this loop does (`console.block_meter`).
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from backends.process import BEAT_S, beat, child_settings, keep, told
from console.app import SessionBuilder
from console.block_meter import BlockMeter
from console.crash import CrashReports, Ending
from console.events import EventLog, box_file
from console.faults import Faults
from console.settings import GuiSettings, gui_settings
from console.telling import Teller
from widgets.windows.screenshots import Screenshots

_log = logging.getLogger(__name__)


class _Leave(QObject):
    """Ends the loop from any thread. Not `QCoreApplication.quit`: that asks the windows, and a wall's says no."""

    asked = Signal(int)

    def __init__(self, app: QCoreApplication) -> None:
        super().__init__()
        self.asked.connect(app.exit, Qt.ConnectionType.QueuedConnection)


class _Relay(QObject):
    """Brings sentences of any thread to the notices."""

    said = Signal(str)

    def __init__(self, builder: SessionBuilder) -> None:
        super().__init__()
        self.said.connect(builder.session.notices.post, Qt.ConnectionType.QueuedConnection)


class _Beats(QObject):
    """Tells the supervisor, from this loop, that the loop turns, and what to give back after a crash."""

    def __init__(self, builder: SessionBuilder) -> None:
        super().__init__()
        self._memory = builder.session.memory
        self._memory.changed.connect(self._on_change)
        self._changed = True
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._beat)
        self._timer.start(round(BEAT_S * 1000))
        self._beat()

    def stop(self) -> None:
        self._timer.stop()

    def _on_change(self) -> None:
        self._changed = True

    def _beat(self) -> None:
        beat()
        if self._changed and keep(json.dumps(self._memory.all())):
            self._changed = False


_leave: _Leave | None = None


def main() -> int:
    """Run until asked to stop; the exit status for the supervisor."""
    global _leave  # noqa: PLW0603  # signal handlers and the parent's watcher have no other way to it
    settings = gui_settings(child_settings(on_parent_gone=_ask_to_quit))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    log = Path(settings.json_log) if settings.json_log else None
    data_dir = Path(settings.data_dir)
    events = EventLog(log, "gui", box_file(data_dir))
    crashes = CrashReports(data_dir, [*([log] if log is not None else []), box_file(data_dir)])
    if settings.platform:
        os.environ["QT_QPA_PLATFORM"] = settings.platform  # read by the next line
    app = QApplication([sys.argv[0]])
    app.setApplicationName("ioc-console")
    app.setQuitOnLastWindowClosed(False)
    _leave = _Leave(app)
    builder = SessionBuilder(app, settings, told())
    relay = _Relay(builder)
    faults = Faults(events, relay.said.emit)
    faults.install()
    meter = BlockMeter(events)
    builder.pump.picturePass.connect(meter.tick)
    builder.voice.childEnded.connect(
        lambda pid, rc, lived_s, hung: crashes.ended(
            Ending("sound", pid, rc, lived_s, hung, log=data_dir / "logs" / "gui.log")
        )
    )
    crashes.start()
    teller = Teller(events, builder.city, builder.wall)
    _quit_on_signals()
    builder.start(
        lambda: events.emit("first_paint", windows=len(builder.wall.windows), alarms=len(builder.city.alarms()))
    )
    shots = _plan_screenshots(settings, builder, events)
    if settings.exit_after_s > 0:
        QTimer.singleShot(round(settings.exit_after_s * 1000), _ask_to_quit)
    beats = _Beats(builder)
    meter.start()
    status = app.exec()
    meter.stop()
    beats.stop()
    shots.close()
    builder.stop()
    teller.deleteLater()
    crashes.stop()
    events.emit("gui_stopped", status=status, errors=faults.count)
    events.close()
    return status


def _plan_screenshots(settings: GuiSettings, builder: SessionBuilder, events: EventLog) -> Screenshots:
    """One timer a moment, counted from the first paint; the last picture that is written ends the session (unless
    --exit-after does).

    A timer for the end beside them would not do: Qt's timers beyond 2 s may be 5 % early, in any order.
    """
    shots = Screenshots(lambda: builder.wall.windows)
    folder, waiting = Path(settings.screenshot_dir), set(settings.after_s if settings.screenshot_dir else ())

    def on_saved(after_s: float, paths: list[Path]) -> None:
        events.emit("screenshot", files=[str(path) for path in paths])
        waiting.discard(after_s)
        if not waiting and settings.exit_after_s <= 0:
            _ask_to_quit()

    def on_failed(why: str) -> None:
        _log.error("screenshot: %s", why)
        QCoreApplication.exit(3)

    shots.saved.connect(on_saved)
    shots.failed.connect(on_failed)
    for after_s in sorted(waiting):
        QTimer.singleShot(round(after_s * 1000), lambda after_s=after_s: shots.take(folder, after_s))
    return shots


def _ask_to_quit() -> None:
    """From any thread."""
    if _leave is None:
        os._exit(0)
    _leave.asked.emit(0)


def _quit_on_signals() -> None:
    # Python runs its handlers between byte codes: the pump's timer gives it that chance 50 times a second.
    def stop(_number: int, _frame: object) -> None:
        _ask_to_quit()

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main())
