"""Files of limits and scales: those that come with the program, then the site's own (`limits/*.toml` of its folder).

A set of the site takes the place of a shipped one of the same standard, quantity, averaging time and first day. What
cannot be used is said with file and line, and costs that set. Read at the start. Must not: know what applies now; that
is `backends.domain.limits`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard

import msgspec

from backends.domain.alarm import Priority
from backends.domain.limits import Level, LimitSet, Scale
from backends.domain.sensor import Band, Limit, Sensor
from backends.domain.text import LocalText
from backends.hub import rule_file
from backends.hub.rule_file import MOST_BYTES, Bad, Fault, known, local, number, one_of, text, texts

log = logging.getLogger(__name__)

LIMITS = "limits"
"""Folder of the site's own."""
FAULTS_SAID = 20
_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_HUGE = 1e12
_MEAN = {"1h": ("1 giờ", "1 h"), "8h": ("8 giờ", "8 h"), "24h": ("24 giờ", "24 h"), "year": ("năm", "year")}
_JUDGED = ("", "1h")
"""Averaging times whose limits single values are held against."""
_EXAMPLE = '["river-01"]'


class LimitBook:
    """Everything that was read. `of` is asked by the hub's loop."""

    def __init__(self, shipped: Iterable[Path] = (), site: Path | None = None) -> None:
        """Folders; one that is not there is no error."""
        self.sets: tuple[LimitSet, ...] = ()
        self.scales: tuple[Scale, ...] = ()
        self._by_parameter: dict[str, list[tuple[LimitSet, tuple[Limit, ...]]]] = {}
        for folder in [*shipped, *([site] if site is not None else [])]:
            for path in sorted(folder.glob("*.toml")):
                self._read(path)

    def of(self, sensor: Sensor) -> Sensor:
        """With the limits of these files, of all days; a sensor whose source gives it limits keeps those.

        While a set that names the station or the sensor applies, general ones of the same `over` do not.
        """
        if any(not limit.from_file for limit in sensor.limits):
            return sensor
        sets = [(one, made) for one, made in self._by_parameter.get(sensor.parameter, ()) if one.fits(sensor)]
        sets.sort(key=lambda found: found[0].valid_from)  # of two that begin on one day the last counts (limits_at)
        own = [one for one, _ in sets if one.stations or one.sensors]
        overs: dict[tuple[str, bool], set[str]] = {}
        for one, made in sets:
            for limit in made:
                overs.setdefault((limit.label.vi, limit.above), set()).add(one.over)
        found: list[Limit] = []
        for one, made in sets:
            days = [(one.valid_from, one.valid_until)]
            for other in own if one not in own else ():
                if other.over == one.over:
                    days = _without(days, other.valid_from, other.valid_until)
            for limit in made:
                alone = len(overs[limit.label.vi, limit.above]) == 1
                label = limit.label if alone else _labelled(limit.label, one.over)
                found += [msgspec.structs.replace(limit, label=label, valid_from=a, valid_until=b) for a, b in days]
        limits = tuple(found)
        return sensor if limits == sensor.limits else msgspec.structs.replace(sensor, limits=limits)

    def _read(self, path: Path) -> None:
        try:
            if path.stat().st_size > MOST_BYTES:
                log.error("%s is larger than %d MiB and is left out", path, MOST_BYTES >> 20)
                return
            sets, scales, faults = read(path.read_bytes())
        except OSError as error:
            log.error("%s cannot be read (%s) and is left out", path, error.strerror)
            return
        for fault in faults[:FAULTS_SAID]:
            log.error("%s: %s", path, fault)
        if len(faults) > FAULTS_SAID:
            log.error("%s: %d more are left out", path, len(faults) - FAULTS_SAID)
        self.sets = tuple({_place(one): one for one in (*self.sets, *sets)}.values())
        self._by_parameter = {}
        for one in self.sets:
            self._by_parameter.setdefault(one.parameter, []).append((one, one.limits()))
        self.scales = tuple({(one.id, one.valid_from): one for one in (*self.scales, *scales)}.values())


def _labelled(label: LocalText, over: str) -> LocalText:
    """With its averaging time: one label stands for one limit."""
    if not over:
        return label
    vi, en = _MEAN[over]
    return LocalText(f"{label.vi} ({vi})", f"{label.get('en')} ({en})")


def _without(days: Iterable[tuple[str, str]], begin: str, end: str) -> list[tuple[str, str]]:
    """What is left of spans of days, each with its first day and the first after it (empty: none)."""
    left: list[tuple[str, str]] = []
    for first, until in days:
        if first < begin:
            left.append((first, min(until or begin, begin)))
        if end and (not until or end < until):
            left.append((max(first, end), until))
    return left


def _place(one: LimitSet) -> tuple[object, ...]:
    return one.standard, one.parameter, one.over, one.valid_from, one.stations, one.sensors


def read(raw: bytes) -> tuple[list[LimitSet], list[Scale], list[Fault]]:
    """What a file says, and what is wrong with what was left out."""
    sets: list[LimitSet] = []
    scales: list[Scale] = []

    def take(name: str, values: Any, _: int) -> None:
        if name == "limit":
            sets.append(_limit(rule_file.one(values, name)))
        elif name == "scale":
            scales.append(_scale(rule_file.one(values, name)))
        else:
            raise Bad(name, f'there is no "{name}" here; known are [[limit]] and [[scale]]')

    faults = rule_file.read_blocks(raw, take, lambda name: f"this {name}" if name in ("limit", "scale") else "it")
    return sets, scales, faults


# -- values ------------------------------------------------------------------------------------------


def _limit(values: dict[str, Any]) -> LimitSet:
    fields = {"standard", "parameter", "unit", "over", "stations", "sensors", "levels", "valid_from", "valid_until"}
    known(values, fields | {"source", "note"})
    over = text(values, "over")
    if over and over not in _MEAN:
        raise Bad("over", f'over: "{over[:20]}" is not one of {", ".join(_MEAN)}')
    levels = tuple(map(_level, _tables(values, "levels")))
    if over not in _JUDGED and any(level.priority is not None for level in levels):
        raise Bad("levels", f"levels: priority: no single value is a mean of {over}; leave the priority out")
    return LimitSet(
        standard=_said(values, "standard"),
        parameter=_said(values, "parameter"),
        unit=text(values, "unit"),
        valid_from=_day(values, "valid_from"),
        valid_until=_until(values),
        over=over,
        levels=levels,
        stations=tuple(texts(values, "stations", _EXAMPLE)),
        sensors=tuple(texts(values, "sensors", _EXAMPLE)),
        source=text(values, "source"),
        note=text(values, "note"),
    )


def _level(values: dict[str, Any]) -> Level:
    for key in values:
        if key not in ("vi", "en", "value", "priority", "above", "deadband"):
            raise Bad("levels", f'levels: there is no "{key}" here; known are above, deadband, en, priority, value, vi')
    try:
        value = number(values, "value", -_HUGE, _HUGE)
        deadband = number(values, "deadband", 0, _HUGE)
        said = text(values, "priority")
        priority = one_of("priority", said, Priority) if said else None
    except Bad as bad:
        raise Bad("levels", f"levels: {bad.text}") from None
    if value is None:
        raise Bad("levels", "levels: each needs a value")
    if not isinstance(above := values.get("above", True), bool):
        raise Bad("levels", "levels: above: must be true or false")
    return Level(_name(values, "levels"), value, priority, above, deadband or 0.0)


def _scale(values: dict[str, Any]) -> Scale:
    fields = {"id", "standard", "valid_from", "valid_until", "bands", "index", "points", "nowcast", "needs_one_of"}
    known(values, fields | {"source", "note"})
    index = _rising(values.get("index", []), "index")
    points: dict[str, tuple[float, ...]] = {}
    for row in _tables(values, "points") if "points" in values else []:
        parameter, at = row.get("parameter"), _rising(row.get("at"), "points")
        if not isinstance(parameter, str) or len(at) < 2 or len(at) > len(index):
            raise Bad("points", "points: each needs a parameter, and `at` with 2 to as many figures as the index has")
        points[parameter] = at
    bands = tuple(map(_band, _tables(values, "bands")))
    if [one.to for one in bands] != sorted({one.to for one in bands}):
        raise Bad("bands", "bands: `to` must rise from one to the next")
    return Scale(
        id=_said(values, "id"),
        standard=_said(values, "standard"),
        valid_from=_day(values, "valid_from"),
        valid_until=_until(values),
        bands=bands,
        index=index,
        points=points,
        nowcast=tuple(texts(values, "nowcast", '["pm25"]')),
        needs_one_of=tuple(texts(values, "needs_one_of", '["pm25"]')),
        source=text(values, "source"),
        note=text(values, "note"),
    )


def _band(values: dict[str, Any]) -> Band:
    to, colour = values.get("to"), values.get("colour", [])
    if not _is_figure(to):
        raise Bad("bands", "bands: each needs `to`, the highest figure in it")
    if not isinstance(colour, list) or not all(isinstance(c, int) and 0 <= c <= 255 for c in colour):
        raise Bad("bands", "bands: colour: must be red, green, blue from 0 to 255")
    if len(colour) not in (0, 3):
        raise Bad("bands", "bands: colour: must be red, green, blue from 0 to 255")
    said = values.get("priority", "")
    priority = one_of("bands", str(said), Priority) if said else None
    return Band(_name(values, "bands"), float(to), tuple(colour), priority)


def _name(values: dict[str, Any], key: str) -> LocalText:
    return local({lang: values[lang] for lang in ("vi", "en") if lang in values}, key)


def _said(values: dict[str, Any], key: str) -> str:
    said = text(values, key)
    if not said:
        raise Bad(key, f"{key}: is missing")
    return said


def _day(values: dict[str, Any], key: str) -> str:
    said = _said(values, key)
    if not _DAY.fullmatch(said):
        raise Bad(key, f'{key}: "{said[:20]}" is no day such as 2023-09-12')
    return said


def _until(values: dict[str, Any]) -> str:
    if not text(values, "valid_until"):
        return ""
    until = _day(values, "valid_until")
    if until <= values["valid_from"]:
        raise Bad("valid_until", "valid_until: must be after valid_from")
    return until


def _tables(values: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = values.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise Bad(key, f"{key}: must be a list of {{ ... }}, one at least")
    return found


def _rising(found: Any, key: str) -> tuple[float, ...]:
    if not isinstance(found, list) or not all(map(_is_figure, found)):
        raise Bad(key, f"{key}: must be a list of figures")
    if any(a >= b for a, b in pairwise(found)):
        raise Bad(key, f"{key}: each figure must be above the one before")
    return tuple(map(float, found))


def _is_figure(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE <= value <= _HUGE
