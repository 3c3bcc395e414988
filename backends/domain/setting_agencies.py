"""Which agencies there can be, and what becomes of the work of one that is taken away. Pure.

`records`: those of the feed `config`, by id, settings included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from backends.domain.place import Agency
from backends.domain.report import Report, ReportState
from backends.domain.settings import SETTING, AgencyEnd, Setting, SettingRefused, check_name
from backends.domain.text import LocalText


def agencies_on(records: Mapping[str, object], day: str) -> dict[str, Agency]:
    """As they will be on that day, today's or a later one, by what has been decided."""
    found = {id_: one for id_, one in records.items() if isinstance(one, Agency)}
    for setting in records.values():
        if isinstance(setting, Setting):
            holds = setting.on(day)
            if isinstance(holds, Agency):
                found[setting.target] = holds
            else:
                found.pop(setting.target, None)
    return found


def check_agency(agency: Agency, then: Mapping[str, Agency], later: Mapping[str, Agency]) -> None:
    """`then`: the agencies of its first day, `later`: as they will be when all that was decided has begun. Raises
    SettingRefused."""
    check_name(agency.name)
    if not agency.parent:
        return
    if agency.parent not in then:
        raise SettingRefused("unknown_parent", agency.parent[:64])
    if agency.parent not in later:
        raise SettingRefused("parent_ends", then[agency.parent].name.vi)
    for agencies in (then, later):
        if _leads_to(agency.parent, agency.id, agencies):
            raise SettingRefused("parent_below", agencies[agency.parent].name.vi)


def check_end(end: AgencyEnd, then: Mapping[str, Agency], later: Mapping[str, Agency], open_reports: int) -> None:
    """May it be taken away? As `check_agency`; `open_reports`: that are its work now. Raises SettingRefused."""
    for agencies in (then, later):
        below = sorted(one.name.vi for one in agencies.values() if one.parent == end.id != one.id)
        if below:
            raise SettingRefused("has_children", f"{len(below)}: {', '.join(below[:3])}{', …' * (len(below) > 3)}")
        if end.heir and (end.heir == end.id or end.heir not in agencies):
            raise SettingRefused("bad_heir", end.heir[:64])
    if open_reports and not end.heir:
        raise SettingRefused("open_reports", str(open_reports))


def works_of(agency_id: str, reports: Iterable[Report]) -> list[Report]:
    """The open reports that it has, or that it probably will have."""
    return [one for one in reports if one.agency_id == agency_id and one.state.open]


def taken_away(agency_id: str, records: Mapping[str, object], t_ns: int) -> AgencyEnd | None:
    """How it was, where there is no such agency at that time any more."""
    setting = records.get(SETTING + agency_id)
    holds = setting.at(t_ns) if isinstance(setting, Setting) else None
    return holds if isinstance(holds, AgencyEnd) else None


def heir_of(end: AgencyEnd, records: Mapping[str, object], t_ns: int) -> Agency | None:
    """Who goes on with its work at that time: its heir, or that one's; None: the centre."""
    at, seen = end.heir, {end.id}
    while at and at not in seen:
        seen.add(at)
        if (gone := taken_away(at, records, t_ns)) is None:
            found = records.get(at)
            return found if isinstance(found, Agency) else None
        at = gone.heir
    return None


def placed(report: Report, records: Mapping[str, object], t_ns: int) -> Report:
    """An open report as it came, or was opened again: the work of one that was taken away is its heir's, else it is
    undecided. Closed ones keep the name that they had."""
    if not report.state.open or (end := taken_away(report.agency_id, records, t_ns)) is None:
        return report
    if (heir := heir_of(end, records, t_ns)) is not None:
        return msgspec.structs.replace(report, agency_id=heir.id, agency=heir.name)
    state = report.state if report.state.undecided else ReportState.NEW
    return msgspec.structs.replace(report, state=state, agency_id="", agency=LocalText(""))


def _leads_to(start: str, wanted: str, agencies: Mapping[str, Agency]) -> bool:
    """Is `wanted` the agency `start`, or above it? Ends also where a source gives a ring."""
    seen: set[str] = set()
    at = start
    while at and at not in seen:
        if at == wanted:
            return True
        seen.add(at)
        at = agencies[at].parent if at in agencies else ""
    return False
