"""Who covers which areas and sectors, judged: right and expiry are checked before, the transaction is the caller's.

It stands on the feed `roster`, with the person. A shift lead says it for anybody who sits at a station, everybody else
for himself. Must not: keep anything of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from backends.domain.action import Action, Verb
from backends.domain.alarm import TransitionRefused
from backends.domain.coverage import AT_WORK
from backends.domain.people import Operator, Role
from backends.domain.place import Area
from backends.domain.text import LocalText
from backends.hub import timeline
from backends.hub.intake import Intake
from backends.hub.ports import Change
from backends.hub.report_desk import Unfit

SECTORS_MOST, AREAS_MOST = 32, 200
"""Of one person."""
_SECTOR = re.compile(r"\S{1,40}")
_NAMES: Mapping[str, LocalText] = {
    "flood": LocalText("ngập lụt", "floods"),
    "environment": LocalText("môi trường", "environment"),
    "traffic": LocalText("giao thông", "traffic"),
    "security": LocalText("an ninh, cứu nạn", "security, rescue"),
    "devices": LocalText("thiết bị", "devices"),
    "reports": LocalText("tin báo", "reports"),
}
"""As the timeline says it."""


def judge(intake: Intake, person: Operator, action: Action, now_ns: int) -> tuple[Operator, tuple[Change, ...]]:
    """The person's record as it is to be written, and all changes.

    Raises Unfit, or TransitionRefused where that person is not there, or was changed meanwhile.
    """
    if action.verb is not Verb.COVER:
        raise Unfit("unsupported", f"{action.verb.value} on roster")
    if action.target != person.id and person.role is not Role.SHIFT_LEAD:
        raise Unfit("not_allowed", person.role.value)
    known = intake.operator(action.target)
    if known is None or not known.station_id:
        raise TransitionRefused("gone")
    if known.role not in AT_WORK:
        raise Unfit("bad_person", known.role.value)
    places = {area.id: area for area in intake.records("config").values() if isinstance(area, Area)}
    areas = _named(action.args, "areas", AREAS_MOST)
    sectors = _named(action.args, "sectors", SECTORS_MOST)
    for area_id in areas:
        if area_id not in places and area_id not in known.areas:
            raise Unfit("bad_area", area_id[:64])
    for sector in sectors:
        if not (_SECTOR.fullmatch(sector) and sector.isprintable()):
            raise Unfit("bad_sector", sector[:64])
    if action.expect_state_rev not in (0, known.rev):
        raise TransitionRefused("changed", known.short)
    if (areas, sectors) == (known.areas, known.sectors):
        raise TransitionRefused("unchanged", known.short)
    rev = intake.rev("roster", known.id) + 1
    moved = msgspec.structs.replace(known, areas=areas, sectors=sectors, rev=rev)
    put = Change("roster", "put", moved.id, now_ns, moved, rev, action.aid)
    return moved, (put, timeline.of_cover(action.aid, moved, person, _words(moved, places), now_ns))


def _named(args: Mapping[str, str], key: str, most: int) -> tuple[str, ...]:
    """Each once, in order. Raises Unfit."""
    named = tuple(sorted(set(args.get(key, "").split())))
    if len(named) > most:
        raise Unfit("too_long", f"{key}: at most {most}")
    return named


def _words(person: Operator, places: Mapping[str, Area]) -> LocalText:
    """`Thu Hà: Phường 1 · ngập lụt`."""

    def said(lang: str) -> str:
        areas = [places[one].name.get(lang) if one in places else one for one in person.areas]
        sectors = [_NAMES[one].get(lang) if one in _NAMES else one for one in person.sectors]
        return f"{person.short}: {_listed(areas)} · {_listed(sectors)}"

    return LocalText(said("vi"), said("en"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "–"
