"""A hub's core on a log of its own, and an administrator who changes what is the centre's own at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.tiny_city import TinyCity

from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm
from backends.domain.feeds import Mode
from backends.domain.limits import day_of
from backends.domain.people import Operator, Role
from backends.domain.place import Agency, Area, SlaRule
from backends.domain.sensor import Sample
from backends.domain.settings import SETTING, Setting, SettingRecord
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Measured, WorldEvent
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.protocol.codec import decode_body, encode

NOW = 1_790_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
DAY = 24 * HOUR
TODAY = day_of(NOW)
TOMORROW = day_of(NOW + DAY)
ADMIN = Operator("op-tuan", "Hồ Tuấn", "Tuấn", Role.ADMIN, "desk-1")
LEAD = Operator("op-lead", "Lê Quang", "Quang", Role.SHIFT_LEAD, "desk-3")
LIGHT = SlaRule("sla-light", "lighting", LocalText("Chiếu sáng", "Street lights"), 12.0)
POWER = Agency("power", LocalText("Điện lực", "Power"))
GRID = Agency("grid", LocalText("Lưới điện", "Grid"), "power")
CONFIG = (LIGHT, POWER, GRID, Area("ward-1", LocalText("Phường 1"), ((0, 0), (1, 0), (1, 1)), "2009-08-11"))


class SlowCity(TinyCity):
    """Measures once however long it is asked about: a day has not 86,400 samples here."""

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        self._t_ns = t_ns
        yield self._measured(t_ns)


class Desk:
    """A hub's core on a log, and an administrator in front of it."""

    def __init__(self, log: SqliteLog) -> None:
        self.log, self.n = log, 0
        self.core = Core(log, SlowCity(NOW, past_s=60))
        self.core.start(NOW)

    def set(
        self,
        record: SettingRecord | None,
        target: str = "",
        *,
        day: str = TODAY,
        seen: int | None = None,
        who: Operator = ADMIN,
        now_ns: int = NOW,
        **args: str,
    ) -> tuple[str, str, str]:
        """`record` None: what the source gives."""
        self.n += 1
        target = target or (record.id if record is not None else "")
        given = {"valid_from": day, "reason": "họp giao ban", **args}
        if record is not None:
            given = {"json": encode(record).decode(), **given}
        known = self.core.records("config").get(SETTING + target)
        rev = seen if seen is not None else known.rev if known is not None else 0
        action = Action(f"s{self.n}-{now_ns}", Verb.CONFIGURE, "config", target, rev, now_ns, 0, given)
        answer = self.core.act("desk-1", who, action, now_ns)
        self.published = [f"{e.feed} {e.type} {e.id}" for e in answer.published]
        last = answer.acks[-1]
        return last.stage, last.code, last.text

    def setting(self, target: str) -> Setting:
        found: Setting = self.core.records("config")[SETTING + target]
        return found

    def holds(self, id_: str) -> Any:
        """As the log has it, not as memory has it."""
        found = next(decode_body("config", e.body) for e in self.log.items("config") if e.id == id_)
        assert found == self.core.records("config")[id_]
        return found

    def pass_time(self, now_ns: int) -> None:
        self.core.maintain(now_ns)
        self.core.round(now_ns, now_ns / NS_PER_S)

    def told(self, series: str, value: float, now_ns: int) -> Alarm | None:
        """The sensor says so: its limit alarm, as it stands then."""
        self.core._take_in(Measured(now_ns, (Sample(series, now_ns, value),)))
        return self.alarm(series, now_ns)

    def alarm(self, series: str, now_ns: int) -> Alarm | None:
        """A sensor's limit alarm when the hub has gone on to this time."""
        self.core.round(now_ns, now_ns / NS_PER_S)
        return self.core.alarms(f"limit:{series}").get(f"limit:{series}")


def at_desk(folder: Path) -> Iterator[Desk]:
    """For a fixture: it is there until the test ends."""
    log = SqliteLog(folder / "hub.db", Mode.TEST)
    made = Desk(log)
    for record in CONFIG:
        made.core.put("config", record, NOW)
    made.core.round(NOW, 0.0)
    yield made
    log.close()
