"""Limits of sensors that are set at a screen: which can be, and which count. Pure.

Must not: know who may set them, or where they are kept.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from itertools import pairwise

import msgspec

from backends.domain.limits import level_of, limits_at
from backends.domain.sensor import Limit, Sensor
from backends.domain.settings import LIMITS, SensorLimits, Setting, SettingRefused, check_figure

LABEL_MOST = 30
LIMITS_MOST = 12
"""Of one sensor, with those that have ended: so many lines fit beside a plot."""
VALUE_MOST = 1e9
"""Of a limit, in whatever unit."""
DELAY_MOST_S = 86_400.0
"""As in the hub's files of alarms."""


def limits_of(sensor: Sensor, day: str) -> SensorLimits:
    """Those that hold on that day, gravest first."""
    plain = tuple(
        msgspec.structs.replace(one, valid_from="", valid_until="", from_file=False, by="")
        for one in limits_at(sensor.limits, day)
    )
    return SensorLimits(LIMITS + sensor.id, sensor.id, sensor.name, sensor.unit, plain)


def within(sensor: Sensor) -> tuple[float, float] | None:
    """Between which figures a limit of it can lie: as far again beside its usual range as that is wide. What lies
    further out is in another unit, or has lost its comma. None: its source says no range."""
    if sensor.low is None or sensor.high is None or sensor.high <= sensor.low:
        return None
    wide = sensor.high - sensor.low
    return sensor.low - wide, sensor.high + wide


def check_limits(
    record: SensorLimits, given: SensorLimits, before: SensorLimits, span: tuple[float, float] | None = None
) -> None:  # fmt: skip
    """`given`: by the source, of that day: what the record does not name of it goes on. `before`: what it is changed
    from: every limit of it is there still, though it may have ended. `span`: see `within`; for figures that are new.
    Raises SettingRefused."""
    if (record.id, record.sensor, record.name) != (given.id, given.sensor, given.name):
        raise SettingRefused("bad_record", "another sensor")
    if record.unit != given.unit:
        raise SettingRefused("unit_differs", given.unit)
    levels = [level_of(one) for one in record.limits]
    known = {one.value for one in (*given.limits, *before.limits)}
    if len(set(levels)) != len(levels):
        raise SettingRefused("label_twice")
    if not {level_of(one) for one in before.limits} <= set(levels):
        raise SettingRefused("levels_differ")
    if len(levels) > LIMITS_MOST:
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
    held = [one for one in record.limits if not one.ended]
    check_ladders([*held, *(one for one in given.limits if level_of(one) not in levels)])


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


def together(last: SensorLimits, holding: SensorLimits) -> SensorLimits:
    """What was decided last, with what holds beside it: what a change starts from."""
    named = {level_of(one) for one in last.limits}
    more = tuple(one for one in holding.limits if level_of(one) not in named)
    return msgspec.structs.replace(last, name=holding.name, limits=(*last.limits, *more))


def limit_moves(before: Iterable[Limit], after: Iterable[Limit]) -> list[tuple[Limit | None, Limit | None]]:
    """(as it was, as it is) of each limit that is another one than it was; None: there is none, or it has ended."""
    old = {level_of(one): one for one in before if not one.ended}
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


def limited(given: tuple[Limit, ...], setting: Setting | None) -> tuple[Limit, ...]:
    """A sensor's limits of all days: what its source and the files give, and what was set here, from its first day to
    the next change. Where two of one label hold on a day, the one that began last counts (`limits_at`)."""
    if setting is None:
        return given
    out = list(given)
    for n, made in enumerate(setting.amendments):
        until = setting.amendments[n + 1].valid_from if n + 1 < len(setting.amendments) else ""
        if isinstance(made.record, SensorLimits) and until != made.valid_from:
            out += [
                msgspec.structs.replace(one, valid_from=made.valid_from, valid_until=until, by=made.by)
                for one in made.record.limits
            ]
    return tuple(out)
