"""What a hand-over lists: the city's records -> sections of lines. Pure.

The hub freezes it from its own records when a hand-over is signed; the console shows the same of what it has, before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from backends.domain.alarm import Alarm, AlarmState, list_order
from backends.domain.camera import Camera
from backends.domain.handover import Line, Part, Section, one_line
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from backends.domain.report import Report, due_ns, queue_order
from backends.domain.text import LocalText

NO_DATA = "nodata:"
"""How the keys of alarms begin that say that nothing is heard of a series, a station, or all (docs/alarms.md)."""
LOG_ENTRY = "log_entry"
"""`TimelineEvent.what` of an entry of the logbook."""
MOST = (100, 50, 20, 5)
"""Lines of one section: the first of these with which all of it stays below SIZE_LIMIT."""
SIZE_LIMIT = 160_000
"""Bytes of all sections as JSON. A record may have 400 KiB, and 100 notes of 500 characters want their part."""
NAME_LIMIT = 160
"""Characters of a name, a place, a reason."""
_LISTED = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED, AlarmState.LATCHED})
_Found = tuple[list[Any], Callable[[Any], Line]]
"""Records in the order in which they are listed, and how one of them becomes a line."""


def sheet(
    *,
    alarms: Iterable[Alarm],
    reports: Iterable[Report],
    cameras: Iterable[Camera],
    entries: Iterable[TimelineEvent],
    people: Mapping[str, Operator],
    since_ns: int,
    now_ns: int,
    layout: str = "",
) -> tuple[Part, ...]:
    """Every section, also an empty one: that there is nothing is something to be told.

    `entries`: events of the timeline, of which those of the logbook since `since_ns` are listed; `people`: the roster
    by id; `layout`: name of what is shown, empty = nobody says.
    """
    found: dict[Section, _Found] = {
        **_of_alarms(alarms),
        Section.OVERDUE: _overdue(reports, now_ns),
        Section.CAMERAS: _dead(cameras),
        Section.LAYOUT: ([layout] if layout else [], lambda name: Line("layouts", "", LocalText(_cut(name)))),
        Section.LOG: _log(entries, people, since_ns),
    }
    parts: tuple[Part, ...] = ()
    for most in MOST:
        parts = tuple(_part(section, *found[section], most) for section in Section)
        if len(msgspec.json.encode(parts)) <= SIZE_LIMIT:
            break
    return parts


def _part(section: Section, records: list[Any], line: Callable[[Any], Line], most: int) -> Part:
    return Part(section, len(records), tuple(line(record) for record in records[:most]))


def _of_alarms(alarms: Iterable[Alarm]) -> dict[Section, _Found]:
    """Those that are quiet by design are spoken for by others. That a channel is dead must be known whoever has its
    alarm in hand, so it stands in two sections."""
    by: dict[Section, list[Alarm]] = {
        section: []
        for section in (Section.OPEN, Section.CLAIMED, Section.SHELVED, Section.OUT_OF_SERVICE, Section.CHANNELS)
    }
    for alarm in alarms:
        section = _section_of(alarm)
        if section is not None:
            by[section].append(alarm)
            if alarm.active and alarm.key.startswith(NO_DATA):
                by[Section.CHANNELS].append(alarm)
    for section, chosen in by.items():
        if section is Section.SHELVED:
            chosen.sort(key=lambda alarm: (alarm.shelved_until_ns, alarm.id))
        else:
            chosen.sort(key=list_order)
    return {section: (chosen, partial(_alarm, section)) for section, chosen in by.items()}


def _section_of(alarm: Alarm) -> Section | None:
    """None: it is not to be handed over."""
    if alarm.state is AlarmState.SHELVED:
        return Section.SHELVED
    if alarm.state is AlarmState.OUT_OF_SERVICE:
        return Section.OUT_OF_SERVICE
    if alarm.state not in _LISTED:
        return None
    return Section.CLAIMED if alarm.holder_id else Section.OPEN


def _alarm(section: Section, alarm: Alarm) -> Line:
    t_ns, who, why = alarm.t_raised_ns, alarm.holder or alarm.acked_by, ""
    if section is Section.SHELVED:
        t_ns, who, why = alarm.shelved_until_ns, alarm.shelved_by, alarm.shelve_reason
    elif section is Section.OUT_OF_SERVICE:
        t_ns, who, why = alarm.t_oos_ns, alarm.oos_by, alarm.oos_reason
    elif section is Section.CHANNELS:
        who = ""
    return Line(
        "alarms", alarm.id, _short(alarm.name), _short(alarm.place), alarm.state.value, alarm.priority.value, t_ns, who,
        _cut(why),
    )  # fmt: skip


def _overdue(reports: Iterable[Report], now_ns: int) -> _Found:
    late = [report for report in reports if report.state.open and due_ns(report, now_ns) < now_ns]
    late.sort(key=lambda report: queue_order(report, now_ns))

    def line(report: Report) -> Line:
        title, agency, t_ns = _short(report.title), _short(report.agency), due_ns(report, now_ns)
        return Line("reports", report.id, title, agency, report.state.value, "", t_ns, report.holder)

    return late, line


def _dead(cameras: Iterable[Camera]) -> _Found:
    """One that is switched off is not dead."""
    dead = [camera for camera in cameras if camera.enabled and not camera.online]
    dead.sort(key=lambda camera: (camera.number, camera.id))

    def line(camera: Camera) -> Line:
        name = LocalText(*(_cut(f"{camera.number} {camera.name.get(lang)}") for lang in ("vi", "en")))
        why = LocalText(_cut(camera.reason))
        return Line("cameras", camera.id, name, why, "offline", "", camera.t_state_ns)

    return dead, line


def _log(entries: Iterable[TimelineEvent], people: Mapping[str, Operator], since_ns: int) -> _Found:
    """The newest first."""
    written = [entry for entry in entries if entry.what == LOG_ENTRY and entry.t_ns >= since_ns]
    written.sort(key=lambda entry: (entry.t_ns, entry.id), reverse=True)
    corrected = {entry.corrects for entry in written}

    def line(entry: TimelineEvent) -> Line:
        mark = "corrected" if entry.id in corrected else "correction" if entry.corrects else ""
        person = people.get(entry.actor)
        who = person.short if person is not None else entry.actor
        return Line("timeline", entry.id, _short(entry.text), state=mark, t_ns=entry.t_ns, who=who)

    return written, line


def _short(words: LocalText) -> LocalText:
    return LocalText(_cut(words.vi), _cut(words.en))


def _cut(text: str) -> str:
    whole = one_line(text)
    return whole if len(whole) <= NAME_LIMIT else whole[: NAME_LIMIT - 1].rstrip() + "…"
