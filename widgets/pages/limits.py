"""Limits of sensors: what holds today, by which standard or by whom, and a new figure from a day on.

A sensor is found by its name or station; without words those are there that were changed at a screen. Which limits
there are, and how grave each is, come from the source and the files of limits; here their figures are changed. What a
limit was before is kept: a past time is judged, and drawn, by what held then.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.action import Verb
from backends.domain.limits import day_of
from backends.domain.sensor import Limit, Sensor
from backends.domain.settings import NAME_MOST, SETTING, SensorLimits, SettingRecord, SettingRefused, check_limits
from widgets.i18n import language, local, tr
from widgets.models import setting_rows as words_of
from widgets.models.setting_rows import Entry, limit_entry
from widgets.pages import PageSpec
from widgets.pages.setting_asks import SettingAsks, narrowed
from widgets.parts.panel_rows import Row
from widgets.search.words import matches, sort_key, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Question

LISTED_MOST = 100


class LimitsPage(SettingAsks):
    """See the module."""

    feeds = frozenset({"config"})

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        self._entries: dict[tuple[str, str], Entry] = {}
        super().__init__(session, window, scale, room, doer, about)

    def title(self) -> str:
        return tr("settings.limits_title")

    # -- rows ------------------------------------------------------------------------------------------

    def look_up(self, words: str) -> Sequence[Row]:
        self._entries = {}
        day, moves = day_of(self.session.clock.now_ns()), self.session.city.moves("sensors", "config")
        found = self.memo.of("found", (words, day, language(), moves), lambda: self._found(words, day))
        rows = []
        for sensor, entry in found:
            self._entries["sensor", sensor.id] = entry
            rows.append(self._row(sensor, entry))
        heading = tr("settings.heading.limits" if words.strip() else "settings.heading.limits_here")
        return [Row(("heading", "limits"), heading, heading=True), *rows]

    def _found(self, words: str, day: str) -> list[tuple[Sensor, Entry]]:
        """The first LISTED_MOST that the words find, as they stand on that day."""
        wanted, config = split(words), self.session.city.records("config")
        found = [
            sensor
            for sensor in self.session.city.records("sensors").values()
            if sensor.limits
            and (matches(wanted, tokens(_names(sensor))) if wanted else f"{SETTING}limits/{sensor.id}" in config)
        ]
        found.sort(key=lambda sensor: sort_key(_names(sensor)))
        entries = ((sensor, limit_entry(self.session.city, sensor, day)) for sensor in found)
        return list(islice(((sensor, entry) for sensor, entry in entries if entry is not None), LISTED_MOST))

    def _row(self, sensor: Sensor, entry: Entry) -> Row:
        holds = _limits(entry.record)
        state, strong = self.state(entry)
        if entry.setting is None and not strong:
            state = next((one.standard for one in holds.limits if one.standard), "") or state
        figures = words_of.value_words("limits", holds.limits, self.session.city)
        title = f"{local(sensor.station)} · {local(sensor.name)}" if local(sensor.station) else local(sensor.name)
        return Row(("sensor", sensor.id), title, place=f"{figures} {sensor.unit}", state=state, strong_state=strong)

    def foot(self, row: Row | None) -> str:
        keys = super().foot(row)
        return f"{tr('settings.does.open')} · {keys}" if row is not None else keys

    # -- what is done ----------------------------------------------------------------------------------

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

    def _limit_rows(self, entry: Entry, typed: str) -> list[Row]:
        rows = [
            Row(("limit", str(n)), local(one.label), tr(f"priority.{one.priority.value}"), one.standard, _figure(one))
            for n, one in enumerate(_limits(entry.base).limits)
        ]
        return [*narrowed([*rows, *self.reset_rows(entry)], typed), *self.history_rows(entry)]

    def _on_limit(self, entry: Entry, row: Row, which: str) -> str:
        if why := self.may_not(Verb.CONFIGURE):
            return why
        if which == "reset":
            return self.ask_day(entry, row, None)
        one = _limits(entry.base).limits[int(which)]
        unit = _limits(entry.base).unit
        asked = tr("settings.ask.value", name=row.title, limit=local(one.label), unit=unit)
        typed = words_of.plain(one.value)
        return self.ask(
            Question(asked, lambda words: self._on_value(entry, row, one, words), row, typed=typed, most=NAME_MOST)
        )

    def _on_value(self, entry: Entry, row: Row, one: Limit, words: str) -> str:
        record, unit = _limits(entry.base), _limits(entry.base).unit
        figure = words.removesuffix(unit).strip() if unit else words
        value = words_of.read_signed(figure)
        if value is None and any(c.isalpha() for c in words):
            # "220 cm" for a level in metres: the figure alone would be a hundred times too high.
            return words_of.refusal_words("unit_differs", unit)
        if value is None:
            return words_of.no_figure()
        limits = tuple(msgspec.structs.replace(old, value=value) if old == one else old for old in record.limits)
        changed = msgspec.structs.replace(record, limits=limits)
        try:
            check_limits(changed, record)
        except SettingRefused as refused:
            return words_of.refusal_words(refused.code, refused.text)
        return self.ask_day(entry, row, changed)


def _limits(record: SettingRecord) -> SensorLimits:
    assert isinstance(record, SensorLimits)  # the page has no others
    return record


def _names(sensor: Sensor) -> str:
    return f"{local(sensor.station)} {local(sensor.name)} {sensor.id}"


def _figure(limit: Limit) -> str:
    return f"{'>' if limit.above else '<'} {words_of.figure(limit.value)}"


SPEC = PageSpec("limits", LimitsPage)
