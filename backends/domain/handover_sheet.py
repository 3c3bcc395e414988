"""What a hand-over lists: the city's records -> sections of lines. Pure.

The hub freezes it from its own records when a hand-over is signed; the console shows the same of what it has, before,
each second, and makes only those sections anew whose records have moved (`of_alarms` and the others, then `fit`).
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
ALARMS = (Section.OPEN, Section.CLAIMED, Section.SHELVED, Section.OUT_OF_SERVICE, Section.CHANNELS)
"""Sections of alarms."""
NO_LAYOUT = LocalText("")
"""Nobody says what is shown."""
_LISTED = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED, AlarmState.LATCHED})
Found = dict[Section, tuple[list[Any], Callable[[Any], Line]]]
"""By section: records in the order in which they are listed, and how one of them becomes a line."""


def sheet(
    *,
    alarms: Iterable[Alarm],
    reports: Iterable[Report],
    cameras: Iterable[Camera],
    entries: Iterable[TimelineEvent],
    people: Mapping[str, Operator],
    since_ns: int,
    now_ns: int,
    layout: LocalText = NO_LAYOUT,
) -> tuple[Part, ...]:
    """Every section, also an empty one: that there is nothing is something to be told.

    `entries`: events of the timeline, of which those of the logbook since `since_ns` are listed; `people`: the roster
    by id; `layout`: name of what is shown.
    """
    late = overdue(reports, now_ns)
    return fit(
        of_alarms(alarms)
        | of_reports(late)
        | of_cameras(cameras)
        | of_layout(layout)
        | of_log(entries, people, since_ns)
    )


def fit(found: Found) -> tuple[Part, ...]:
    """All sections, with as many lines each as one record has room for."""
    parts: tuple[Part, ...] = ()
    for most in MOST:
        parts = tuple(_part(section, *found[section], most) for section in Section)
        if len(msgspec.json.encode(parts)) <= SIZE_LIMIT:
            break
    return parts


def _part(section: Section, records: list[Any], line: Callable[[Any], Line], most: int) -> Part:
    return Part(section, len(records), tuple(line(record) for record in records[:most]))


def of_alarms(alarms: Iterable[Alarm]) -> Found:
    by: dict[Section, list[Alarm]] = {section: [] for section in ALARMS}
    for alarm in alarms:
        for section in sections_of(alarm):
            by[section].append(alarm)
    for chosen in by.values():
        chosen.sort(key=list_order)
    return of_sorted(by)


def of_sorted(by: Mapping[Section, list[Alarm]]) -> Found:
    """`by`: all of ALARMS, each in the order of alarm lists."""
    found: Found = {section: (chosen, partial(_alarm, section)) for section, chosen in by.items()}
    first_back = sorted(by[Section.SHELVED], key=lambda alarm: (alarm.shelved_until_ns, alarm.id))
    return found | {Section.SHELVED: (first_back, partial(_alarm, Section.SHELVED))}


def sections_of(alarm: Alarm) -> tuple[Section, ...]:
    """None: it is not to be handed over, or it is quiet by design and another one speaks for it. That a channel is dead
    must be known whoever has its alarm in hand, so it stands in two."""
    if alarm.state is AlarmState.SHELVED:
        section = Section.SHELVED
    elif alarm.state is AlarmState.OUT_OF_SERVICE:
        section = Section.OUT_OF_SERVICE
    elif alarm.state in _LISTED:
        section = Section.CLAIMED if alarm.holder_id else Section.OPEN
    else:
        return ()
    dead = alarm.active and alarm.key.startswith(NO_DATA)
    return (section, Section.CHANNELS) if dead else (section,)


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


def overdue(reports: Iterable[Report], now_ns: int) -> list[tuple[Report, int]]:
    """(report, when it was due), the longest first: the clock alone changes it."""
    late = [(report, due_ns(report, now_ns)) for report in reports if report.state.open]
    late = [one for one in late if one[1] < now_ns]
    late.sort(key=lambda one: queue_order(one[0], now_ns))
    return late


def of_reports(late: list[tuple[Report, int]]) -> Found:
    """`late`: see `overdue`."""

    def line(one: tuple[Report, int]) -> Line:
        report, t_ns = one
        title, agency = _short(report.title), _short(report.agency)
        return Line("reports", report.id, title, agency, report.state.value, "", t_ns, report.holder)

    return {Section.OVERDUE: (late, line)}


def of_cameras(cameras: Iterable[Camera]) -> Found:
    """One that is switched off is not dead."""
    dead = [camera for camera in cameras if camera.enabled and not camera.online]
    dead.sort(key=lambda camera: (camera.number, camera.id))

    def line(camera: Camera) -> Line:
        name = LocalText(*(_cut(f"{camera.number} {camera.name.get(lang)}") for lang in ("vi", "en")))
        why = LocalText(_cut(camera.reason))
        return Line("cameras", camera.id, name, why, "offline", "", camera.t_state_ns)

    return {Section.CAMERAS: (dead, line)}


def of_layout(layout: LocalText) -> Found:
    return {Section.LAYOUT: ([layout] if layout.vi else [], lambda name: Line("layouts", "", _short(name)))}


def of_log(entries: Iterable[TimelineEvent], people: Mapping[str, Operator], since_ns: int) -> Found:
    """The newest first."""
    written = [entry for entry in entries if entry.what == LOG_ENTRY and entry.t_ns >= since_ns]
    written.sort(key=lambda entry: (entry.t_ns, entry.id), reverse=True)
    corrected = {entry.corrects for entry in written}

    def line(entry: TimelineEvent) -> Line:
        mark = "corrected" if entry.id in corrected else "correction" if entry.corrects else ""
        person = people.get(entry.actor)
        who = person.short if person is not None else entry.actor
        return Line(
            "timeline", entry.id, _short(entry.text), state=mark, t_ns=entry.t_ns, who=who, pictures=entry.pictures
        )

    return {Section.LOG: (written, line)}


def _short(words: LocalText) -> LocalText:
    return LocalText(_cut(words.vi), _cut(words.en))


def _cut(text: str) -> str:
    whole = one_line(text)
    return whole if len(whole) <= NAME_LIMIT else whole[: NAME_LIMIT - 1].rstrip() + "…"
