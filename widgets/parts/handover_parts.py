"""The hand-over that nobody has signed, as things stand here, and each second again: of the records of a feed that has
not moved nothing is made anew, nor a line of a row that says the same. Must not: show what is not there any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_

from backends.domain.alarm import Alarm
from backends.domain.handover import Handover, Line, Part, Section, intact
from backends.domain.handover_sheet import (
    ALARMS,
    fit,
    of_cameras,
    of_layout,
    of_log,
    of_reports,
    of_sorted,
    overdue,
    sections_of,
)
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import language
from widgets.models.alarm_order import Moves, Ordered
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.parts.memo import Memo
from widgets.parts.panel_rows import Row


class HandoverParts:
    """Of one page."""

    def __init__(self, city: CityModel, memo: Memo) -> None:
        self._city, self._memo = city, memo
        self._alarms: dict[Section, Ordered] = {}

    def alarms_moved(self, moves: Moves) -> None:
        """See `CityModel.alarmsMoved`: those that moved find their sections; the others stay where they are."""
        local = self._city.records(LOCAL_FEED)  # the station's own are not known to the hub, which freezes the sheet
        mine = {id_: alarm for id_, alarm in moves.items() if id_ not in local}
        sections = {id_: sections_of(alarm) if alarm is not None else () for id_, alarm in mine.items()}
        for section, ordered in self._alarms.items():
            ordered.change({id_: alarm if section in sections[id_] else None for id_, alarm in mine.items()})

    def _sorted(self) -> dict[Section, list[Alarm]]:
        if not self._alarms:
            self._alarms = {section: Ordered() for section in ALARMS}
            self.alarms_moved(self._city.records("alarms"))
        return {section: ordered.alarms for section, ordered in self._alarms.items()}

    def parts(self, since_ns: int, now_ns: int, layout: LocalText) -> tuple[Part, ...]:
        """As `handover_sheet.sheet`, of what this console has."""
        city, memo = self._city, self._memo
        late = overdue(city.records("reports").values(), now_ns)
        # The lists in it change in their places: it is another one by the object beside it.
        alarms = memo.of("alarms", city.moves("alarms"), lambda: (object(), of_sorted(self._sorted())))
        found = (
            alarms[1],
            memo.of("reports", (city.moves("reports"), late), lambda: of_reports(late)),
            memo.of("cameras", city.moves("cameras"), lambda: of_cameras(city.records("cameras").values())),
            memo.of("layout", layout, lambda: of_layout(layout)),
            memo.of(
                "log", (city.moves("timeline", "roster"), since_ns),
                lambda: of_log(city.logbook.values(), city.records("roster"), since_ns),
            ),
        )  # fmt: skip
        return memo.of("sheet", (alarms[0], *found[1:]), lambda: fit(reduce(or_, found)))

    def rows(self, part: Part, at_ns: int, make: Callable[[Line], Row]) -> Sequence[Row]:
        """`make` of each of its lines, as of `at_ns`: how late a report is runs on, all else moves with the day."""
        ticks = part.section is Section.OVERDUE and bool(part.lines)
        moment = at_ns // NS_PER_S if ticks else fmt.local_time(at_ns).date()
        made_of = (part, moment, language())
        return self._memo.of(f"rows.{part.section.value}", made_of, lambda: [make(line) for line in part.lines])

    def intact(self, shown: Handover) -> bool:
        """As `handover.intact`: reckoned for each record that comes, whatever its number, and for its every change."""
        return self._memo.of("intact", (shown,), lambda: intact(shown))
