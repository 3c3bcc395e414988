"""Which events of which camera are an alarm, how grave, how often and when: `events.toml` beside `cameras.csv`.

The shipped rules (`data/events.toml`) come first, the site's follow; each sets what it names, for what it names. A
rule that cannot be used is named with file and line, and left out; the others count. The file is taken block by
block (a `[[rule]]` or `[watch]` and what belongs to it), so that a slip in one costs that one. Must not: know a
camera's address, or raise an alarm.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from backends.domain.alarm import Priority
from backends.domain.camera import Camera
from backends.domain.device import EventKind
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub import rule_file
from backends.hub.rule_file import MOST_BYTES, Bad, Fault, known, local, one_of, seconds, text, texts

log = logging.getLogger(__name__)

RULES_FILE = "events.toml"
SHIPPED = Path(__file__).parent / "data" / RULES_FILE
FAULTS_SAID = 20
NONE = "none"

_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]|24):([0-5][0-9])")


class Hours(msgspec.Struct, frozen=True):
    """Part of a day, minutes after midnight; past midnight where it ends before it begins."""

    begin: int
    end: int

    def hold(self, minute: int) -> bool:
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


class Rule(msgspec.Struct, frozen=True):
    """One `[[rule]]`; None = it says nothing about that."""

    line: int
    kinds: frozenset[EventKind] = frozenset()
    """Empty = all."""
    numbers: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, str], ...] = ()
    areas: frozenset[str] = frozenset()
    topic: str = ""
    watch: bool | None = None
    priority: Priority | str | None = None
    dead_s: float | None = None
    off_delay_s: float | None = None
    hours: tuple[Hours, ...] | None = None
    name: LocalText | None = None

    def meets(self, camera: Camera) -> bool:
        """Without cameras and areas: all; with both: in either."""
        if not (self.numbers or self.ranges or self.areas):
            return True
        number = camera.number
        between = any(len(number) == len(low) and low <= number <= high for low, high in self.ranges)
        return number in self.numbers or between or camera.area_id in self.areas


class Verdict(msgspec.Struct, frozen=True):
    """What the rules say together about one kind of one camera."""

    priority: Priority | None
    """None: it is no alarm."""
    dead_s: float
    off_delay_s: float
    hours: tuple[Hours, ...]
    name: LocalText | None

    def counts_at(self, minute: int) -> bool:
        """`minute`: after midnight, in the site's zone."""
        return self.priority is not None and (not self.hours or any(one.hold(minute) for one in self.hours))


class Rules(msgspec.Struct, frozen=True):
    """All that hold, in their order."""

    rules: tuple[Rule, ...] = ()
    zone: str = "Asia/Ho_Chi_Minh"
    lost_after_s: float = 180.0
    lost_priority: Priority = Priority.MEDIUM

    def of(self, camera: Camera, kind: EventKind, topic: str) -> Verdict:
        """The last one that says something counts, for each thing that can be said."""
        said: dict[str, Any] = {}
        for rule in self.rules:
            if (rule.kinds and kind not in rule.kinds) or (rule.topic and rule.topic not in topic):
                continue
            if rule.meets(camera):
                for field in ("priority", "dead_s", "off_delay_s", "hours", "name"):
                    if (value := getattr(rule, field)) is not None:
                        said[field] = value
        priority = said.get("priority", NONE)
        return Verdict(
            priority if isinstance(priority, Priority) else None,
            said.get("dead_s", 0.0),
            said.get("off_delay_s", 0.0),
            said.get("hours", ()),
            said.get("name"),
        )

    def watches(self, camera: Camera) -> bool:
        """Are its events listened to?"""
        said = [rule.watch for rule in self.rules if rule.watch is not None and rule.meets(camera)]
        return said[-1] if said else True

    def minute(self, now_ns: int) -> int:
        """Minutes after midnight at the site."""
        there = dt.datetime.fromtimestamp(now_ns // NS_PER_S, ZoneInfo(self.zone))
        return there.hour * 60 + there.minute


def read(raw: bytes, before: Rules | None = None) -> tuple[Rules, list[Fault]]:
    """The rules of a file, after those `before`; and what is wrong with those that were left out."""
    rules = before or Rules()
    found = list(rules.rules)

    def take(name: str, values: Any, line: int) -> None:
        nonlocal rules
        if name == "rule":
            found.append(_rule(rule_file.one(values, name), line))
        elif name == "watch":
            rules = _settings(values, rules)
        else:
            raise Bad(name, f'there is no "{name}" here; known are [watch] and [[rule]]')

    faults = rule_file.read_blocks(raw, take, _what)
    return msgspec.structs.replace(rules, rules=tuple(found)), faults


def shipped() -> Rules:
    """Those that come with the program."""
    rules, faults = read(SHIPPED.read_bytes())
    assert not faults, faults
    return rules


class SiteRules:
    """The site's file, looked at again when it changes. Used by the hub's loop; an unchanged file costs one stat."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RULES_FILE
        self._shipped = shipped()
        self._stamp: tuple[int, int, int] | None = None
        self._trouble = ""
        self.rules = self._shipped
        self.look()

    def look(self) -> bool:
        """True: there are other rules than before. A file that has gone leaves the shipped ones."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return False
            if found.st_size > MOST_BYTES:
                return self._say(f"is larger than {MOST_BYTES >> 20} MiB; rules stay as they are")
            raw = self._path.read_bytes()
        except FileNotFoundError:
            before, self.rules, self._stamp, self._trouble = self.rules, self._shipped, None, ""
            return before != self.rules
        except OSError as error:
            return self._say(f"cannot be read ({error.strerror}); rules stay as they are")
        self._stamp, self._trouble = stamp, ""
        before = self.rules
        self.rules, faults = read(raw, self._shipped)
        for fault in faults[:FAULTS_SAID]:
            log.error("%s: %s", self._path, fault)
        if len(faults) > FAULTS_SAID:
            log.error("%s: %d more are left out", self._path, len(faults) - FAULTS_SAID)
        log.info("%s: %d rules of the site", self._path, len(self.rules.rules) - len(self._shipped.rules))
        return before != self.rules

    def _say(self, trouble: str) -> bool:
        if trouble != self._trouble:
            log.error("%s %s", self._path, trouble)
        self._trouble = trouble
        return False


def _what(name: str) -> str:
    return {"rule": "this rule", "watch": "this [watch]"}.get(name, "it")


# -- values ------------------------------------------------------------------------------------------


def _rule(values: dict[str, Any], line: int) -> Rule:
    names = {"kinds", "cameras", "areas", "topic", "watch", "priority", "dead_s", "off_delay_s", "hours", "name"}
    known(values, names)
    cameras = texts(values, "cameras")
    ranges = tuple((m[1], m[2]) for one in cameras if (m := _RANGE.fullmatch(one)))
    for low, high in ranges:
        if len(low) != len(high) or low > high:
            raise Bad("cameras", f'cameras: "{low}-{high}" is no range such as 020-025')
    kinds = frozenset(one_of("kinds", one, EventKind) for one in texts(values, "kinds"))
    topic = text(values, "topic")
    if topic and kinds != {EventKind.OTHER}:
        raise Bad("topic", 'topic goes with kinds = ["other"]')
    if "watch" in values and not isinstance(values["watch"], bool):
        raise Bad("watch", "watch: must be true or false")
    priority: Priority | str | None = None
    if "priority" in values:
        said = text(values, "priority")
        priority = NONE if said == NONE else one_of("priority", said, Priority, NONE)
    return Rule(
        line=line,
        kinds=kinds,
        numbers=frozenset(one for one in cameras if not _RANGE.fullmatch(one)),
        ranges=ranges,
        areas=frozenset(texts(values, "areas")),
        topic=topic,
        watch=values.get("watch"),
        priority=priority,
        dead_s=seconds(values, "dead_s"),
        off_delay_s=seconds(values, "off_delay_s"),
        hours=tuple(map(_hours, texts(values, "hours", empty=True))) if "hours" in values else None,
        name=local(values["name"]) if "name" in values else None,
    )


def _settings(values: Any, rules: Rules) -> Rules:
    if not isinstance(values, dict):
        raise Bad("", "the settings are written [watch], with one bracket")
    known(values, {"zone", "lost_after_s", "lost_priority"})
    changed: dict[str, Any] = {}
    if zone := text(values, "zone"):
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError):  # of a name that is no file's, a folder, or not known
            raise Bad("zone", f'zone: "{zone[:40]}" is no time zone such as Asia/Ho_Chi_Minh') from None
        changed["zone"] = zone
    if (after_s := seconds(values, "lost_after_s")) is not None:
        changed["lost_after_s"] = after_s
    if said := text(values, "lost_priority"):
        changed["lost_priority"] = one_of("lost_priority", said, Priority)
    return msgspec.structs.replace(rules, **changed)


def _hours(said: str) -> Hours:
    found = _HOURS.fullmatch(said)
    begin, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not found or begin == end or end > 24 * 60:
        raise Bad("hours", f'hours: "{said[:20]}" is no part of a day such as 18:00-06:00')
    return Hours(begin, end)
