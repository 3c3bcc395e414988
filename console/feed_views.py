"""Which cameras the screens of this station show, and how those are: put together for the link, which tells the hub.

Any thread. Must not: keep what a screen that has gone has said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends.domain.camera import Sight
from backends.link.loop import Link


class Views:
    """Of one feeder."""

    def __init__(self, link: Callable[[], Link | None]) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._shown: dict[int, frozenset[str]] = {}
        self._sights: dict[int, tuple[Sight, ...]] = {}

    def show(self, screen: int, cameras: frozenset[str]) -> None:
        """What a screen shows now."""
        with self._lock:
            self._shown[screen] = cameras
            self._shown = {number: shown for number, shown in self._shown.items() if shown}
            shown = frozenset().union(*self._shown.values())
        if (link := self._link()) is not None:
            link.show(shown)

    def sees(self, screen: int, sights: tuple[Sight, ...]) -> None:
        """How the cameras on a screen are; where two screens show one, a picture counts before none."""
        with self._lock:
            self._sights[screen] = sights
            self._sights = {number: seen for number, seen in self._sights.items() if seen}
            told = sorted((one for seen in self._sights.values() for one in seen), key=lambda one: one.online)
        if (link := self._link()) is not None:
            link.sees(tuple({one.camera: one for one in told}.values()))
