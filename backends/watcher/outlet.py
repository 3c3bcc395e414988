"""What one device has said and the hub has not been told yet: bounded, whatever the device sends.

What is told apart: kind, channel, source, topic and instance. Of each only the newest state is kept, how often it has
begun since the hub was told last, and when first. No clock, no thread of its own; a lock, because one thread fills it
and another one empties it. Must not: know what is an alarm.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backends.domain.device import CameraEvent, EventKind
from backends.domain.device_watch import MOST_AGE_S, MOST_TIMES, Flooded, FromWatcher, Noticed, Stood
from backends.domain.times import NS_PER_S

MOST_SLOTS = 512
"""A recorder of 64 channels with five kinds each has 320."""
MOST_ALIKE = 32
"""Instances of one source and topic. Those beyond are told as one: some devices number every object that they see, and
forget to say that it has left."""
MOST_WAITING = 2048
"""Answers that wait while the hub takes none; the oldest go."""
FLOOD_S = 5.0
FLOOD_PER_S = 50
"""More than this over FLOOD_S is a fault of the device: rain on a bad motion detector makes 5 a second."""

_Key = tuple[EventKind, int, str, str, str]


@dataclass(slots=True)
class _Slot:
    state: bool | None = None
    """As the device said it last; None: it has not said, or it only happens."""
    times: int = 0
    t_ns: int = 0
    """When the first of those was."""
    told: bool = True
    """The hub knows all this."""


class Outlet:
    """Of one device."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._lock = threading.Lock()  # guards everything here
        self._slots: dict[_Key, _Slot] = {}
        self._waiting: deque[FromWatcher] = deque(maxlen=MOST_WAITING)
        self._count = 0
        """Messages since `_since_s`, without those that say how things stood."""
        self._first = 0
        """Of the latter, since the watch stands."""
        self._since_s: float | None = None
        self._flooding = True
        """The hub believes so; perhaps of a watch that was before this one."""

    def add(self, event: CameraEvent) -> None:
        """One message of the device."""
        key = (event.kind, event.channel, event.source[:128], event.topic[:128], event.instance[:128])
        with self._lock:
            if event.first and self._first < MOST_SLOTS:
                self._first += 1  # a large recorder has hundreds to say at once
            else:
                self._count += 1
            if event.instance and key not in self._slots:
                alike = [one for one in self._slots if one[:4] == key[:4]]
                if len(alike) >= MOST_ALIKE and not self._make_room(alike):
                    key = (*key[:4], "")
            slot = self._slots.get(key)
            if slot is None:
                if len(self._slots) >= MOST_SLOTS and not self._make_room(self._slots):
                    return  # a flood of invented topics; it is counted, and said
                slot = self._slots[key] = _Slot(told=False)
            if event.first:
                slot.told = slot.told and slot.state is event.active
            elif event.active is None or (event.active and slot.state is not True):
                if not slot.times:
                    slot.t_ns = event.t_ns
                slot.times = min(MOST_TIMES, slot.times + 1)
                slot.told = False
            elif slot.state is not event.active:
                slot.told = False
            slot.state = event.active

    def count(self, messages: int) -> None:
        """So many more came, and were not even read."""
        with self._lock:
            self._count += messages

    def say(self, lost: str) -> None:
        """The watch has been lost, or ("") stands; in its order among the events."""
        with self._lock:
            self._waiting.extend(self._untold(0))
            # What it says first when it stands again is how things are, and not a change.
            self._slots.clear()
            self._first = 0
            self._waiting.append(Stood(self._device, lost[:240]))

    def take(self, now_ns: int, now_s: float) -> list[FromWatcher]:
        """What the hub has to be told. `now_ns`: UTC; `now_s`: monotonic."""
        with self._lock:
            self._waiting.extend(self._untold(now_ns))
            self._look_for_flood(now_s)
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def _untold(self, now_ns: int) -> Iterator[Noticed]:
        for (kind, channel, source, topic, instance), slot in self._slots.items():
            if slot.told:
                continue
            age_s = (now_ns - slot.t_ns) / NS_PER_S if slot.times and now_ns else 0.0
            age_s = age_s if 0.0 <= age_s <= MOST_AGE_S else 0.0
            yield Noticed(self._device, kind, slot.state, slot.times, age_s, channel, source, topic, instance)
            slot.told, slot.times = True, 0

    def _make_room(self, among: Iterable[_Key]) -> bool:
        """Leave out what is over and told."""
        over = [key for key in among if (slot := self._slots[key]).told and slot.state is not True]
        for key in over:
            del self._slots[key]
        return bool(over)

    def _look_for_flood(self, now_s: float) -> None:
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < FLOOD_S:
            return
        per_s = int(self._count / FLOOD_S)
        if per_s > FLOOD_PER_S:
            self._flooding = True
            self._waiting.append(Flooded(self._device, min(MOST_TIMES, per_s)))
        elif self._flooding:
            self._flooding = False
            self._waiting.append(Flooded(self._device, 0))
        self._count, self._since_s = 0, now_s
