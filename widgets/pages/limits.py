"""Limits of sensors, and of whole kinds of them: what holds today, and by whom or which standard; changed, added and
ended from a day on.

A sensor is found by its name or station; without words those are there that were changed at a screen. Kinds stand
above. Of each limit a sensor's own counts, else that of its kind, else the standard. A cycle: 1. Enter
shows its limits, and what ever was changed; 2. of one of them, or a new one, figure, priority, deadband and delays are
put as they are to be; 3. from which day, and why. What a limit was before is kept: a past time is judged, and drawn, by
what held then. What is typed is checked here by the rules of the hub, which looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.action import Verb
from backends.domain.alarm import Priority
from backends.domain.limits import day_of, level_of
from backends.domain.sensor import Limit, Sensor
from backends.domain.setting_limits import (
    LABEL_MOST,
    LIMIT_FIELDS,
    check_kind,
    check_limits,
    has_own,
    kind_name,
    kinds,
    set_apart,
    within,
)
from backends.domain.settings import (
    NAME_MOST,
    SETTING,
    KindLimits,
    LimitsRecord,
    SensorLimits,
    SettingRecord,
    SettingRefused,
)
from backends.domain.text import LocalText
from widgets.i18n import language, local, tr
from widgets.models import setting_rows as words_of
from widgets.models.setting_rows import Entry, LimitEntry, kind_entry, limit_entry, whence
from widgets.pages import PageSpec
from widgets.pages.setting_asks import SettingAsks, narrowed
from widgets.parts.panel_rows import Row
from widgets.search.words import matches, sort_key, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Question

LISTED_MOST = 100
_SIDES = {"above": True, "below": False}
_SECONDS = ("giây", "s")


class LimitsPage(SettingAsks):
    """See the module."""

    feeds = frozenset({"config"})

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        self._entries: dict[tuple[str, str], LimitEntry] = {}
        super().__init__(session, window, scale, room, doer, about)

    def title(self) -> str:
        return tr("settings.limits_title")

    # -- rows ------------------------------------------------------------------------------------------

    def look_up(self, words: str) -> Sequence[Row]:
        self._entries = {}
        day, moves = day_of(self.session.clock.now_ns()), self.session.city.moves("sensors", "config")
        kind_rows, found = self.memo.of(
            "found", (words, day, language(), moves), lambda: (self._kinds(words, day), self._found(words, day))
        )
        rows = [self._kind_row(entry, day) for entry in kind_rows]
        if rows:
            rows.insert(0, Row(("heading", "kinds"), tr("settings.heading.kinds"), heading=True))
        heading = tr("settings.heading.limits" if words.strip() else "settings.heading.limits_here")
        rows.append(Row(("heading", "limits"), heading, heading=True))
        return [*rows, *(self._row(entry, day) for entry in found)]

    def _kinds(self, words: str, day: str) -> list[LimitEntry]:
        """Those that the words find, those that were changed first, then those that have limits."""
        wanted, city, said = split(words), self.session.city, tr("settings.heading.kinds")
        found = [
            kind_entry(city, sensors, day)
            for sensors in kinds(city.records("sensors").values()).values()
            if matches(wanted, tokens(f"{local(kind_name(sensors))} {sensors[0].parameter} {said}"))
        ]
        found.sort(key=lambda one: (one.setting is None, not _limits(one).limits, sort_key(local(one.record.name))))
        return found

    def _found(self, words: str, day: str) -> list[LimitEntry]:
        """The first LISTED_MOST that the words find, those that have limits first, as they stand on that day."""
        wanted, city = split(words), self.session.city
        if wanted:
            found = [one for one in city.records("sensors").values() if matches(wanted, tokens(_names(one)))]
        else:
            settings = (one for one in city.records("config") if one.startswith(_PREFIX))
            sensors = (city.records("sensors").get(one.removeprefix(_PREFIX)) for one in settings)
            found = [one for one in sensors if one is not None]
        found.sort(key=lambda one: (not one.limits, sort_key(_names(one))))
        return [limit_entry(city, one, day) for one in found[:LISTED_MOST]]

    def _kind_row(self, entry: LimitEntry, day: str) -> Row:
        self._entries["kind", entry.record.id] = entry
        figures = words_of.value_words("limits", _limits(entry).limits, self.session.city)
        own = sum(has_own(one, day) for one in entry.sensors)
        parts = [tr("settings.limit.own_count", n=own)] if own else []
        parts.append(f"{figures} {_limits(entry).unit}" if figures else tr("settings.limit.none_of_all"))
        title = tr("settings.limit.kind", name=local(entry.record.name), n=len(entry.sensors))
        state, strong = self._state(entry, day)
        return Row(("kind", entry.record.id), title, place=" · ".join(parts), state=state, strong_state=strong)

    def _row(self, entry: LimitEntry, day: str) -> Row:
        (sensor,) = entry.sensors
        self._entries["sensor", sensor.id] = entry
        holds = _limits(entry)
        state, strong = self._state(entry, day)
        figures = words_of.value_words("limits", holds.limits, self.session.city)
        place = f"{figures} {sensor.unit}" if holds.limits else tr("settings.limit.none")
        title = f"{local(sensor.station)} · {local(sensor.name)}" if local(sensor.station) else local(sensor.name)
        return Row(("sensor", sensor.id), title, place=place, state=state, strong_state=strong)

    def _state(self, entry: LimitEntry, day: str) -> tuple[str, bool]:
        """As of other settings; where nothing is set now, where its limits come from, each only once."""
        state, strong = self.state(entry)
        now_ns = self.session.clock.now_ns()
        standing = entry.setting.standing(now_ns) if entry.setting is not None else None
        if strong or (standing is not None and standing.record is not None):
            return state, strong
        froms = dict.fromkeys(whence(entry, one, day) for one in _limits(entry).limits)
        return " · ".join(filter(None, (*froms, words_of.waits_words(entry.setting, now_ns)))), False

    def foot(self, row: Row | None) -> str:
        keys = super().foot(row)
        return f"{tr('settings.does.open')} · {keys}" if row is not None else keys

    # -- one sensor ------------------------------------------------------------------------------------

    def choose(self, row: Row, second: bool) -> str:
        entry = self._entries.get(row.key)
        if entry is None:
            return ""
        return self.ask(
            Question(
                tr("settings.ask.limit", name=row.title), lambda which: self._on_limit(entry, row, which), row,
                choices=lambda typed: self._limit_rows(entry, typed),
            )
        )  # fmt: skip

    def _limit_rows(self, entry: LimitEntry, typed: str) -> list[Row]:
        rows, day = [], day_of(self.session.clock.now_ns())
        for n, one in enumerate(entry.last().limits):
            state = tr("settings.limit.ended") if one.ended else words_of.limit_figure(one)
            priority = words_of.limit_value("priority", one)
            rows.append(Row(("limit", str(n)), local(one.label), priority, whence(entry, one, day), state))
        rows += [Row(("limit", "new"), tr("settings.limit.new")), *self.reset_rows(entry)]
        return [*narrowed(rows, typed), *self.history_rows(entry)]

    def _on_limit(self, entry: LimitEntry, row: Row, which: str) -> str:
        if why := self.may_not(Verb.CONFIGURE):
            return why
        if which == "reset":
            return self.ask_day(entry, row, None)
        if which == "new":
            return self._ask_label(entry, row)
        return self._ask_one(entry, row, entry.last(), level_of(entry.last().limits[int(which)]))

    # -- one limit -------------------------------------------------------------------------------------

    def _ask_one(self, entry: LimitEntry, row: Row, draft: LimitsRecord, which: tuple[str, bool]) -> str:
        """What is to be another one of it; what is put so far stands first, and goes on to day and reason."""
        one = _of(draft, which)
        asked = tr("settings.ask.one", name=row.title, limit=local(one.label), unit=draft.unit)

        def choices(typed: str) -> list[Row]:
            change = words_of.change_words(entry.last(), draft, None, self.session.city)
            rows = [Row(("do", "set"), tr("settings.limit.set"), place=change)] if change else []
            for field in LIMIT_FIELDS:
                rows.append(Row(("do", field), tr(f"settings.limit.{field}"), state=words_of.limit_value(field, one)))
            rows.append(Row(("do", "ended"), tr(f"settings.limit.{'again' if one.ended else 'end'}")))
            return narrowed(rows, typed)

        return self.ask(
            Question(asked, lambda field: self._on_field(entry, row, draft, which, field), row, choices=choices)
        )

    def _on_field(self, entry: LimitEntry, row: Row, draft: LimitsRecord, which: tuple[str, bool], field: str) -> str:
        one = _of(draft, which)
        if field == "set":
            return self.ask_day(entry, row, draft)
        if field == "ended":
            changed = _with(draft, which, ended=not one.ended)
            return self._refused(entry, changed) or self.ask_day(entry, row, changed)
        if field == "priority":
            return self._ask_priority(row, one, lambda p: self._put(entry, row, draft, which, priority=p))
        value = getattr(one, field)
        asked = tr(f"settings.ask.limit_{field}", name=row.title, limit=local(one.label), unit=draft.unit)

        def typed(words: str) -> str:
            read = _seconds(words) if field.endswith("_s") else _figure(words, draft.unit)
            if isinstance(read, str):
                return read
            return self._put(entry, row, draft, which, **{field: read})

        shown = "" if value is None else words_of.plain(value)
        return self.ask(Question(asked, typed, row, typed=shown, most=NAME_MOST))

    def _put(
        self, entry: LimitEntry, row: Row, draft: LimitsRecord, which: tuple[str, bool], **fields: object
    ) -> str:  # fmt: skip
        changed = _with(draft, which, **fields)
        return self._refused(entry, changed) or self._ask_one(entry, row, changed, which)

    def _refused(self, entry: LimitEntry, draft: LimitsRecord, day: str = "") -> str:
        """Why it cannot be, in words; empty: it can."""
        set_so, given = self.as_sent(entry, draft), entry.given
        try:
            if isinstance(set_so, KindLimits) and isinstance(given, KindLimits) and set_so.limits:
                check_kind(set_so, given, entry.set_last, entry.sensors, day or day_of(self.session.clock.now_ns()))
            elif isinstance(set_so, SensorLimits) and isinstance(given, SensorLimits) and set_so.limits:
                check_limits(set_so, given, entry.set_last, within(entry.sensors[0]))
        except SettingRefused as refused:
            return words_of.refusal_words(refused.code, refused.text)
        return ""

    def as_sent(self, entry: Entry, record: SettingRecord) -> SettingRecord:
        """What is as given is not set: it goes on as given, whatever becomes of that."""
        if isinstance(entry, LimitEntry) and isinstance(record, LimitsRecord):
            return set_apart(record, entry.set_last, entry.given)
        return record

    # -- a new one -------------------------------------------------------------------------------------

    def _ask_label(self, entry: LimitEntry, row: Row) -> str:
        def named(words: str) -> str:
            if not words:
                return words_of.refusal_words("bad_label", str(LABEL_MOST))
            sides = [Row(("side", one), tr(f"settings.limit.{one}")) for one in _SIDES]
            asked = tr("settings.ask.side", name=row.title, limit=words)
            return self.ask(
                Question(
                    asked, lambda side: self._ask_value(entry, row, words, _SIDES[side]), row,
                    choices=lambda typed: narrowed(sides, typed),
                )
            )  # fmt: skip

        return self.ask(Question(tr("settings.ask.label", name=row.title), named, row, most=LABEL_MOST))

    def _ask_value(self, entry: LimitEntry, row: Row, label: str, above: bool) -> str:
        unit = entry.last().unit

        def valued(words: str) -> str:
            value = _figure(words, unit)
            if isinstance(value, str):
                return value
            one = Limit(LocalText(label), value, Priority.LOW, above)
            return self._ask_priority(row, one, lambda p: self._add(entry, row, one, p))

        asked = tr("settings.ask.limit_value", name=row.title, limit=label, unit=unit)
        return self.ask(Question(asked, valued, row, most=NAME_MOST))

    def _add(self, entry: LimitEntry, row: Row, one: Limit, priority: Priority) -> str:
        """Put it beside the others; in the place of one that had ended."""
        base, made = entry.last(), msgspec.structs.replace(one, priority=priority)
        kept = tuple(old for old in base.limits if not (old.ended and level_of(old) == level_of(one)))
        draft = msgspec.structs.replace(base, limits=(*kept, made))
        return self._refused(entry, draft) or self._ask_one(entry, row, draft, level_of(made))

    def _ask_priority(self, row: Row, one: Limit, then: Callable[[Priority], str]) -> str:
        rows = [Row(("priority", p.value), tr(f"priority.{p.value}")) for p in Priority]
        asked = tr("settings.ask.limit_priority", name=row.title, limit=local(one.label))
        return self.ask(Question(asked, lambda p: then(Priority(p)), row, choices=lambda typed: narrowed(rows, typed)))


_PREFIX = f"{SETTING}limits/"


def _limits(entry: LimitEntry) -> LimitsRecord:
    """What holds today."""
    assert isinstance(entry.record, LimitsRecord)  # the page has no others
    return entry.record


def _of(draft: LimitsRecord, which: tuple[str, bool]) -> Limit:
    return next(one for one in draft.limits if level_of(one) == which)


def _with(draft: LimitsRecord, which: tuple[str, bool], **fields: object) -> LimitsRecord:
    limits = tuple(msgspec.structs.replace(one, **fields) if level_of(one) == which else one for one in draft.limits)
    return msgspec.structs.replace(draft, limits=limits)


def _figure(words: str, unit: str) -> float | str:
    """What was typed; else why it is no figure, in words."""
    value = words_of.read_signed(words.removesuffix(unit).strip() if unit else words)
    if value is not None:
        return value
    if any(c.isalpha() for c in words):
        # "220 cm" for a level in metres: the figure alone would be a hundred times too high.
        return words_of.refusal_words("unit_differs", unit)
    return words_of.no_figure()


def _seconds(words: str) -> float | str | None:
    """What was typed, None where nothing was; else why it is no figure, in words."""
    for unit in _SECONDS:
        words = words.removesuffix(unit).strip()
    value = words_of.read_figure(words)
    return words_of.no_figure() if value is None and words else value


def _names(sensor: Sensor) -> str:
    return f"{local(sensor.station)} {local(sensor.name)} {sensor.id}"


SPEC = PageSpec("limits", LimitsPage)
