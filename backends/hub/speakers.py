"""Which loudspeakers are there: what stations say in HELLO, on the feed `stations` for as long as they are heard of.

Consoles ping every second: whoever says nothing for SILENT_S may be gone, and then the others of its room must sound.
Must not: decide who sounds; each console does, by the same rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from backends.domain.people import Speaker, Station
from backends.hub.core import Core

SILENT_S = 4.0
ROOM_MOST = 40
"""Characters of a room's name."""


class Speakers:
    """Of one hub. One thread."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = monotonic_s
        self._said: dict[str, Speaker] = {}

    def hello(self, station: str, speaker: Speaker | None) -> None:
        """A HELLO of this hub's mode. What it says is in the record at the next `turn`: a row a second at the most."""
        if speaker is None or not 0 < len(speaker.room) <= ROOM_MOST:
            self._said.pop(station, None)
        else:
            self._said[station] = speaker

    def turn(self, core: Core, heard_s: Callable[[str], float], now_ns: int) -> None:
        """Into the records; once a second. `heard_s`: when a station has sent anything last."""
        old_s = self._now_s() - SILENT_S
        records: dict[str, Station] = core.records("stations")
        known = {id_ for id_, record in records.items() if record.speaker is not None}
        for station in sorted(known | self._said.keys()):
            said = self._said.get(station) if heard_s(station) >= old_s else None
            record = records.get(station) or Station(station, station)
            if record.speaker != said:
                core.put("stations", msgspec.structs.replace(record, speaker=said), now_ns)
