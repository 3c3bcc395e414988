"""How a person or the system asks the supervisor to end: signals on POSIX, console events on Windows."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_WINDOWS_GRACE_S = 4.5
"""Windows ends a console program 5 s after its window was closed."""


class StopSignals:
    """While entered, SIGINT, SIGTERM, SIGHUP (POSIX), Ctrl-Break and the console's close (Windows) call `ask`.

    Main thread only. `ask` runs in a signal handler or a thread of the system, and must only put something
    on a queue.
    """

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask
        self._before: dict[int, Any] = {}
        self._stopped = threading.Event()
        self._console_handler: Any = None

    def __enter__(self) -> StopSignals:
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, self._on_signal)
        self._watch_windows_console(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch_windows_console(False)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def stopped(self) -> None:
        """All is down: a waiting close of the console window may go on."""
        self._stopped.set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._ask(signal.Signals(number).name)

    def _watch_windows_console(self, on: bool) -> None:
        if sys.platform != "win32":
            return
        import ctypes

        if on:

            def handler(event: int) -> bool:
                if event not in (2, 5, 6):  # CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT
                    return False
                self._ask("the console window was closed")
                self._stopped.wait(_WINDOWS_GRACE_S)
                return True

            self._console_handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(handler)
        ctypes.windll.kernel32.SetConsoleCtrlHandler(self._console_handler, on)
