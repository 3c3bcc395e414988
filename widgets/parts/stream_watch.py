"""What only the GUI knows, told to the desk of streams: the directory, how late the passes are, where alarms are.

Must not: decide what is left out, or show it.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from backends.domain.ports import StreamDesk
from backends.domain.text import LocalText
from widgets.models.city import CityModel
from widgets.pump import Pump


def keep_told(city: CityModel, streams: StreamDesk) -> None:
    """The directory, now and whenever it changes."""

    def tell(changed: frozenset[str]) -> None:
        if "cameras" in changed:
            streams.set_cameras(city.records("cameras").values())

    tell(frozenset({"cameras"}))
    city.feedsChanged.connect(tell)


class StreamWatch(QObject):
    """Once a second: how it feels here, and what is left out because of it."""

    def __init__(
        self, streams: StreamDesk, city: CityModel, pump: Pump, on_standing: Callable[[LocalText | None], None]
    ) -> None:
        """`on_standing`: hears what is left out on this wall, whenever that changes."""
        super().__init__()
        self._streams, self._city, self._pump, self._on_standing = streams, city, pump, on_standing
        self._standing: LocalText | None = None
        keep_told(city, streams)
        pump.secondPassed.connect(self._feel)

    def _feel(self) -> None:
        alarmed = frozenset(self._city.book.cameras())
        self._streams.feel(self._pump.tick_p99_ms(), alarmed)
        standing = self._streams.standing
        if standing != self._standing:
            self._standing = standing
            self._on_standing(standing)
