"""The GUI process, `python -m console.gui`: Qt's loop around one session. Started by the supervisor only.

Ends with status 0 when it was asked to (exit-after, screenshots done, a termination signal, the parent
gone) and with another one when it fails, so that the supervisor knows what to restart. No exception
vanishes: whatever a slot raises is logged, written to the JSON log and shown as a notice.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from backends.process import child_settings
from console.app import SessionBuilder
from console.events import EventLog
from console.settings import GuiSettings, gui_settings
from console.telling import Teller

_log = logging.getLogger(__name__)


class _Leave(QObject):
    """Ends the loop from any thread. Not `QCoreApplication.quit`: that asks the windows, and a wall's says no."""

    asked = Signal(int)

    def __init__(self, app: QCoreApplication) -> None:
        super().__init__()
        self.asked.connect(app.exit, Qt.ConnectionType.QueuedConnection)


_leave: _Leave | None = None


def main() -> int:
    """Run until asked to stop; the exit status for the supervisor."""
    global _leave  # noqa: PLW0603  # signal handlers and the parent's watcher have no other way to it
    settings = gui_settings(child_settings(on_parent_gone=_ask_to_quit))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    events = EventLog(Path(settings.json_log) if settings.json_log else None, "gui")
    if settings.platform:
        os.environ["QT_QPA_PLATFORM"] = settings.platform  # read by the next line
    app = QApplication([sys.argv[0]])
    app.setApplicationName("ioc-console")
    app.setQuitOnLastWindowClosed(False)
    _leave = _Leave(app)
    builder = SessionBuilder(app, settings)
    _catch_all(events, builder)
    teller = Teller(events, builder.city, builder.wall)
    _quit_on_signals()
    builder.start(
        lambda: events.emit("first_paint", windows=len(builder.wall.windows), alarms=len(builder.city.alarms()))
    )
    _plan_screenshots(settings, builder, events)
    if settings.exit_after_s > 0:
        QTimer.singleShot(round(settings.exit_after_s * 1000), _ask_to_quit)
    status = app.exec()
    builder.stop()
    teller.deleteLater()
    events.emit("gui_stopped", status=status)
    events.close()
    return status


def _plan_screenshots(settings: GuiSettings, builder: SessionBuilder, events: EventLog) -> None:
    """One timer a moment, counted from the first paint; the last picture ends the session (unless --exit-after does).

    A timer for the end beside them would not do: Qt's timers beyond 2 s may be 5 % early, in any order.
    """
    if not settings.screenshot_dir:
        return
    waiting = set(settings.after_s)

    def shoot(after_s: float) -> None:
        waiting.discard(after_s)
        try:
            paths = builder.wall.screenshot(Path(settings.screenshot_dir), f"{after_s:g}s")
        except OSError as error:
            _log.error("screenshot: %s", error)
            QCoreApplication.exit(3)
            return
        events.emit("screenshot", files=[str(path) for path in paths])
        if not waiting and settings.exit_after_s <= 0:
            _ask_to_quit()

    for after_s in settings.after_s:
        QTimer.singleShot(round(after_s * 1000), lambda after_s=after_s: shoot(after_s))


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


def _catch_all(events: EventLog, builder: SessionBuilder) -> None:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log.critical("unexpected error", exc_info=(kind, error, trace))
        events.emit("error", kind=kind.__name__, text=str(error))
        builder.session.notices.post(f"{kind.__name__}: {error}")

    sys.excepthook = hook


if __name__ == "__main__":
    sys.exit(main())
