"""The centre's own data: how long a category of reports may take, which agencies there are. Who may changes it here.

Each row says what holds and where it comes from. A cycle: 1. Enter shows what can be changed of it, and what ever was;
2. the new value is asked for; 3. from which day; 4. before and after stand over the line that asks why, and Enter there
sends it, with the state that was seen when the row was opened. What became of it stands in the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.action import Verb
from backends.domain.limits import day_of
from backends.domain.place import Agency, SlaRule
from backends.domain.setting_agencies import agencies_on, check_agency, check_end, works_of
from backends.domain.settings import (
    EVER,
    NAME_MOST,
    AgencyEnd,
    Setting,
    SettingRecord,
    SettingRefused,
    check_rule,
    new_id,
)
from backends.domain.text import LocalText, fold
from widgets.i18n import local, tr
from widgets.models import setting_rows as words_of
from widgets.models.setting_rows import Entry, ended_agencies, entries
from widgets.pages import PageSpec
from widgets.pages.setting_asks import SettingAsks, narrowed
from widgets.parts.panel_rows import Row
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Question

_KINDS: tuple[tuple[type[SlaRule] | type[Agency], str], ...] = ((SlaRule, "sla"), (Agency, "agency"))
_FIELDS: Mapping[type, tuple[str, ...]] = {
    SlaRule: ("hours", "escalate", "within_m", "within_hours", "name_vi", "name_en"),
    Agency: ("name_vi", "name_en", "parent"),
}
_NEW = ("new", "agency")
_OTHERS = ("limits", "accounts")
"""Pages that are one Enter away."""
_ENDED = "agency_ended"
_TOP = "-"
"""The choice that an agency is part of none."""


class SettingsPage(SettingAsks):
    """See the module."""

    feeds = frozenset({"config"})

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        self._entries: dict[tuple[str, str], Entry] = {}
        super().__init__(session, window, scale, room, doer, about)

    def title(self) -> str:
        return tr("settings.title")

    # -- rows ------------------------------------------------------------------------------------------

    def look_up(self, words: str) -> Sequence[Row]:
        city, now_ns = self.session.city, self.session.clock.now_ns()
        self._entries = {(name, one.record.id): one for kind, name in _KINDS for one in entries(city, kind, now_ns)}
        self._entries |= {(_ENDED, one.record.id): one for one in ended_agencies(city, now_ns)}
        out: list[Row] = []
        for name in (*(name for _, name in _KINDS), _ENDED):
            heading = tr(f"settings.heading.{name}")
            rows = [self._row(key, entry) for key, entry in self._entries.items() if key[0] == name]
            rows += self._more(name)
            rows = narrowed(rows, words, heading)
            if rows:
                out += [Row(("heading", name), heading, heading=True), *rows]
        other = tr("settings.heading.other")
        pages = [Row(("page", one), tr(f"settings.other.{one}"), place=tr(f"settings.more.{one}")) for one in _OTHERS]
        if pages := narrowed(pages, words, other):
            out += [Row(("heading", "other"), other, heading=True), *pages]
        return out

    def _row(self, key: tuple[str, str], entry: Entry) -> Row:
        city, record, head, place = self.session.city, entry.record, "", ""
        if isinstance(record, SlaRule):
            head = words_of.value_words("hours", record.hours, city)
            shares = words_of.value_words("escalate", record.escalate, city)
            place = tr("settings.escalated_at", shares=shares)
        elif isinstance(record, Agency | AgencyEnd) and record.parent:
            place = tr("settings.part_of", parent=words_of.value_words("parent", record.parent, city))
        state, strong = self.state(entry)
        return Row(key, local(record.name), head, place, state, strong_state=strong)

    def _more(self, name: str) -> list[Row]:
        """Of agencies: new ones that are on their way, and the row that makes one."""
        if name != "agency":
            return []
        ids = [key[1] for key in self._entries]
        waiting = words_of.lost(self.session.city.pending.values(), ids)
        rows = [
            Row(("waiting", one.action.target), one.action.target, state=words_of.pending_words(one), strong_state=True)
            for one in waiting
        ]
        return [*rows, Row(_NEW, tr("settings.new_agency"))]

    def foot(self, row: Row | None) -> str:
        keys = super().foot(row)
        if row is None or row.key[0] == "waiting":
            return keys
        does = "page" if row.key[0] == "page" else "new" if row.key == _NEW else "open"
        return f"{tr(f'settings.does.{does}')} · {keys}"

    # -- what is done ----------------------------------------------------------------------------------

    def choose(self, row: Row, second: bool) -> str:
        if row.key[0] == "page":
            self.session.calls.pageCalled.emit(row.key[1], "")
            return ""
        if row.key == _NEW:
            return self.may_not(Verb.CONFIGURE) or self._ask_name(row)
        entry = self._entries.get(row.key)
        if entry is None:
            return words_of.pending_words(one) if (one := self.session.city.pending.get(("config", row.key[1]))) else ""
        return self.ask(
            Question(
                tr("settings.ask.what", name=row.title), lambda field: self._on_field(entry, row, field), row,
                choices=lambda typed: self._field_rows(entry, typed),
            )
        )  # fmt: skip

    def _field_rows(self, entry: Entry, typed: str) -> list[Row]:
        city, record = self.session.city, entry.record
        rows = []
        if isinstance(entry.last(), AgencyEnd):
            rows.append(Row(("field", "again"), tr("settings.agency.again")))
        else:
            for field in _FIELDS[type(record)]:
                value = words_of.value_words(field, _value_of(record, field), city)
                rows.append(Row(("field", field), tr(f"settings.field.{field}"), state=value))
            if isinstance(record, Agency):
                rows.append(Row(("field", "end"), tr("settings.agency.end"), place=self._hanging(record.id)))
        return [*narrowed([*rows, *self.reset_rows(entry)], typed), *self.history_rows(entry)]

    def _on_field(self, entry: Entry, row: Row, field: str) -> str:
        if why := self.may_not(Verb.CONFIGURE):
            return why
        if field == "reset":
            return self.ask_day(entry, row, None)
        if field == "end":
            return self._ask_heir(entry, row)
        if field in ("parent", "again"):
            return self._ask_parent(row, lambda parent: self._on_parent(entry, row, parent))
        typed = _typed(entry.base, field)
        asked = tr(f"settings.ask.{field}", name=row.title)
        return self.ask(
            Question(asked, lambda words: self._on_value(entry, row, field, words), row, typed=typed, most=NAME_MOST)
        )

    def _on_value(self, entry: Entry, row: Row, field: str, words: str) -> str:
        record = _with(entry.base, field, words)
        if record is None:
            return words_of.no_figure()
        return self._checked(record, entry.setting) or self.ask_day(entry, row, record)

    def _ask_parent(self, row: Row, then: Callable[[str], str]) -> str:
        def choices(typed: str) -> list[Row]:
            found = words_of.agencies(self.session.city).values()
            names = sorted((local(one.name), one.id) for one in found if one.id != row.key[1])
            rows = [Row(("parent", _TOP), tr("settings.no_parent")), *(Row(("parent", i), name) for name, i in names)]
            return narrowed(rows, typed)

        return self.ask(Question(tr("settings.ask.parent", name=row.title), then, row, choices=choices))

    def _on_parent(self, entry: Entry, row: Row, parent: str) -> str:
        record = Agency(entry.base.id, entry.base.name, "" if parent == _TOP else parent)
        return self._checked(record, entry.setting) or self.ask_day(entry, row, record)

    def _hanging(self, agency_id: str) -> str:
        """What would lose its agency."""
        children = sum(one.parent == agency_id for one in words_of.agencies(self.session.city).values())
        reports = len(works_of(agency_id, self.session.city.reports()))
        return tr("settings.agency.hanging", children=children, reports=reports)

    def _ask_heir(self, entry: Entry, row: Row) -> str:
        """Who goes on with the work of one that is taken away."""
        reports = len(works_of(entry.record.id, self.session.city.reports()))

        def choices(typed: str) -> list[Row]:
            found = words_of.agencies(self.session.city).values()
            names = sorted((local(one.name), one.id) for one in found if one.id != entry.record.id)
            nobody = Row(("heir", _TOP), tr("settings.agency.no_heir"))
            rows = [Row(("heir", id_), name) for name, id_ in names]
            return narrowed([*rows, nobody] if reports else [nobody, *rows], typed)

        def chosen(heir: str) -> str:
            base = entry.base
            parent = base.parent if isinstance(base, Agency) else ""
            end = AgencyEnd(base.id, base.name, parent, "" if heir == _TOP else heir)
            return self._checked(end, entry.setting) or self.ask_day(entry, row, end)

        return self.ask(Question(tr("settings.ask.heir", name=row.title, n=reports), chosen, row, choices=choices))

    def refused_on(self, record: SettingRecord | None, day: str) -> str:
        return self._checked(record, None, day) if isinstance(record, Agency | AgencyEnd) else ""

    def _ask_name(self, row: Row) -> str:
        """A new agency: its name, then what it is part of. One of that name that was taken away comes back."""

        def named(words: str) -> str:
            city, now_ns = self.session.city, self.session.clock.now_ns()
            record = Agency(new_id(words, words_of.ids_taken(city)), LocalText(words))
            entry = Entry(record, None, begun=False)
            for ended in ended_agencies(city, now_ns):
                if fold(ended.record.name.vi) == fold(words):
                    record, entry = Agency(ended.record.id, ended.record.name), ended
            about = Row(_NEW, words, state=tr("settings.origin.new"))
            return self._checked(record, None) or self._ask_parent(about, lambda p: self._on_parent(entry, about, p))

        return self.ask(Question(tr("settings.ask.new_agency"), named, row, most=NAME_MOST))

    def _checked(self, record: SettingRecord, setting: Setting | None, day: str = "") -> str:
        """What is wrong with it, in words: said before the day and the reason are asked for, and where agencies come
        and go with `day` once more when it is known. The hub looks again."""
        city, now_ns = self.session.city, self.session.clock.now_ns()
        try:
            if isinstance(record, Agency | AgencyEnd):
                config = city.records("config")
                later = agencies_on(config, EVER)
                if isinstance(record, Agency):
                    check_agency(record, agencies_on(config, day or day_of(now_ns)), later)
                else:
                    works = works_of(record.id, city.reports())
                    check_end(record, agencies_on(config, day or EVER), later, len(works))
            elif isinstance(record, SlaRule):
                others = [one.record for one in entries(city, SlaRule, now_ns) if one.record.id != record.id]
                before = setting.last() if setting is not None else None
                rules = [one for one in others if isinstance(one, SlaRule)]
                check_rule(record, before if isinstance(before, SlaRule) else None, rules)
        except SettingRefused as refused:
            return words_of.refusal_words(refused.code, refused.text)
        return ""


def _value_of(record: SettingRecord, field: str) -> object:
    if field in ("name_vi", "name_en"):
        return record.name.vi if field == "name_vi" else record.name.en
    return getattr(record, field)


def _typed(record: SettingRecord, field: str) -> str:
    """What stands in the line at first: the value as it is."""
    value = _value_of(record, field)
    if isinstance(value, tuple):
        return " ".join(words_of.plain(share * 100) for share in value)
    return words_of.plain(value) if isinstance(value, float) else str(value)


def _with(record: SettingRecord, field: str, words: str) -> SettingRecord | None:
    """With what was typed; None: it is no figure."""
    if field == "name_vi":
        return msgspec.structs.replace(record, name=LocalText(words, record.name.en))
    if field == "name_en":
        return msgspec.structs.replace(record, name=LocalText(record.name.vi, words))
    value = words_of.read_shares(words) if field == "escalate" else words_of.read_figure(words)
    return None if value is None else msgspec.structs.replace(record, **{field: value})


SPEC = PageSpec("settings", SettingsPage)
