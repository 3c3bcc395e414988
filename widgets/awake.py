"""The display never sleeps while this program is on duty: asks the system, and gives the wish back at exit.

Windows: SetThreadExecutionState. Linux: `org.freedesktop.ScreenSaver.Inhibit` on the session bus, and the
XScreenSaver extension under X11. All of Linux runs in a thread of its own, the bus over a plain Python
socket: QtDBus holds the interpreter for as long as a bus does not answer (PySide 6.11, seen with a bus
that accepts and stays silent), and a hung session must not hang the wall. Shows nothing; says once in the
log what it could do.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
import sys
import threading
from contextlib import ExitStack
from typing import Any

from PySide6.QtGui import QGuiApplication

_log = logging.getLogger(__name__)

_BUS_TIMEOUT_S = 5.0
_NAME, _WHY = "IOC console", "operators watch this screen"
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED, _ES_DISPLAY_REQUIRED = 0x80000000, 0x1, 0x2


class KeepAwake:
    """`start` and `stop` from the GUI thread; both return at once."""

    def __init__(self, platform: str | None = None) -> None:
        """`platform`: Qt's platform name; None = the running application's."""
        self._platform = platform
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = "not asked"
        """What holds the display awake, in words for the log and the system view."""

    def start(self) -> None:
        """Ask the system; what came of it stands in `state` a moment later and once in the log."""
        if sys.platform == "win32":
            self._ask_windows()
            return
        platform = self._platform or QGuiApplication.platformName()
        if platform not in ("xcb", "wayland"):
            self._tell(f"nothing to ask: the {platform} platform has no screen saver")
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._hold, args=(platform,), name="awake", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the wish back; waits for at most a second. Safe to call twice."""
        if sys.platform == "win32":
            ctypes.windll.kernel32.SetThreadExecutionState(_ES_CONTINUOUS)
            return
        self._stop.set()
        if self._thread is not None:
            # The system forgets the wish anyway when the connection ends with the process.
            self._thread.join(1.0)
            self._thread = None

    # -- Windows ------------------------------------------------------------------------------------

    def _ask_windows(self) -> None:
        if sys.platform == "win32":
            wish = _ES_CONTINUOUS | _ES_SYSTEM_REQUIRED | _ES_DISPLAY_REQUIRED
            held = ctypes.windll.kernel32.SetThreadExecutionState(wish) != 0
            self._tell("held awake by Windows" if held else "Windows refuses to keep the display awake")

    # -- Linux, in the thread -------------------------------------------------------------------------

    def _hold(self, platform: str) -> None:
        with ExitStack() as held:
            told = []
            for name, ask in (("the session bus", _inhibit_on_bus), ("X11", _suspend_x11)):
                if name == "X11" and platform != "xcb":
                    continue
                try:
                    ask(held)
                except Exception as error:  # noqa: BLE001  # each way fails in its own library's ways
                    _log.debug("display cannot be held awake by %s: %s", name, error)
                else:
                    told.append(name)
            self._tell(
                f"held awake by {' and '.join(told)}"
                if told
                else "cannot be held awake here: switch the screen saver off in the system's settings"
            )
            self._stop.wait()

    def _tell(self, state: str) -> None:
        self.state = state
        _log.info("display: %s", state)


def _inhibit_on_bus(held: ExitStack) -> None:
    """org.freedesktop.ScreenSaver, as GNOME, KDE, Xfce and others answer it; ends with the connection."""
    from jeepney import DBusAddress, MessageType, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    connection = open_dbus_connection(bus="SESSION")
    held.callback(connection.close)
    saver = DBusAddress(
        "/org/freedesktop/ScreenSaver", bus_name="org.freedesktop.ScreenSaver", interface="org.freedesktop.ScreenSaver"
    )
    reply: Any = connection.send_and_get_reply(
        new_method_call(saver, "Inhibit", "ss", (_NAME, _WHY)), timeout=_BUS_TIMEOUT_S
    )
    if reply.header.message_type is not MessageType.method_return:
        raise RuntimeError(f"the screen saver answers {reply.body}")
    cookie = reply.body[0]
    held.callback(lambda: connection.send(new_method_call(saver, "UnInhibit", "u", (cookie,))))


def _suspend_x11(held: ExitStack) -> None:
    """XScreenSaverSuspend: screen saver and DPMS rest for as long as this connection wants it."""
    x11, xss = _library("X11"), _library("Xss")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if not display:
        raise RuntimeError("no X display")
    held.callback(x11.XCloseDisplay, display)
    event, error = ctypes.c_int(), ctypes.c_int()
    if not xss.XScreenSaverQueryExtension(display, ctypes.byref(event), ctypes.byref(error)):
        raise RuntimeError("this X server has no screen saver extension")
    xss.XScreenSaverSuspend(display, 1)
    x11.XFlush(display)
    held.callback(x11.XFlush, display)
    held.callback(xss.XScreenSaverSuspend, display, 0)


def _library(name: str) -> ctypes.CDLL:
    # The usual name first: find_library starts compilers and caches to find the rest.
    usual = {"X11": "libX11.so.6", "Xss": "libXss.so.1"}[name]
    try:
        return ctypes.CDLL(usual)
    except OSError:
        found = ctypes.util.find_library(name)
        if found is None:
            raise
        return ctypes.CDLL(found)
