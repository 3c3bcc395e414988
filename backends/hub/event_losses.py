"""Alarms that say that nobody listens to cameras, or that one of them shouts.

- `unwatched:cam-014`: no watch of that device has stood for the time that the rules name; one alarm a device, also of
  a recorder with sixty-four cameras. It ends when the watch stands.
- `unwatched`: the watcher itself is away, or keeps dying: no camera's events are watched. Until it has lived for
  GOOD_S no device is blamed.
- `flooded:cam-014`: it sends more than can be meant.

Pure: monotonic seconds and UTC nanoseconds are arguments. One thread. Must not: start anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from backends.domain.alarm import Alarm, Priority
from backends.domain.camera import Camera
from backends.domain.text import LocalText
from backends.domain.world import Condition
from backends.hub import event_words as words
from backends.hub.event_alarms import Watched, condition
from backends.hub.event_rules import Rules

NOWHERE = "unwatched"
LOST = "unwatched:"
FLOOD = "flooded:"
PREFIXES = (NOWHERE, FLOOD)
"""Of the keys, for `AlarmEngine.told`; the first is that of LOST too."""
ABSENT_S = 90.0
"""Longer than GOOD_S: one death alone is no alarm."""
GOOD_S = 60.0
NOT_STARTED = LocalText("chương trình theo dõi sự kiện không chạy", "the program that watches events does not run")
DIES = LocalText("chương trình theo dõi sự kiện cứ bị dừng", "the program that watches events keeps ending")


@dataclass(slots=True)
class _Device:
    lost_s: float | None
    """Since when it is not watched; None: it is."""
    why: str = ""
    said: str = ""
    """The same, as it was told last."""
    alarm: bool = False
    flood: bool = False


class EventLosses:
    """Give it what comes, and take `conditions`."""

    def __init__(self, standing: Mapping[str, Alarm], now_s: float) -> None:
        """`standing`: what `AlarmEngine.told` knows of keys that begin with one of PREFIXES."""
        on = {key for key, alarm in standing.items() if alarm.active and not alarm.t_clear_ns}
        self._restored = on
        self._nowhere = NOWHERE in on
        self._devices: dict[str, _Device] = {}
        self._cameras: Mapping[str, Camera] = {}
        self._watched: Mapping[str, Watched] = {}
        self._rules = Rules()
        self._ill_s: float | None = now_s
        """Since when the watcher is away, or not yet to be trusted."""
        self._began_s: float | None = None
        self._deaths = 0
        self._conditions: list[Condition] = []

    def plan(
        self, cameras: Mapping[str, Camera], devices: Mapping[str, Watched], rules: Rules, now_ns: int, now_s: float
    ) -> None:  # fmt: skip
        """What there is now. Of devices that are not watched any more nothing is said."""
        self._cameras, self._watched, self._rules = cameras, devices, rules
        for name in devices.keys() - self._devices.keys():
            known = _Device(now_s, alarm=LOST + name in self._restored, flood=FLOOD + name in self._restored)
            self._devices[name] = known
        for name in self._devices.keys() - devices.keys():
            gone = self._devices.pop(name)
            self._restored -= {LOST + name, FLOOD + name}
            self._clear(gone, name, now_ns, lost=True, flood=True)
        # Of devices that went away while no hub ran.
        for key in [k for k in self._restored if ":" in k and k.partition(":")[2] not in devices]:
            self._restored.discard(key)
            self._conditions.append(Condition(key, now_ns, False))

    # --- what it is told -------------------------------------------------------------------------

    def began(self, now_s: float) -> None:
        """The watcher runs."""
        self._began_s = now_s
        if not self._deaths:
            self._ill_s = None

    def ended(self, now_s: float) -> None:
        """It does not any more."""
        self._deaths += 1
        self._began_s = None
        if self._ill_s is None:
            self._ill_s = now_s
        for device in self._devices.values():
            device.lost_s = now_s if device.lost_s is None else device.lost_s

    def stood(self, name: str, lost: str, now_ns: int, now_s: float) -> None:
        """The watch of a device has been lost, or ("") stands."""
        device = self._devices.get(name)
        if device is None:
            return
        if lost:
            device.lost_s = now_s if device.lost_s is None else device.lost_s
            device.why = words.plain(lost, 120)
            return
        device.lost_s, device.why = None, ""
        self._clear(device, name, now_ns, lost=True)

    def flooded(self, name: str, per_s: int, now_ns: int) -> None:
        """A device sends so many messages a second; 0: no longer too many."""
        device = self._devices.get(name)
        if device is None:
            return
        if per_s:
            device.flood = True
            cameras = self._of(name)
            if cameras:
                said = words.flooded(cameras), words.per_second(per_s)
                self._conditions.append(condition(FLOOD + name, now_ns, cameras, Priority.LOW, *said))
        else:
            self._clear(device, name, now_ns, flood=True)

    def tick(self, now_ns: int, now_s: float) -> None:
        """Once a second."""
        if self._ill_s is not None and self._began_s is not None and now_s - self._began_s >= GOOD_S:
            self._ill_s, self._deaths = None, 0
        if not self._devices:  # there is nothing to watch
            self._deaths, self._ill_s = 0, now_s if self._began_s is None else None
        if self._nowhere and (self._ill_s is None or not self._devices):
            self._nowhere = False
            self._conditions.append(Condition(NOWHERE, now_ns, False))
        elif self._ill_s is not None and now_s - self._ill_s >= ABSENT_S and not self._nowhere:
            self._nowhere = True
            why = DIES if self._deaths else NOT_STARTED
            self._conditions.append(
                Condition(NOWHERE, now_ns, True, Priority.HIGH, words.NOWHERE, why, source="camera")
            )
        for name, device in self._devices.items():
            if device.lost_s is None:
                continue
            if self._ill_s is not None and not device.alarm:
                device.lost_s = now_s  # the watcher is to blame, which has its own alarm
            elif now_s - device.lost_s >= self._rules.lost_after_s or device.alarm:
                self._raise(name, device, now_ns)

    def _raise(self, name: str, device: _Device, now_ns: int) -> None:
        cameras = self._of(name)
        if not cameras or (device.alarm and device.said == device.why):
            return
        device.alarm, device.said = True, device.why
        said = words.unwatched(cameras), words.why(device.why)
        lost = condition(LOST + name, now_ns, cameras, self._rules.lost_priority, *said)
        # Where the watcher itself is away, that is the one alarm.
        self._conditions.append(msgspec.structs.replace(lost, parent=NOWHERE))

    def take(self) -> list[Condition]:
        """For the engine, in their order."""
        taken, self._conditions = self._conditions, []
        return taken

    # --- how it says it --------------------------------------------------------------------------

    def _of(self, name: str) -> list[Camera]:
        return [self._cameras[id_] for id_ in self._watched[name].cameras if id_ in self._cameras]

    def _clear(self, device: _Device, name: str, now_ns: int, *, lost: bool = False, flood: bool = False) -> None:
        if lost and device.alarm:
            device.alarm = False
            self._conditions.append(Condition(LOST + name, now_ns, False))
        if flood and device.flood:
            device.flood = False
            self._conditions.append(Condition(FLOOD + name, now_ns, False))
