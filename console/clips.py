"""Keeps the demo's street scenes drawn: a service of the supervisor, for as long as the session.

The city draws them (`python -m backends.city.scenes`, a child, with the lowest priority for what no screen
waits for): first those of the layout that opens, whose windows wait for them at the first start; then, before
anything else, whatever a screen asks for; then those of the other layouts; and of all other cameras one still each,
which the hub's sweep makes the small pictures of lists from. What cannot be drawn is named once and left out.
Must not: draw, or know how a clip looks inside.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from backends.city.cameras import eyes, turning
from backends.city.scenes import clip_path, still_path
from backends.process import start_child, stop_child
from backends.video.scene_head import at_home
from console.crash import CrashReports, Ending
from console.events import EventLog
from console.screens import VirtualScreen
from layouts.geometry import plan_windows
from layouts.options import SHIPPED_KINDS, CamerasOptions, expand_numbers
from layouts.spec import Layout, Monitor, PanelKind

_log = logging.getLogger(__name__)

BATCH = 6
"""Clips a child draws for what is shown; each takes one to three seconds of a core."""
LATER_BATCH = 2
"""For what is not shown, so that a wish does not wait for long."""
STILLS_BATCH = 8
"""Each takes 0.2 s."""
_LOOK_S = 1.0
_ABANDONED_S = 3600.0
_SCHEME = "scene:"


def cameras_shown(layout: Layout, screens: Sequence[VirtualScreen]) -> tuple[str, ...]:
    """Numbers of the cameras on the screens, in reading order; without virtual screens those of one desk monitor."""
    monitors = [Monitor(s.name, s.x, s.y, s.width, s.height, s.inches, PanelKind(s.kind)) for s in screens] or [
        Monitor("desk", 0, 0, 1920, 1080, 24.0)
    ]
    found: dict[str, None] = {}
    for window in plan_windows(layout, monitors, SHIPPED_KINDS):
        for tile in window.tiles:
            options = tile.options
            if isinstance(options, CamerasOptions):
                found |= dict.fromkeys(expand_numbers(options.numbers))
            elif number := getattr(options, "camera", ""):
                found[number] = None
    return tuple(number for number in found if number.isdecimal())


class ClipMaker:
    """See the module. `first_are_there` and `watch` from the main thread; the drawing has a thread of its own."""

    def __init__(
        self,
        folder: Path,
        weather: str,
        first: Iterable[str],
        others: Iterable[str],
        events: EventLog,
        log: Path | None = None,
        crashes: CrashReports | None = None,
    ) -> None:
        """Raises ValueError for a weather that cannot be drawn."""
        self._folder, self._weather, self._log = folder, weather, log
        self._events, self._crashes = events, crashes
        known = [eye.number for eye in eyes()]
        self.files = {number: str(clip_path(folder, number, weather)) for number in known}
        """Camera number -> its clip, whether it is drawn already or not."""
        self.stills = {number: str(still_path(folder, number, weather)) for number in known}
        """Camera number -> one picture of it, drawn where nothing needs the clip."""
        name = "{number}"
        self.patterns = (str(clip_path(folder, name, weather)), str(still_path(folder, name, weather)))
        """Where the two are, for any {number}; the clip before the still."""
        self._first = [n for n in first if n in self.files]
        self._queue = list(dict.fromkeys(n for n in others if n in self.files))
        self._failed: set[str] = set()
        self._wanted: Callable[[], Iterable[str]] = frozenset
        self._stop = threading.Event()
        self._first_done = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    def watch(self, wanted: Callable[[], Iterable[str]]) -> None:
        """Addresses that screens want; `scene:` ones that are not drawn yet come first."""
        self._wanted = wanted

    def first_are_there(self) -> bool:
        """The clips of the layout that opens are drawn, as far as they can be."""
        return self._first_done.is_set()

    def start(self) -> None:
        """Begin drawing; returns at once."""
        _remove_abandoned(self._folder)
        for number in turning():
            at_home(self._folder, number)
        missing = self._missing(self._first)
        if not missing:
            self._first_done.set()
        else:
            sys.stderr.write(
                f"ioc-console: drawing the pictures of {len(missing)} demo cameras, at the first start only "
                f"(about {2 * len(missing)} s)\n"
            )
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the drawing; what is half drawn is dropped."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10.0)

    def _missing(self, numbers: Iterable[str]) -> list[str]:
        return [n for n in numbers if n not in self._failed and not os.path.exists(self.files[n])]

    def _next(self) -> tuple[list[str], bool]:
        """What clips to draw now, and whether a screen waits for them."""
        asked = (uri.removeprefix(_SCHEME) for uri in self._wanted() if uri.startswith(_SCHEME))
        wishes = self._missing(sorted(n for n in asked if n in self.files)) or self._missing(self._first)
        if wishes:
            return wishes[:BATCH], True
        return self._missing(self._queue)[:LATER_BATCH], False

    def _missing_stills(self) -> list[str]:
        return [n for n in self._missing(self.files) if not os.path.exists(self.stills[n])]

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                batch, awaited = self._next()
                if batch:
                    self._draw(batch, awaited)
                elif batch := self._missing_stills()[:STILLS_BATCH]:
                    self._draw(batch, awaited=False, stills=True)
                if not self._first_done.is_set() and not self._missing(self._first):
                    self._first_done.set()
                    self._events.emit("clips_ready", count=len(self._first))
                if not batch:
                    self._stop.wait(_LOOK_S)
        finally:
            self._first_done.set()  # whatever went wrong here, the windows open

    def _draw(self, batch: list[str], awaited: bool, *, stills: bool = False) -> None:
        began_s = time.monotonic()
        settings = {"folder": str(self._folder), "cameras": batch, "weather": self._weather, "stills": stills}
        try:
            child = start_child("backends.city.scenes", settings, log=self._log)
        except OSError as error:
            _log.warning("the demo's pictures cannot be drawn: %s", error)
            self._failed.update(batch)
            return
        if not awaited:
            _lower_priority(child.pid)
        while child.poll() is None:
            if self._stop.wait(0.1):
                stop_child(child)
                return
        rc = stop_child(child)
        if rc and self._crashes is not None:
            self._crashes.ended(Ending("scenes", child.pid, rc, time.monotonic() - began_s, log=self._log))
        undrawn = [n for n in (self._missing_stills() if stills else self._missing(batch)) if n in batch]
        if undrawn:
            self._failed.update(undrawn)
            _log.warning("no demo pictures for the cameras %s; see %s", ", ".join(undrawn), self._log)


def _remove_abandoned(folder: Path) -> None:
    """Half-drawn files of consoles that were killed; one that is younger may be another console's work."""
    for unfinished in (*folder.glob(".*.part.mp4"), *folder.glob(".*.part.jpg")):
        try:
            if time.time() - unfinished.stat().st_mtime > _ABANDONED_S:
                unfinished.unlink()
        except OSError as error:
            _log.debug("half-drawn clip: %s", error)


def _lower_priority(pid: int) -> None:
    """Drawing for later takes what the wall leaves. psutil's name of the value differs by system."""
    try:
        psutil.Process(pid).nice(getattr(psutil, "IDLE_PRIORITY_CLASS", 19))
    except psutil.Error as error:
        _log.debug("priority of the drawing: %s", error)
