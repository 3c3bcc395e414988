"""The centre's own data as rows: what holds, where it comes from, what waits for its day; and what is typed, read.

Pure but for the language on screen. Must not: decide what may be set (`domain.settings` and the hub do).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backends.domain.action import ActionStatus, Stage
from backends.domain.limits import day_of, level_of, limits_at
from backends.domain.place import Agency, SlaRule
from backends.domain.report_moves import ESCALATE_AT
from backends.domain.report_twins import WITHIN_M, WITHIN_S
from backends.domain.sensor import Limit, Sensor
from backends.domain.setting_limits import below, kind_limits, limit_differences, limit_moves, limits_of, together
from backends.domain.settings import (
    KINDS,
    LIMITS,
    SETTING,
    AgencyEnd,
    KindLimits,
    LimitsRecord,
    Setting,
    SettingRecord,
    differences,
)
from backends.domain.text import LocalText, fold
from widgets import format as fmt
from widgets.i18n import Language, language, local, tr
from widgets.models.city import CityModel
from widgets.search.words import sort_key

_REFUSED = frozenset(
    {
        "bad_day", "day_over", "day_far", "day_order", "bad_name", "bad_category", "category_twice", "bad_hours",
        "bad_metres", "bad_twin_hours", "bad_shares", "shares_cross", "unknown_parent", "parent_below", "parent_ends",
        "has_children", "open_reports", "bad_heir", "bad_reason",
        "nothing_given", "unknown_sensor", "unit_differs", "levels_differ", "bad_value", "bad_deadband", "levels_cross",
        "label_twice", "levels_many", "bad_label", "bad_delay", "deadband_wide", "out_of_range",
        "changed", "unchanged", "not_allowed", "nobody_signed_in", "session_over", "unsupported",
    }
)  # fmt: skip
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}))?")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Entry:
    """One record of the centre."""

    record: SettingRecord
    """What holds now; of what has not begun, what will."""
    setting: Setting | None
    """What was changed of it here; None: nothing ever."""
    begun: bool = True

    def last(self) -> SettingRecord | None:
        """What will hold when all that was decided has begun; None: it is new."""
        if self.setting is not None and self.setting.amendments:
            return self.setting.last()
        return self.record if self.begun else None

    @property
    def base(self) -> SettingRecord:
        """What a change starts from: it comes after all that waits."""
        return self.last() or self.record

    @property
    def given(self) -> SettingRecord | None:
        """What a reset leads to; None: there is none."""
        return self.setting.given if self.setting is not None else None

    @property
    def rev(self) -> int:
        """Of the setting that was seen; 0: there is none."""
        return self.setting.rev if self.setting is not None else 0


def entries(city: CityModel, kind: type[SlaRule] | type[Agency], now_ns: int) -> list[Entry]:
    """All of a kind, by name; those that begin on a later day last."""
    config = city.records("config")
    settings = {one.target: one for one in config.values() if isinstance(one, Setting)}
    found = [Entry(one, settings.get(one.id)) for one in config.values() if isinstance(one, kind)]
    found.sort(key=lambda entry: sort_key(local(entry.record.name)))
    for setting in settings.values():
        last = setting.last()
        if isinstance(last, kind) and setting.target not in config and not isinstance(setting.at(now_ns), AgencyEnd):
            found.append(Entry(last, setting, begun=False))
    return found


def ended_agencies(city: CityModel, now_ns: int) -> list[Entry]:
    """Those that were taken away, by name."""
    settings = [one for one in city.records("config").values() if isinstance(one, Setting)]
    found = [Entry(holds, one) for one in settings if isinstance(holds := one.at(now_ns), AgencyEnd)]
    return sorted(found, key=lambda entry: sort_key(local(entry.record.name)))


def ids_taken(city: CityModel) -> set[str]:
    """Of the feed `config`, with those of what was taken away: a new one must have another."""
    config = city.records("config")
    return {*config, *(one.target for one in config.values() if isinstance(one, Setting))}


@dataclass(frozen=True)
class LimitEntry(Entry):
    """The limits of one sensor, or of a kind."""

    sensors: tuple[Sensor, ...] = ()
    """Whose; one, or all of the kind."""
    below: LimitsRecord | None = None
    """What would hold without what was set for this one: by its kind and the standard, of a kind by the standard."""

    @property
    def set_last(self) -> LimitsRecord | None:
        """What was set for it last, and nothing else; None: nothing, or it was taken back."""
        last = self.setting.amendments[-1].record if self.setting is not None and self.setting.amendments else None
        return last if isinstance(last, LimitsRecord) else None

    @property
    def given(self) -> LimitsRecord:
        assert self.below is not None  # it is made with it
        return self.below

    def last(self) -> LimitsRecord:
        """Ended ones among them."""
        set_last = self.set_last
        return self.given if set_last is None else together(set_last, self.given)


def limit_entry(city: CityModel, sensor: Sensor, day: str) -> LimitEntry:
    """A sensor's limits of that day."""
    record = limits_of(sensor, day)
    return LimitEntry(record, _setting(city, record.id), sensors=(sensor,), below=below(sensor, day))


def kind_entry(city: CityModel, sensors: Sequence[Sensor], day: str) -> LimitEntry:
    """Those of a kind, as they hold on that day for all of it."""
    record, given = kind_limits(sensors, day), kind_limits(sensors, day, given=True)
    return LimitEntry(record, _setting(city, record.id), sensors=tuple(sensors), below=given)


def _setting(city: CityModel, target: str) -> Setting | None:
    found = city.records("config").get(SETTING + target)
    return found if isinstance(found, Setting) else None


def whence(entry: LimitEntry, limit: Limit, day: str) -> str:
    """Where a limit that holds on that day comes from; empty: it does not hold."""
    alike = [one for sensor in entry.sensors[:1] for one in limits_at(sensor.limits, day)]
    if isinstance(entry.record, KindLimits):
        alike = [one for sensor in entry.sensors for one in limits_at(sensor.limits, day) if one.of_kind or not one.by]
    held = next((one for one in alike if level_of(one) == level_of(limit)), None)
    if held is None:
        return ""
    if held.by:
        return tr(f"settings.limit.whence_{'kind' if held.of_kind else 'own'}", who=held.by)
    return held.standard or tr("settings.origin.given")


def agencies(city: CityModel) -> dict[str, Agency]:
    return {one.id: one for one in city.records("config").values() if isinstance(one, Agency)}


def agency_name(city: CityModel, agency_id: str) -> str:
    """Also of one that was taken away; its id where nothing is known of it."""
    config = city.records("config")
    found, setting = config.get(agency_id), config.get(SETTING + agency_id)
    if not isinstance(found, Agency) and isinstance(setting, Setting):
        found = setting.last()
    return local(found.name) if isinstance(found, Agency | AgencyEnd) else agency_id


def origin(entry: Entry, now_ns: int) -> str:
    """Where what holds comes from, and what waits."""
    setting = entry.setting
    if setting is None:
        return tr("settings.origin.given")
    standing = setting.standing(now_ns)
    if standing is None:
        words = tr("settings.origin.given") if entry.begun else tr("settings.origin.new")
    else:
        made = standing.record
        done = "reset" if made is None else "ended" if isinstance(made, AgencyEnd) else "changed"
        words = tr(f"settings.origin.{done}", who=standing.by, at=fmt.event_minutes(standing.t_ns, now_ns))
    return " · ".join(filter(None, (words, waits_words(setting, now_ns))))


def waits_words(setting: Setting | None, now_ns: int) -> str:
    """What of it waits for its day; empty: nothing."""
    waits = [one for one in setting.amendments if one.valid_from > day_of(now_ns)] if setting is not None else []
    if not waits:
        return ""
    will = "ends" if isinstance(waits[-1].record, AgencyEnd) else "waits"
    return tr(f"settings.origin.{will}", day=day_words(waits[-1].valid_from))


def amendment_words(n: int, setting: Setting, city: CityModel, now_ns: int) -> str:
    """One line of what happened to a record, of its change n."""
    made = setting.amendments[n]
    when = tr("settings.history", at=fmt.event_minutes(made.t_ns, now_ns), who=made.by)
    parts = (
        when,
        change_words(setting.before(n), made.record, setting.given, city),
        from_words(made.valid_from),
        made.reason,
    )
    return " · ".join(parts)


def change_words(
    before: SettingRecord | None, after: SettingRecord | None, given: SettingRecord | None, city: CityModel
) -> str:  # fmt: skip
    """ "số giờ: 12 » 6"; `after` None: it is as `given` again."""
    record = after if after is not None else given
    back = "limit.taken_back" if isinstance(record, LimitsRecord) else "origin.given"
    told = [] if after is not None else [tr(f"settings.{back}")]
    if isinstance(record, AgencyEnd):
        heir = tr("settings.agency.heir", agency=agency_name(city, record.heir)) if record.heir else ""
        told += [tr("settings.agency.ends"), *filter(None, [heir])]
    elif isinstance(before, AgencyEnd):
        told.append(tr("settings.agency.added"))
    for field, old, new in differences(before, record) if record is not None else ():
        if isinstance(record, LimitsRecord) and field == "limits":
            was_limits = before.limits if isinstance(before, LimitsRecord) else ()
            told += [limit_words(*move) for move in limit_moves(was_limits, record.limits, whole=after is None)]
            continue
        was = f"{value_words(field, old, city)} » " if before is not None else ""
        told.append(f"{tr(f'settings.field.{field}')}: {was}{value_words(field, new, city)}")
    return " · ".join(told)


def value_words(field: str, value: object, city: CityModel) -> str:
    """A field's value as a person reads it; what is left out says what counts then."""
    match field:
        case "hours":
            return fmt.duration(_float(value) * 3600)
        case "escalate":
            shares = value if isinstance(value, tuple) and value else ESCALATE_AT
            return " · ".join(tr("settings.percent", n=figure(share * 100)) for share in shares)
        case "within_m":
            return tr("settings.metres", n=figure(_float(value) or WITHIN_M))
        case "within_hours":
            return fmt.duration((_float(value) * 3600) or WITHIN_S)
        case "limits":
            limits = value if isinstance(value, tuple) else ()
            return " · ".join(f"{local(one.label)} {figure(one.value)}" for one in limits if not one.ended)
        case "parent":
            return agency_name(city, str(value)) or tr("settings.no_parent")
        case _:
            return local(value) if isinstance(value, LocalText) else str(value)


def limit_words(old: Limit | None, new: Limit | None) -> str:
    """What becomes of one limit; None: there is none."""
    if old is None or new is None:
        one = new or old
        assert one is not None
        said = f"{local(one.label)} {limit_figure(one)}"
        if new is None:
            return tr("settings.limit.ends", limit=said)
        return tr("settings.limit.added", limit=f"{said} {limit_value('priority', one)}")
    moved = [
        f"{tr(f'settings.limit.{field}')} {limit_value(field, old)} » {limit_value(field, new)}"
        for field, _, _ in limit_differences(old, new)
    ]
    return f"{local(new.label)}: {', '.join(moved)}"


def limit_figure(limit: Limit) -> str:
    return f"{'>' if limit.above else '<'} {figure(limit.value)}"


def limit_value(field: str, limit: Limit) -> str:
    """One thing that can be set of a limit, as it is read."""
    value = getattr(limit, field)
    if field == "priority":
        return tr(f"priority.{value.value}")
    if field in ("on_delay_s", "off_delay_s"):
        return tr("settings.limit.of_class") if value is None else tr("settings.limit.seconds", n=figure(value))
    return figure(value)


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def figure(value: float) -> str:
    """With as many decimals as it has, two at most."""
    short = next((n for n in (0, 1) if abs(value * 10**n - round(value * 10**n)) < 1e-6), 2)
    return fmt.number(value, short)


def plain(value: float) -> str:
    """As it is typed: no dots for thousands."""
    words = f"{value:g}"
    return words.replace(".", ",") if language() is Language.VI else words


def from_words(day: str) -> str:
    return tr("settings.from", day=day_words(day))


def day_words(day: str) -> str:
    """01/12/2026, in both languages: it is typed so."""
    try:
        when = dt.date.fromisoformat(day)
    except ValueError:
        return day
    return f"{when.day:02d}/{when.month:02d}/{when.year}"


def read_day(typed: str, today: str) -> str:
    """ISO date of "01/12/2026", "1/12" (the next one), an ISO date, or nothing (today); empty = none of these."""
    words = typed.strip()
    if not words or fold(words) in ("hom nay", "today"):
        return today
    found = _DAY.fullmatch(words)
    try:
        if found is None:
            return dt.date.fromisoformat(words).isoformat()
        now = dt.date.fromisoformat(today)
        day = dt.date(int(found[3] or now.year), int(found[2]), int(found[1]))
        if not found[3] and day < now:
            day = day.replace(year=now.year + 1)
        return day.isoformat()
    except ValueError:
        return ""


def read_figure(typed: str) -> float | None:
    """A figure with a comma or a full stop; None: none."""
    words = typed.strip()
    return float(words.replace(",", ".")) if _FIGURE.fullmatch(words) and len(words) < 12 else None


def read_signed(typed: str) -> float | None:
    """As read_figure, of what may lie below nought."""
    words = typed.strip()
    below = words[:1] in ("-", "−")
    value = read_figure(words[1:] if below else words)
    return -value if below and value is not None else value


def no_figure() -> str:
    return tr("settings.why.no_figure")


def read_shares(typed: str) -> tuple[float, ...] | None:
    """ "100 150", "100% · 150%": in percent; nothing = the usual ones. None: no figures."""
    words = [one.rstrip("%") for one in re.split(r"[\s·;]+", typed.strip()) if one not in ("", "%")]
    found = [read_figure(one) for one in words]
    return None if None in found else tuple(one / 100 for one in found if one is not None)


def refusal_words(code: str, text: str = "") -> str:
    """Why it was not set, and what to do."""
    if code not in _REFUSED:
        return tr("settings.why.other", code=" ".join(filter(None, (code, text)))[:80])
    return tr(f"settings.why.{code}", text=day_words(text))


def pending_words(status: ActionStatus) -> str:
    """What became of the last click on a record."""
    match status.stage:
        case Stage.QUEUED:
            return tr("settings.pending.queued")
        case Stage.SENT | Stage.STORED:
            return tr("settings.pending.sent")
        case Stage.EXPIRED:
            return tr("settings.pending.expired")
        case _:
            return refusal_words(status.code, status.text)


def lost(statuses: Iterable[ActionStatus], known: Iterable[str]) -> list[ActionStatus]:
    """Clicks on what is not there: something new that is on its way, or was refused."""
    there = set(known)
    return [one for one in statuses if _new(one.action.feed, one.action.target) and one.action.target not in there]


def _new(feed: str, target: str) -> bool:
    return feed == "config" and not target.startswith((LIMITS, KINDS))
