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
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from backends.domain.alarm import Priority
from backends.domain.camera import Camera
from backends.domain.device import EventKind
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

log = logging.getLogger(__name__)

RULES_FILE = "events.toml"
SHIPPED = Path(__file__).parent / "data" / RULES_FILE
MOST_BYTES = 1 << 20
MOST_S = 86_400.0
FAULTS_SAID = 20
NONE = "none"

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]?\]\s*(?:#.*)?")
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


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and where."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


def read(raw: bytes, before: Rules | None = None) -> tuple[Rules, list[Fault]]:
    """The rules of a file, after those `before`; and what is wrong with those that were left out."""
    rules = before or Rules()
    faults: list[Fault] = []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return rules, [Fault(raw[: error.start].count(b"\n") + 1, "is not UTF-8")]
    found = list(rules.rules)
    for name, first, lines in _blocks(text):
        try:
            values = tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError as error:
            faults.append(Fault(_line_of(error, first, lines), f"{_without_place(error)}; {_what(name)} is left out"))
            continue
        if not values:
            continue
        try:
            if name == "rule":
                found.append(_rule(values["rule"][0] if isinstance(values["rule"], list) else None, first))
            elif name == "watch":
                rules = _settings(values["watch"], rules)
            else:
                raise _Bad(name, f'there is no "{name}" here; known are [watch] and [[rule]]')
        except _Bad as bad:
            faults.append(Fault(_where(bad.key, first, lines), f"{bad.text}; {_what(name)} is left out"))
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


# -- blocks ------------------------------------------------------------------------------------------


def _blocks(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """(name of the table, its first line counted from 1, its lines)."""
    name, first, lines = "", 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            yield name, first, lines
            name, first, lines = header[1], number, []
        lines.append(line)
    yield name, first, lines


def _what(name: str) -> str:
    return {"rule": "this rule", "watch": "this [watch]"}.get(name, "it")


def _without_place(error: tomllib.TOMLDecodeError) -> str:
    return re.sub(r" \(at .*\)$", "", str(error))


def _line_of(error: tomllib.TOMLDecodeError, first: int, lines: list[str]) -> int:
    found = re.search(r"\(at line (\d+)", str(error))
    return first + int(found[1]) - 1 if found else first + max(0, len(lines) - 1)


def _where(key: str, first: int, lines: list[str]) -> int:
    setting = re.compile(rf"\s*\"?{re.escape(key)}\"?\s*=")
    return next((first + n for n, line in enumerate(lines) if setting.match(line)), first)


# -- values ------------------------------------------------------------------------------------------


class _Bad(Exception):
    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key, self.text = key, text


def _rule(values: Any, line: int) -> Rule:
    known = {"kinds", "cameras", "areas", "topic", "watch", "priority", "dead_s", "off_delay_s", "hours", "name"}
    if not isinstance(values, dict):
        raise _Bad("", "rules are written [[rule]], with two brackets")
    _known(values, known)
    cameras = _texts(values, "cameras")
    ranges = tuple((m[1], m[2]) for one in cameras if (m := _RANGE.fullmatch(one)))
    for low, high in ranges:
        if len(low) != len(high) or low > high:
            raise _Bad("cameras", f'cameras: "{low}-{high}" is no range such as 020-025')
    kinds = frozenset(_one_of("kinds", one, EventKind) for one in _texts(values, "kinds"))
    topic = _text(values, "topic")
    if topic and kinds != {EventKind.OTHER}:
        raise _Bad("topic", 'topic goes with kinds = ["other"]')
    if "watch" in values and not isinstance(values["watch"], bool):
        raise _Bad("watch", "watch: must be true or false")
    priority: Priority | str | None = None
    if "priority" in values:
        said = _text(values, "priority")
        priority = NONE if said == NONE else _one_of("priority", said, Priority, NONE)
    return Rule(
        line=line,
        kinds=kinds,
        numbers=frozenset(one for one in cameras if not _RANGE.fullmatch(one)),
        ranges=ranges,
        areas=frozenset(_texts(values, "areas")),
        topic=topic,
        watch=values.get("watch"),
        priority=priority,
        dead_s=_seconds(values, "dead_s"),
        off_delay_s=_seconds(values, "off_delay_s"),
        hours=tuple(map(_hours, _texts(values, "hours"))) if "hours" in values else None,
        name=_name(values["name"]) if "name" in values else None,
    )


def _settings(values: Any, rules: Rules) -> Rules:
    if not isinstance(values, dict):
        raise _Bad("", "the settings are written [watch], with one bracket")
    _known(values, {"zone", "lost_after_s", "lost_priority"})
    changed: dict[str, Any] = {}
    if zone := _text(values, "zone"):
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError):  # of a name that is no file's, a folder, or not known
            raise _Bad("zone", f'zone: "{zone[:40]}" is no time zone such as Asia/Ho_Chi_Minh') from None
        changed["zone"] = zone
    if (after_s := _seconds(values, "lost_after_s")) is not None:
        changed["lost_after_s"] = after_s
    if said := _text(values, "lost_priority"):
        changed["lost_priority"] = _one_of("lost_priority", said, Priority)
    return msgspec.structs.replace(rules, **changed)


def _known(values: dict[str, Any], known: Iterable[str]) -> None:
    for key in values:
        if key not in known:
            raise _Bad(key, f'there is no "{key}" here; known are {", ".join(sorted(known))}')


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise _Bad(key, f"{key}: must be text in quotes")
    return value.strip()


def _texts(values: dict[str, Any], key: str) -> list[str]:
    value = values.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise _Bad(key, f'{key}: must be a list of texts, such as ["014"]')
    if key in values and not value and key != "hours":
        raise _Bad(key, f"{key}: is empty; leave it out for all")
    return value


def _seconds(values: dict[str, Any], key: str) -> float | None:
    if key not in values:
        return None
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_S:
        raise _Bad(key, f"{key}: must be 0 to {MOST_S:.0f} seconds")
    return float(value)


def _hours(said: str) -> Hours:
    found = _HOURS.fullmatch(said)
    begin, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not found or begin == end or end > 24 * 60:
        raise _Bad("hours", f'hours: "{said[:20]}" is no part of a day such as 18:00-06:00')
    return Hours(begin, end)


def _name(value: Any) -> LocalText:
    if not isinstance(value, dict) or not isinstance(value.get("vi"), str) or not value["vi"].strip():
        raise _Bad("name", 'name: must be { vi = "...", en = "..." }')
    if value.keys() - {"vi", "en"} or not isinstance(value.get("en", ""), str):
        raise _Bad("name", 'name: must be { vi = "...", en = "..." }')
    return LocalText(value["vi"].strip()[:80], value.get("en", "").strip()[:80])


def _one_of(key: str, said: str, kinds: Any, *more: str) -> Any:
    try:
        return kinds(said)
    except ValueError:
        names = ", ".join([*map(str, kinds), *more])
        raise _Bad(key, f'{key}: "{said[:20]}" is not one of {names}') from None
