"""Limits of sensors that are set at a screen: which can be, and which count. Pure.

Must not: know who may set them, or where they are kept.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import TypeVar

import msgspec

from backends.domain.limits import in_force, level_of, limits_at
from backends.domain.sensor import Limit, Sensor
from backends.domain.settings import (
    KINDS,
    LIMITS,
    KindLimits,
    LimitsRecord,
    SensorLimits,
    Setting,
    SettingRefused,
    check_figure,
)
from backends.domain.text import LocalText

Rec = TypeVar("Rec", bound=LimitsRecord)

LABEL_MOST = 30
LIMITS_MOST = 12
"""Of one sensor, with those that have ended: so many lines fit beside a plot."""
VALUE_MOST = 1e9
"""Of a limit, in whatever unit."""
DELAY_MOST_S = 86_400.0
"""As in the hub's files of alarms."""
NAMES_MOST = 3


def limits_of(sensor: Sensor, day: str) -> SensorLimits:
    """Those that hold on that day, gravest first."""
    return SensorLimits(LIMITS + sensor.id, sensor.id, sensor.name, sensor.unit, _held(sensor.limits, day))


def below(sensor: Sensor, day: str) -> SensorLimits:
    """Those that would hold without what was set for this sensor alone."""
    under = tuple(one for one in sensor.limits if not one.by or one.of_kind)
    return limits_of(msgspec.structs.replace(sensor, limits=under), day)


def kind_of(sensor: Sensor) -> str:
    """The id of the limits of its kind; empty: its source does not say what it measures."""
    return f"{KINDS}{sensor.parameter}/{sensor.unit}" if sensor.parameter and "/" not in sensor.parameter else ""


def kind_limits(sensors: Collection[Sensor], day: str, *, given: bool = False) -> KindLimits:
    """Those that hold on that day for all of a kind alike, but for what sensors have of their own; `given`: also but
    for what was set for the kind."""
    one = next(iter(sensors))
    all_limits = {sensor.limits for sensor in sensors}
    each = [_held([x for x in limits if not x.by or (x.of_kind and not given)], day) for limits in all_limits]
    common = tuple(limit for limit in each[0] if all(limit in others for others in each[1:]))
    return KindLimits(kind_of(one), one.parameter, one.unit, kind_name(sensors), common)


def kind_name(sensors: Iterable[Sensor]) -> LocalText:
    """What most of them are called first, three at most."""
    names = [name for name, _ in Counter(sensor.name for sensor in sensors).most_common()]
    more = ", …" if len(names) > NAMES_MOST else ""
    vi, en = (", ".join(name.get(lang) for name in names[:NAMES_MOST]) + more for lang in ("vi", "en"))
    return LocalText(vi, en)


def kinds(sensors: Iterable[Sensor]) -> dict[str, list[Sensor]]:
    """All sensors, by the id of the limits of their kind."""
    found: dict[str, list[Sensor]] = {}
    for sensor in sensors:
        if kind := kind_of(sensor):
            found.setdefault(kind, []).append(sensor)
    return found


def has_own(sensor: Sensor, day: str) -> bool:
    """Does a limit of its own hold on that day, or has one ended for it alone?"""
    return any(one.by and not one.of_kind and in_force(one.valid_from, one.valid_until, day) for one in sensor.limits)


def _held(limits: Iterable[Limit], day: str) -> tuple[Limit, ...]:
    return tuple(
        msgspec.structs.replace(one, valid_from="", valid_until="", from_file=False, by="", of_kind=False)
        for one in limits_at(limits, day)
    )


def within(sensor: Sensor) -> tuple[float, float] | None:
    """Between which figures a limit of it can lie: as far again beside its usual range as that is wide. What lies
    further out is in another unit, or has lost its comma. None: its source says no range."""
    if sensor.low is None or sensor.high is None or sensor.high <= sensor.low:
        return None
    wide = sensor.high - sensor.low
    return sensor.low - wide, sensor.high + wide


def check_limits(
    record: SensorLimits, given: SensorLimits, before: LimitsRecord | None, span: tuple[float, float] | None = None
) -> None:  # fmt: skip
    """`given`: by its kind and the source, of that day: what the record does not name of it goes on. `before`: what was
    set for it last; every limit of it is there still, though it may have ended. `span`: see `within`; for figures that
    are new. Raises SettingRefused."""
    if (record.id, record.sensor, record.name) != (given.id, given.sensor, given.name):
        raise SettingRefused("bad_record", "another sensor")
    _check_levels(record, given, before, span)
    check_ladders(_with_others(record.limits, given.limits))


def check_kind(
    record: KindLimits, given: KindLimits, before: LimitsRecord | None, sensors: Collection[Sensor], day: str
) -> None:  # fmt: skip
    """As check_limits, of all sensors of the kind: what any of them has besides must fit as well."""
    if (record.id, record.parameter) != (given.id, given.parameter):
        raise SettingRefused("bad_record", "another kind")
    spans = [span for span in map(within, sensors) if span is not None]
    span = (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None
    _check_levels(record, given, before, span)
    named, seen = {level_of(one) for one in record.limits}, set()
    for sensor in sensors:
        if sensor.limits in seen:
            continue
        seen.add(sensor.limits)
        held = limits_at(sensor.limits, day)
        own = {level_of(one) for one in sensor.limits if one.by and not one.of_kind}
        kept = [one for one in held if level_of(one) in own or level_of(one) not in named]
        try:
            check_ladders([*kept, *(one for one in record.limits if not one.ended and level_of(one) not in own)])
        except SettingRefused as refused:
            raise SettingRefused(refused.code, f"{refused.text} · {sensor.station.vi or sensor.id}") from None


def _check_levels(
    record: LimitsRecord, given: LimitsRecord, before: LimitsRecord | None, span: tuple[float, float] | None
) -> None:  # fmt: skip
    """Each by itself, and that none was lost."""
    if record.unit != given.unit:
        raise SettingRefused("unit_differs", given.unit)
    levels = [level_of(one) for one in record.limits]
    last = before.limits if before is not None else ()
    known = {one.value for one in (*given.limits, *last)}
    if len(set(levels)) != len(levels):
        raise SettingRefused("label_twice")
    if not levels or not {level_of(one) for one in last} <= set(levels):
        raise SettingRefused("levels_differ")
    if len(_with_others(record.limits, given.limits)) > LIMITS_MOST or len(levels) > LIMITS_MOST:
        raise SettingRefused("levels_many", str(LIMITS_MOST))
    for one in record.limits:
        if not 0 < len(one.label.vi.strip()) <= LABEL_MOST or len(one.label.en) > LABEL_MOST:
            raise SettingRefused("bad_label", str(LABEL_MOST))
        if not math.isfinite(one.value) or abs(one.value) > VALUE_MOST:
            raise SettingRefused("bad_value", f"{VALUE_MOST:g}")
        if span is not None and not span[0] <= one.value <= span[1] and one.value not in known:
            raise SettingRefused("out_of_range", f"{span[0]:g} – {span[1]:g}")
        check_figure("bad_deadband", one.deadband, VALUE_MOST)
        for delay_s in (one.on_delay_s, one.off_delay_s):
            check_figure("bad_delay", delay_s or 0.0, DELAY_MOST_S)


def _with_others(named: Collection[Limit], given: Iterable[Limit]) -> list[Limit]:
    """What holds when `named` takes the place of what is given."""
    levels = {level_of(one) for one in named}
    return [*(one for one in named if not one.ended), *(one for one in given if level_of(one) not in levels)]


def check_ladders(limits: Collection[Limit]) -> None:
    """The graver one lies further out, what is too low lies below what is too high, deadbands included."""
    high_side = sorted((one for one in limits if one.above), key=lambda one: (one.priority.rank, -one.value))
    low_side = sorted((one for one in limits if not one.above), key=lambda one: (one.priority.rank, one.value))
    for graver, less in (*pairwise(high_side), *pairwise(low_side)):
        apart = graver.value - less.value if less.above else less.value - graver.value
        if apart < 0 or (apart == 0 and graver.priority is not less.priority):
            raise SettingRefused("levels_cross", f"{less.label.vi}, {graver.label.vi}")
    for high in high_side:
        for low in low_side:
            if low.value >= high.value:
                raise SettingRefused("levels_cross", f"{low.label.vi}, {high.label.vi}")
            if low.value + low.deadband >= high.value or high.value - high.deadband <= low.value:
                raise SettingRefused("deadband_wide", f"{high.value - low.value:g}")


def together(last: Rec, holding: LimitsRecord) -> Rec:
    """What was set last, with what holds beside it: what a change starts from."""
    named = {level_of(one) for one in last.limits}
    more = tuple(one for one in holding.limits if level_of(one) not in named)
    return msgspec.structs.replace(last, name=holding.name, limits=(*last.limits, *more))


def set_apart(draft: Rec, last: LimitsRecord | None, given: LimitsRecord) -> Rec:
    """Of all that is to hold, what is set so: what is as given goes on as given, whatever becomes of that."""
    set_before = {level_of(one) for one in last.limits} if last is not None else set()
    limits = tuple(one for one in draft.limits if one not in given.limits or level_of(one) in set_before)
    return msgspec.structs.replace(draft, limits=limits)


def limit_moves(
    before: Iterable[Limit], after: Iterable[Limit], *, whole: bool = False
) -> list[tuple[Limit | None, Limit | None]]:
    """(as it was, as it is) of each limit that is another one than it was; None: there is none, or it has ended. What
    `after` does not name goes on, unless it is the `whole`."""
    after = tuple(after)
    named = {level_of(one) for one in after}
    old = {level_of(one): one for one in before if not one.ended and (whole or level_of(one) in named)}
    new = {level_of(one): one for one in after if not one.ended}
    keys = dict.fromkeys((*new, *old))
    pairs = [(old.get(key), new.get(key)) for key in keys]
    return [(a, b) for a, b in pairs if a is None or b is None or limit_differences(a, b)]


def limit_differences(old: Limit, new: Limit) -> list[tuple[str, object, object]]:
    """(field, what it was, what it is) of each that differs."""
    found = [(field, getattr(old, field), getattr(new, field)) for field in LIMIT_FIELDS]
    return [(field, a, b) for field, a, b in found if a != b]


LIMIT_FIELDS = ("value", "priority", "deadband", "on_delay_s", "off_delay_s")
"""Of a limit, what can be set at a screen once it is there."""


def set_limits(setting: Setting | None, *, of_kind: bool) -> tuple[Limit, ...]:
    """What was set for a sensor or for its kind, of all days: each from its first day to the next change. To be put
    after what its source and the files give; which of one label counts: `limits_at`."""
    made = setting.amendments if setting is not None else ()
    found: list[Limit] = []
    for n, one in enumerate(made):
        until = made[n + 1].valid_from if n + 1 < len(made) else ""
        if isinstance(one.record, LimitsRecord) and until != one.valid_from:
            days = {"valid_from": one.valid_from, "valid_until": until, "by": one.by, "of_kind": of_kind}
            found += [msgspec.structs.replace(limit, **days) for limit in one.record.limits]
    return tuple(found)
