"""What a person changes of the centre's own data at a screen: the hours of a category, the agencies. Pure.

A change never alters what was before it: it is added, with who, when and why, and holds from a day on. So a past time
is judged by what applied then, and what the source gives (the city's own tables) is kept below and can be put back.
Days are Vietnam's, as in `limits`. Must not: know who may do it, or where it is kept.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from backends.domain.limits import day_of
from backends.domain.place import Agency, SlaRule
from backends.domain.sensor import Limit
from backends.domain.text import LocalText, fold

SETTING = "setting/"
"""How the ids of settings begin; the id of what they are about follows."""
LIMITS = "limits/"
"""How the ids of a sensor's limits begin."""
KINDS = "kind-limits/"
"""And those of the limits of a kind of sensor."""
NAME_MOST = 80
HOURS_MOST = 8760.0
"""A year."""
METRES_MOST = 100_000.0
SHARES_MOST = 10.0
"""Ten times the allowed time: later than that nobody is told of it any more."""
EVER = "9999-12-31"
"""A day by which all that was decided has begun."""
AHEAD_DAYS = 5 * 366
"""A day further ahead is a slip of the hand."""
KEPT_MOST = 100
"""Changes that a setting keeps; older ones are in the timeline alone. A record has a bound, changes have none."""
KEPT_BYTES = 120 << 10
"""And all of them together, as JSON: below a third of what one record may have, so that a sensor's limits fit, too."""
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class SensorLimits(msgspec.Struct, frozen=True, omit_defaults=True, tag="limits", tag_field="kind"):
    """The limits of one sensor, as they are to hold. Not on the feed by itself: the sensor's record has them."""

    id: str
    """`limits/` and the sensor's id."""
    sensor: str
    name: LocalText
    """The sensor's, for whoever reads what was changed."""
    unit: str
    """As Sensor.unit."""
    limits: tuple[Limit, ...]
    """Of each label and side one, with those that have ended; their days say nothing here. What is not named goes on as
    its kind has it, or the source."""


class KindLimits(msgspec.Struct, frozen=True, omit_defaults=True, tag="kind_limits", tag_field="kind"):
    """The limits of all sensors of one kind, as they are to hold where a sensor has none of its own of that name."""

    id: str
    """`kind-limits/`, parameter, `/` and unit."""
    parameter: str
    unit: str
    name: LocalText
    """What such sensors are called; the hub says it."""
    limits: tuple[Limit, ...]
    """As of SensorLimits."""


LimitsRecord = SensorLimits | KindLimits


class AgencyEnd(msgspec.Struct, frozen=True, omit_defaults=True, tag="agency_end", tag_field="kind"):
    """There is no such agency any more. Not on the feed by itself: from its day on the agency's record is gone."""

    id: str
    """The agency's."""
    name: LocalText
    """As it was called."""
    parent: str = ""
    heir: str = ""
    """Id of the agency that goes on with its open reports; empty: the centre decides about them anew."""


Configured = SlaRule | Agency
"""What is a record of the feed `config` itself."""
SettingRecord = SlaRule | Agency | AgencyEnd | SensorLimits | KindLimits
"""What can be changed."""


class Amendment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change, as it was decided."""

    t_ns: int
    """When it was decided."""
    by_id: str
    """Operator id."""
    by: str
    """His short name, as rows show it."""
    reason: str
    valid_from: str
    """ISO date, the first day on which it holds; of the day on which it was decided, from that moment."""
    record: SettingRecord | None = None
    """What holds from then on; None: what the source gives."""
    before: SettingRecord | None = None
    """What would have held on that day without it. None: there was nothing; or it is the `record` of the change before
    it, which is not written twice (see Setting.before)."""


class Setting(msgspec.Struct, frozen=True, omit_defaults=True, tag="setting", tag_field="kind"):
    """What was changed of one record of the feed `config`, beside that record: the newest KEPT_MOST changes."""

    id: str
    """`setting/` and the id of what it is about."""
    target: str
    amendments: tuple[Amendment, ...] = ()
    """As they were decided; the days from which they hold never fall. Before the first of them, what the source gives
    counts: the hours and limits of a time that lies more than KEPT_MOST changes back are in the timeline."""
    given: SettingRecord | None = None
    """What the source gives; None: it was made here."""
    rev: int = 1
    earlier: int = 0
    """So many older changes are in the timeline alone."""

    def before(self, n: int) -> SettingRecord | None:
        """What would have held without change n; None: there was nothing."""
        before = self.amendments[n].before
        return before if before is not None or n == 0 else self.amendments[n - 1].record

    def standing(self, t_ns: int) -> Amendment | None:
        """The change that holds at that time; None: what the source gives does."""
        day = day_of(t_ns)
        return next((a for a in reversed(self.amendments) if a.t_ns <= t_ns and a.valid_from <= day), None)

    def at(self, t_ns: int) -> SettingRecord | None:
        """What holds at that time; None: nothing yet."""
        found = self.standing(t_ns)
        return self.given if found is None or found.record is None else found.record

    def on(self, day: str) -> SettingRecord | None:
        """What will hold on that day, today's or a later one."""
        found = next((a for a in reversed(self.amendments) if a.valid_from <= day), None)
        return self.given if found is None or found.record is None else found.record

    def last(self) -> SettingRecord | None:
        """What will hold when everything that was decided has begun."""
        return self.on(EVER)


def with_change(setting: Setting, made: Amendment) -> Setting:
    """The setting with one more change, at its time. Of old ones that hold at no time from then on the oldest go where
    there are too many; what a change and the one before it both say is written once."""
    changes = [*setting.amendments, made]
    sizes = [len(msgspec.json.encode(one)) for one in changes]
    earlier = setting.earlier
    if len(changes) > 2:
        changes[-2] = _plain(changes[-2], changes[-3])  # not the newest: that one is read by itself
        sizes[-2] = len(msgspec.json.encode(changes[-2]))
    while len(changes) > KEPT_MOST or sum(sizes) > KEPT_BYTES:
        n = _needless(changes, made.t_ns)
        if n is None:
            break
        after = Setting(setting.id, setting.target, tuple(changes)).before(n + 1)
        changes[n + 1] = msgspec.structs.replace(changes[n + 1], before=after)
        sizes[n + 1] = len(msgspec.json.encode(changes[n + 1]))
        del changes[n], sizes[n]
        earlier += 1
    return msgspec.structs.replace(setting, amendments=tuple(changes), earlier=earlier)


def _plain(made: Amendment, last: Amendment) -> Amendment:
    same = made.before is not None and made.before == last.record
    return msgspec.structs.replace(made, before=None) if same else made


def _needless(changes: list[Amendment], t_ns: int) -> int | None:
    """The oldest change that holds at no time from now on; None: all do."""
    today = day_of(t_ns)
    for n, (one, after) in enumerate(pairwise(changes)):
        if after.valid_from <= today or after.valid_from == one.valid_from:
            return n
    return None


class SettingRefused(Exception):
    """This cannot be set so. `code` is stable, `text` the figure or name that it is about."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


def check_day(valid_from: str, t_ns: int, setting: Setting | None) -> None:
    """Raises SettingRefused: no day, one that is over, too far ahead, or before a change that waits for its day."""
    today = day_of(t_ns)
    try:
        day = dt.date.fromisoformat(valid_from)
    except ValueError:
        raise SettingRefused("bad_day", valid_from[:20]) from None
    if day.isoformat() != valid_from:
        raise SettingRefused("bad_day", valid_from[:20])
    if valid_from < today:
        raise SettingRefused("day_over", today)
    if (day - dt.date.fromisoformat(today)).days > AHEAD_DAYS:
        raise SettingRefused("day_far", valid_from)
    waits = setting.amendments[-1].valid_from if setting is not None and setting.amendments else ""
    if valid_from < waits:
        raise SettingRefused("day_order", waits)


def check_rule(rule: SlaRule, before: SlaRule | None, others: Iterable[SlaRule]) -> None:
    """`others`: the rules of all other categories. Raises SettingRefused."""
    check_name(rule.name)
    if not _ID.fullmatch(rule.category) or (before is not None and rule.category != before.category):
        raise SettingRefused("bad_category", rule.category[:64])
    if any(other.category == rule.category for other in others):
        raise SettingRefused("category_twice", rule.category)
    check_figure("bad_hours", rule.hours, HOURS_MOST, above_zero=True)
    check_figure("bad_metres", rule.within_m, METRES_MOST)
    check_figure("bad_twin_hours", rule.within_hours, HOURS_MOST)
    for share in rule.escalate:
        check_figure("bad_shares", share, SHARES_MOST, above_zero=True)
    # Two steps are lifted, to the shift lead and to the leaders; the second one later than the first.
    if len(rule.escalate) > 2 or list(rule.escalate) != sorted(set(rule.escalate)):
        raise SettingRefused("shares_cross")


def check_name(name: LocalText) -> None:
    """Raises SettingRefused."""
    if not 0 < len(name.vi.strip()) <= NAME_MOST or len(name.en) > NAME_MOST:
        raise SettingRefused("bad_name", str(NAME_MOST))


def check_figure(code: str, value: float, most: float, *, above_zero: bool = False) -> None:
    """From 0 to `most`. Raises SettingRefused with that code."""
    if not math.isfinite(value) or not 0 <= value <= most or (above_zero and value == 0):
        raise SettingRefused(code, f"{most:g}")


def new_id(name: str, taken: Iterable[str]) -> str:
    """An id for something that is made here: its name in plain small letters, and a number where that is taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:40].strip("-") or "agency"
    known = set(taken)
    return next(one for n in range(1, len(known) + 3) if (one := plain if n == 1 else f"{plain}-{n}") not in known)


def is_id(text: str) -> bool:
    """May something that is made here be called so?"""
    return _ID.fullmatch(text) is not None


_SAME = frozenset({"id", "category", "sensor", "parameter", "unit", "heir"})
"""Fields that name a record, or are said by themselves."""


def differences(before: SettingRecord | None, after: SettingRecord) -> list[tuple[str, object, object]]:
    """(field, what it was, what it is) of each field that differs; of what is new, all that it says."""
    found: list[tuple[str, object, object]] = []
    for name in type(after).__struct_fields__:
        new = getattr(after, name)
        old = getattr(before, name, None)
        if name not in _SAME and new != old and (before is not None or new not in ("", 0.0, ())):
            found.append((name, old, new))
    return found


def amended(records: Iterable[object], settings: Iterable[Setting], t_ns: int) -> list[object]:
    """What a source gives, under what was changed here: what holds at that time, with the settings themselves."""
    by_target = {setting.target: setting for setting in settings}
    out: list[object] = []
    for record in records:
        if not isinstance(record, Configured) or (setting := by_target.pop(record.id, None)) is None:
            out.append(record)
            continue
        # The source may give something else than it did: that is what a reset leads to from now on.
        setting = msgspec.structs.replace(setting, given=record)
        holds = setting.at(t_ns)
        out += [holds, setting] if isinstance(holds, Configured) else [setting]
    for setting in by_target.values():
        holds = setting.at(t_ns)
        out += [holds, setting] if isinstance(holds, Configured) else [setting]
    return out
