"""Which cameras the screens of this station show, how those are, and its loudspeaker: put together for the link, which
tells the hub.

Any thread. Must not: keep what a screen that has gone has said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends.domain.camera import Sight
from backends.domain.people import Speaker
from backends.link.loop import Link


class Views:
    """Of one feeder."""

    def __init__(self, link: Callable[[], Link | None]) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._shown: dict[int, frozenset[str]] = {}
        self._sights: dict[int, tuple[Sight, ...]] = {}
        self._speakers: dict[int, Speaker] = {}

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

    def sound(self, screen: int, speaker: Speaker | None) -> None:
        """How a screen's loudspeaker is; None: it has gone, or has none that others are to know of."""
        with self._lock:
            self._speakers.pop(screen, None)
            if speaker is not None:
                self._speakers[screen] = speaker
            told = next((one for one in self._speakers.values() if one.on), next(iter(self._speakers.values()), None))
        if (link := self._link()) is not None:
            link.sound(told)
