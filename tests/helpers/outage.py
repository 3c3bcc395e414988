"""Eight hours without the hub: 100,000 records are missed over six feeds, 500 clicks wait; then the cable is back.

The hours are the hub's session clock, which is set ahead; the records are made meanwhile. For test and bench alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from helpers.fault_rig import LOGGED, Town
from helpers.load_city import PAID

from backends.domain.action import Stage, Verb
from backends.domain.alarm import Alarm
from backends.domain.feeds import FeedQuality
from backends.domain.ports import Changes

HOURS = 8
SIX = (*LOGGED, "cameras", "sensors", "indicators")


class Outage(msgspec.Struct):
    """What was measured."""

    missed: int = 0
    fill_s: float = 0.0
    """From the first word of the hub until all six feeds are live again."""
    back_s: float = 0.0
    """From the mended cable to that first word."""
    worst_alarm_s: float = 0.0
    """The longest that an alarm raised since then took to the screen, while the gap was being filled."""
    alarms: int = 0
    clicks: dict[str, Verb] = {}
    ends: dict[str, int] = {}


def outage(town: Town, records: int = 100_000, clicks: int = 500) -> Outage:
    """`town` is live; it is live again when this returns, and every click has its end on the screen."""
    found = Outage()
    town.live.cut()
    town.ctl.cut()
    town.until("cut off", lambda g: g.quality("alarms") is FeedQuality.STALE)
    _click(town, clicks, found)
    before = {feed: s.cursor for feed, s in town.glass.feeds.items()}
    town.hub.tell(wall_s=HOURS * 3600.0, owe=records)
    # It must be done when the cable is back.
    town.until("the hub has made them", lambda _: PAID in town.hub.log_file.read_text(encoding="utf-8"), 120.0)
    fresh = len(town.glass.all)
    town.live.mend(lose=True)
    town.ctl.mend(lose=True)
    began_s = time.monotonic()
    found.back_s = town.until("the hub is heard again", lambda g: g.up(), 30.0)
    began_s += found.back_s
    offset_ns = HOURS * 3600 * 10**9
    up_ns = time.time_ns() + offset_ns
    seen: set[str] = set()
    while not all(town.glass.live(feed) for feed in SIX):
        fresh = _alarms(town, fresh, lambda a: _note(a, seen, found, up_ns, offset_ns))
        if time.monotonic() - began_s > 60:
            raise AssertionError(f"not filled within a minute: {town.state()}")
        time.sleep(0.005)
    found.fill_s = time.monotonic() - began_s
    found.missed = sum(town.glass.feeds[feed].cursor - before[feed] for feed in SIX)
    town.until("every click has its end", lambda g: all(
        any(s.final for s in g.stages.get(aid, [])) for aid in found.clicks), 60.0)  # fmt: skip
    for aid in found.clicks:
        end = [s for s in town.glass.stages[aid] if s.final][-1]
        found.ends[end.value] = found.ends.get(end.value, 0) + 1
    return found


def _click(town: Town, clicks: int, found: Outage) -> None:
    """Four of five are comments, which never expire; the others mean nothing any more after eight hours."""
    alarms = sorted(a for a in town.glass.items["alarms"] if a.startswith("fixed"))
    for n in range(clicks):
        verb = Verb.CLAIM if n % 5 == 0 else Verb.COMMENT
        args = {"text": f"ghi chú {n}"} if verb is Verb.COMMENT else None
        found.clicks[town.clients[0].submit(verb, "alarms", alarms[n % len(alarms)], 0, args)] = verb
    town.until(
        "all clicks are queued",
        lambda g: all(Stage.QUEUED in g.stages.get(aid, []) for aid in found.clicks),
    )


def _alarms(town: Town, start: int, take: Callable[[Alarm], None]) -> int:
    town.look()
    deliveries = town.glass.all[start:]
    for delivery in deliveries:
        if isinstance(delivery, Changes) and delivery.feed == "alarms":
            for alarm in delivery.put:
                take(alarm)
    return start + len(deliveries)


def _note(alarm: Alarm, seen: set[str], found: Outage, up_ns: int, offset_ns: int) -> None:
    if alarm.t_raised_ns > up_ns and alarm.id.startswith("c") and alarm.id not in seen:
        seen.add(alarm.id)
        found.alarms += 1
        found.worst_alarm_s = max(found.worst_alarm_s, (time.time_ns() + offset_ns - alarm.t_raised_ns) / 1e9)
