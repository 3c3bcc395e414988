"""Who covers which areas and which sectors: rows of areas, of sectors and of people, and giving them.

Enter on an area or a sector takes it, or gives it up; a shift lead is asked to whom it goes. Enter on a person lists
all that he can be given. What nobody covers is said: it sounds at every desk. Must not: change a record; the hub does,
and its answer stands in the person's row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile

from backends.domain.action import Verb
from backends.domain.coverage import SECTORS, covers
from backends.domain.limits import day_of
from backends.domain.people import Operator, Role
from backends.domain.place import Area
from backends.domain.ports import ActionRefused
from widgets.i18n import local, tr
from widgets.models.city import LOCAL_FEED
from widgets.pages import PageSpec
from widgets.parts.alarm_words import pending_words, sector_words, why_not
from widgets.parts.panel_rows import Row
from widgets.search.words import matches, sort_key, split, tokens
from widgets.windows.page import Page, Question

_PROGRAMS = frozenset(SECTORS)
_NAMED = 3
"""So many names stand in a row; more are counted."""


class AreasPage(Page):
    """See the module."""

    feeds = frozenset({"roster", "config"})
    _people: dict[str, Operator]
    """At work, as the rows show them."""
    _areas: dict[str, Area]
    _sectors: list[str]

    def title(self) -> str:
        return tr("areas.title")

    # -- what it shows ---------------------------------------------------------------------------------

    def look_up(self, words: str) -> Sequence[Row]:
        self._read()
        by_area, by_sector = self.memo.of("asking", self.session.city.moves("alarms", LOCAL_FEED), self._asking)
        parts = (
            ("areas", [self._area_row(area, by_area[area.id]) for area in self._areas.values()]),
            ("sectors", [self._sector_row(sector, by_sector[sector]) for sector in self._sectors]),
            ("people", [self._person_row(person) for person in self._people.values()]),
        )
        return [
            row
            for name, rows in parts
            for row in _under(Row(("head", name), tr(f"areas.{name}"), heading=True), words, rows)
        ]

    def _asking(self) -> tuple[Counter[str], Counter[str]]:
        """Unacknowledged alarms by area, and by sector."""
        asking = list(takewhile(lambda alarm: alarm.unacknowledged, self.session.city.alarms()))
        return Counter(alarm.area_id for alarm in asking), Counter(alarm.sector for alarm in asking)

    def _read(self) -> None:
        """As things stand now; before any rows are made."""
        self._people = {person.id: person for person in self.session.city.coverage.people}
        self._areas = self._in_force()
        self._sectors = self._all_sectors()

    def _in_force(self) -> dict[str, Area]:
        """Areas of today, and those that somebody covers all the same, by name."""
        today = day_of(self.session.clock.now_ns())
        covered = {area for person in self._people.values() for area in person.areas}
        found = [
            one
            for one in self.session.city.records("config").values()
            if isinstance(one, Area)
            and ((one.valid_from <= today and (not one.valid_to or today < one.valid_to)) or one.id in covered)
        ]
        return {area.id: area for area in sorted(found, key=lambda area: sort_key(local(area.name)))}

    def _all_sectors(self) -> list[str]:
        """The program's, those of people and those of alarms."""
        own = {sector for person in self._people.values() for sector in person.sectors}
        moves = self.session.city.moves("alarms", LOCAL_FEED)
        own |= self.memo.of("sectors", moves, lambda: {one.sector for one in self.session.city.alarms() if one.sector})
        return [*SECTORS, *sorted(own - _PROGRAMS)]

    def _area_row(self, area: Area, asking: int) -> Row:
        who = [(p, p.sectors) for p in self._people.values() if any(covers(p, area.id, s) for s in self._sectors)]
        names = [f"{p.short} ({_listed(map(sector_words, only))})" if only else p.short for p, only in who]
        bare = [sector for sector in self._sectors if not self.session.city.coverage.by(area.id, sector)]
        return self._row(
            "area", area.id, local(area.name), names, list(map(sector_words, bare)), len(self._sectors), asking
        )

    def _sector_row(self, sector: str, asking: int) -> Row:
        who = [(p, p.areas) for p in self._people.values() if any(covers(p, area, sector) for area in self._areas)]
        names = [f"{p.short} ({_listed(map(self._area_words, only))})" if only else p.short for p, only in who]
        bare = [area for area in self._areas if not self.session.city.coverage.by(area, sector)]
        words = list(map(self._area_words, bare))
        name = sector_words(sector)
        title = name[:1].upper() + name[1:]  # a row's name; elsewhere it stands within a sentence
        return self._row("sector", sector, title, names, words, len(self._areas), asking)

    @staticmethod
    def _row(kind: str, id_: str, title: str, names: list[str], bare: list[str], of: int, asking: int) -> Row:
        """`bare`: what nobody covers of `of` parts. `asking`: unacknowledged alarms there."""
        state = "" if not bare else tr("areas.nobody") if len(bare) == of else tr("areas.partly", what=_listed(bare))
        place = [*names, tr("areas.asking", n=asking)] if asking else names
        return Row((kind, id_), title, place=" · ".join(place), state=state, strong_state=bool(bare))

    def _person_row(self, person: Operator) -> Row:
        pending = self.session.city.pending.get(("roster", person.id))
        state = pending_words(pending) if pending is not None else tr(f"role.{person.role}")
        place = f"{_listed(map(self._area_words, person.areas)) or tr('areas.all_areas')} · " + (
            _listed(map(sector_words, person.sectors)) or tr("areas.all_sectors")
        )
        if not person.areas and not person.sectors:
            place = tr("areas.nothing")
        return Row(("person", person.id), person.name, place=place, state=state, strong_state=pending is not None)

    def _area_words(self, area_id: str) -> str:
        area = self._areas.get(area_id)
        return local(area.name) if area is not None else tr("areas.no_longer")

    def foot(self, row: Row | None) -> str:
        if row is not None and row.key[0] == "person":
            return tr("areas.keys_person")
        return tr("areas.keys_lead" if self._leads else "areas.keys")

    # -- what is done ----------------------------------------------------------------------------------

    @property
    def _leads(self) -> bool:
        return self.session.city.grant.role is Role.SHIFT_LEAD

    def choose(self, row: Row, second: bool) -> str:
        if why := self.may_not(Verb.COVER):
            return why
        kind, id_ = row.key
        if kind == "person":
            return self._list_all(id_)
        if not self._leads:
            return self._give(self.session.city.grant.operator_id, kind, id_)
        asked = tr("areas.to_whom", what=row.title)
        return self.ask(
            Question(asked, lambda person: self._give(person, kind, id_), row, lambda w: self._takers(w, kind, id_))
        )

    def _takers(self, words: str, kind: str, id_: str) -> Sequence[Row]:
        self._read()
        rows = [self._person_row(person) for person in self._people.values()]
        marked = [self._marked(row, self._people[row.key[1]], kind, id_) for row in rows]
        return [row for row in marked if _fits(words, row)]

    def _list_all(self, person_id: str) -> str:
        """All that one person can be given; it stays until Esc."""
        person = self._people.get(person_id)
        if person is None:
            return tr("areas.no_longer")
        if why := self._not_mine(person_id):
            return why
        asked = tr("areas.of_whom", who=person.name)
        about = self._person_row(person)
        return self.ask(
            Question(asked, lambda key: self._toggle(person_id, key), about, lambda w: self._offered(w, person_id))
        )

    def _offered(self, words: str, person_id: str) -> Sequence[Row]:
        self._read()
        person = self._people.get(person_id)
        if person is None:
            return ()
        pending = self.session.city.pending.get(("roster", person_id))
        head = (Row(("head", "state"), pending_words(pending), heading=True),) if pending is not None else ()
        areas = [Row(("all", f"area {one.id}"), local(one.name), head=tr("areas.area")) for one in self._areas.values()]
        sectors = [Row(("all", f"sector {one}"), sector_words(one), head=tr("areas.sector")) for one in self._sectors]
        rows = [self._marked(row, person, *row.key[1].split(" ", 1)) for row in (*areas, *sectors)]
        return [*head, *(row for row in rows if _fits(words, row))]

    @staticmethod
    def _marked(row: Row, person: Operator, kind: str, id_: str) -> Row:
        has = id_ in (person.areas if kind == "area" else person.sectors)
        state = tr("areas.has") if has else row.state
        return Row(row.key, row.title, row.head, row.place, state, strong_state=has or row.strong_state)

    def _toggle(self, person_id: str, key: str) -> str:
        kind, id_ = key.split(" ", 1)
        if why := self._give(person_id, kind, id_):
            return why
        why = self._list_all(person_id)
        self._choose_key(("all", key))
        return why

    def _not_mine(self, person_id: str) -> str:
        """Why the person here may not say what that one covers; empty = he may."""
        grant = self.session.city.grant
        return "" if person_id == grant.operator_id or self._leads else tr("areas.lead_only")

    def _give(self, person_id: str, kind: str, id_: str) -> str:
        """Give it to that person, or take it back, as he was shown. Returns why not; empty = the hub is asked."""
        city, person = self.session.city, self._people.get(person_id)
        if why := self._not_mine(person_id):
            return why
        if person is None:
            return tr("areas.no_longer")
        pending = city.pending.get(("roster", person_id))
        if pending is not None and not pending.stage.final:
            return tr("areas.waits")  # what is shown is about to change
        areas, sectors = set(person.areas), set(person.sectors)
        (areas if kind == "area" else sectors).symmetric_difference_update({id_})
        args = {"areas": " ".join(sorted(areas)), "sectors": " ".join(sorted(sectors))}
        try:
            self.session.actions.submit(Verb.COVER, "roster", person_id, person.rev, args)
        except ActionRefused as refusal:
            return why_not(city, refusal.code)
        return ""


def _listed(names: Iterable[str]) -> str:
    """ "Phường 1, Phường 2, Phường 3, +4"."""
    all_of_them = list(names)
    more = len(all_of_them) - _NAMED
    return ", ".join([*all_of_them[:_NAMED], *([f"+{more}"] if more > 0 else [])])


def _fits(words: str, row: Row) -> bool:
    return matches(split(words), tokens(f"{row.title} {row.place} {row.state}"))


def _under(heading: Row, words: str, rows: Iterable[Row]) -> list[Row]:
    found = [row for row in rows if _fits(words, row)]
    return [heading, *found] if found else []


SPEC = PageSpec("areas", AreasPage)
