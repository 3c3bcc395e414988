"""What a hand-over lists: the city's records -> sections of lines. Pure.

The hub freezes it from its own records when a hand-over is signed; the console shows the same of what it has, before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from backends.domain.alarm import Alarm, AlarmState, list_order
from backends.domain.camera import Camera
from backends.domain.handover import Line, Part, Section
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
_LISTED = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED, AlarmState.LATCHED})


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
    found = [
        *_of_alarms(sorted(alarms, key=list_order)),
        (Section.OVERDUE, _overdue(reports, now_ns)),
        (Section.CAMERAS, _dead(cameras)),
        (Section.LAYOUT, [Line("layouts", "", LocalText(_cut(layout)))] if layout else []),
        (Section.LOG, _log(entries, people, since_ns)),
    ]
    order = list(Section)
    found.sort(key=lambda pair: order.index(pair[0]))
    parts: tuple[Part, ...] = ()
    for most in MOST:
        parts = tuple(Part(section, len(lines), tuple(lines[:most])) for section, lines in found)
        if len(msgspec.json.encode(parts)) <= SIZE_LIMIT:
            break
    return parts


def _of_alarms(alarms: list[Alarm]) -> list[tuple[Section, list[Line]]]:
    """Those that are quiet by design are spoken for by others; what stands is in one of the first four sections."""
    lines: dict[Section, list[Line]] = {
        section: []
        for section in (Section.OPEN, Section.CLAIMED, Section.SHELVED, Section.OUT_OF_SERVICE, Section.CHANNELS)
    }
    for alarm in alarms:
        section = _section_of(alarm)
        if section is None:
            continue
        line = _line(alarm, section)
        lines[section].append(line)
        # That a channel is dead must be known whoever has its alarm in hand.
        if alarm.key.startswith(NO_DATA) and alarm.active:
            lines[Section.CHANNELS].append(msgspec.structs.replace(line, t_ns=alarm.t_raised_ns, who="", why=""))
    lines[Section.SHELVED].sort(key=lambda line: (line.t_ns, line.id))
    return list(lines.items())


def _section_of(alarm: Alarm) -> Section | None:
    """None: it is not to be handed over."""
    if alarm.state is AlarmState.SHELVED:
        return Section.SHELVED
    if alarm.state is AlarmState.OUT_OF_SERVICE:
        return Section.OUT_OF_SERVICE
    if alarm.state not in _LISTED:
        return None
    return Section.CLAIMED if alarm.holder_id else Section.OPEN


def _line(alarm: Alarm, section: Section) -> Line:
    t_ns, who, why = alarm.t_raised_ns, alarm.holder or alarm.acked_by, ""
    if section is Section.SHELVED:
        t_ns, who, why = alarm.shelved_until_ns, alarm.shelved_by, alarm.shelve_reason
    elif section is Section.OUT_OF_SERVICE:
        t_ns, who, why = alarm.t_oos_ns, alarm.oos_by, alarm.oos_reason
    return Line(
        "alarms", alarm.id, _short(alarm.name), _short(alarm.place), alarm.state.value, alarm.priority.value, t_ns, who,
        _cut(why),
    )  # fmt: skip


def _overdue(reports: Iterable[Report], now_ns: int) -> list[Line]:
    late = (report for report in reports if report.state.open and due_ns(report, now_ns) < now_ns)
    return [
        Line(
            "reports", report.id, _short(report.title), _short(report.agency), report.state.value,
            t_ns=due_ns(report, now_ns), who=report.holder,
        )
        for report in sorted(late, key=lambda report: queue_order(report, now_ns))
    ]  # fmt: skip


def _dead(cameras: Iterable[Camera]) -> list[Line]:
    """One that is switched off is not dead."""
    dead = (camera for camera in cameras if camera.enabled and not camera.online)
    return [
        Line(
            "cameras", camera.id, _short(_numbered(camera)), LocalText(_cut(camera.reason)), "offline",
            t_ns=camera.t_state_ns,
        )
        for camera in sorted(dead, key=lambda camera: (camera.number, camera.id))
    ]  # fmt: skip


def _numbered(camera: Camera) -> LocalText:
    return LocalText(*(f"{camera.number} {camera.name.get(lang)}" for lang in ("vi", "en")))


def _log(entries: Iterable[TimelineEvent], people: Mapping[str, Operator], since_ns: int) -> list[Line]:
    """The newest first."""
    written = [entry for entry in entries if entry.what == LOG_ENTRY and entry.t_ns >= since_ns]
    corrected = {entry.corrects for entry in written}
    written.sort(key=lambda entry: (entry.t_ns, entry.id), reverse=True)
    return [
        Line(
            "timeline", entry.id, _short(entry.text), t_ns=entry.t_ns, who=_who(entry.actor, people),
            state="corrected" if entry.id in corrected else "correction" if entry.corrects else "",
        )
        for entry in written
    ]  # fmt: skip


def _who(operator_id: str, people: Mapping[str, Operator]) -> str:
    person = people.get(operator_id)
    return person.short if person is not None else operator_id


def _short(words: LocalText) -> LocalText:
    return LocalText(_cut(words.vi), _cut(words.en))


def _cut(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= NAME_LIMIT else whole[: NAME_LIMIT - 1].rstrip() + "…"
