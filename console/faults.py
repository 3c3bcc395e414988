"""No exception vanishes in the GUI process: hooks for the main thread, slots, other threads, what cannot be
raised, and Qt's own messages. Each is logged with its stack, counted, told to the JSON log, and the first
of a kind is shown as a notice. The GUI's own module: other children log theirs (`backends.process`).
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from console.events import EventLog

_log = logging.getLogger(__name__)
_qt_log = logging.getLogger("qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_FRAMES = 30


class Faults:
    """Installed once. `notice` must be safe from any thread."""

    def __init__(self, events: EventLog, notice: Callable[[str], None]) -> None:
        self._events, self._notice = events, notice
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self.count = 0
        """Uncaught exceptions and grave messages of Qt; a soak wants none."""

    def install(self) -> None:
        sys.excepthook = self._uncaught
        threading.excepthook = self._in_thread
        sys.unraisablehook = self._unraisable
        qInstallMessageHandler(self._qt)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._tell(kind, error, trace, "main")

    def _in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            name = args.thread.name if args.thread is not None else "?"
            self._tell(args.exc_type, args.exc_value, args.exc_traceback, name)

    def _unraisable(self, args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            self._tell(args.exc_type, args.exc_value, args.exc_traceback, str(args.err_msg or args.object))

    def _qt(self, kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        _qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s", message)
        if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
            self._count()
            self._events.emit("error", kind="Qt", text=message, where=context.category or "")

    def _tell(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None, where: str) -> None:
        self._count()
        _log.critical("unexpected error (%s)", where, exc_info=(kind, error, trace))
        stack = [line.rstrip() for line in traceback.format_tb(trace)[-_FRAMES:]]
        self._events.emit("error", kind=kind.__name__, text=str(error), where=where, stack=stack)
        words = f"{kind.__name__}: {error}"
        with self._lock:
            first = words not in self._seen and len(self._seen) < 100
            self._seen.add(words)
        if first:  # a fault at each of fifty passes a second must not hold the line of notices
            self._notice(words)

    def _count(self) -> None:
        with self._lock:
            self.count += 1
