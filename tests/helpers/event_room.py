"""The rules of events as alarms, with a clock of the test's own and the engine beside, as the hub has it."""

from __future__ import annotations

from collections.abc import Mapping

from backends.domain.alarm import Alarm
from backends.domain.camera import Camera
from backends.domain.device import EventKind
from backends.domain.device_watch import Noticed
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub.engine import AlarmEngine
from backends.hub.event_alarms import EventAlarms, Watched
from backends.hub.event_rules import Rules, read, shipped

T0 = 1_795_800_000 * NS_PER_S  # 00:20 in the site's zone
KEY = "event:cam-014:intrusion"
GATE = Camera("cam-014", "014", LocalText("Cổng"), (), area_id="p1", t_state_ns=1)
RULES = b"""
[[rule]]
dead_s = 60
off_delay_s = 10
"""


class Room:
    """Alarms of one camera; the engine beside, as the hub has it."""

    def __init__(
        self, rules: bytes = RULES, standing: Mapping[str, Alarm] | None = None, memory: str = ""
    ) -> None:  # fmt: skip
        self.now_s = 0.0
        self.engine = AlarmEngine((standing or {}).values())
        self.alarms = EventAlarms(standing or {}, T0, 0.0, memory)
        self.cameras = {"cam-014": GATE}
        self.devices = {"cam-014": Watched(("cam-014",))}
        self.rules(rules)
        self.log: list[tuple[float, bool, int]] = []
        """(when, begins or goes on, times) of each condition."""

    def after(self) -> Room:
        """A hub that goes on with this one's log and memory."""
        return Room(RULES, self.engine.standing("event:"), self.alarms.memory())

    def rules(self, text: bytes) -> None:
        rules, faults = read(text, shipped())
        assert not faults
        self.plan(rules)

    def plan(self, rules: Rules) -> None:
        self.alarms.plan(self.cameras, self.devices, rules)
        self._rules = rules

    @property
    def now_ns(self) -> int:
        return T0 + int(self.now_s * NS_PER_S)

    def to(self, seconds: float) -> None:
        while self.now_s < seconds:
            self.now_s = min(seconds, self.now_s + 1.0)
            self.alarms.tick(self.now_ns, self.now_s)
            self._take()

    def says(
        self, active: bool | None, times: int = 0, kind: EventKind = EventKind.INTRUSION, source: str = "",
        instance: str = "",
    ) -> None:  # fmt: skip
        told = Noticed("cam-014", kind, active, times, source=source, topic="X", instance=instance)
        self.alarms.noticed(told, self.now_ns, self.now_s)
        self._take()

    def stands(self) -> None:
        self.alarms.stands("cam-014", self.now_s)

    def lost(self) -> None:
        self.alarms.lost("cam-014")

    def _take(self) -> None:
        for condition in self.alarms.take():
            self.log.append((self.now_s, condition.active, condition.times))
            self.engine.condition(condition)

    def alarm(self, key: str = KEY) -> Alarm | None:
        return self.engine.standing("event:").get(key)
