"""How an alarm system does, after ISA-18.2 / IEC 62682 and EEMUA 191: from events of the timeline. Pure; times are
arguments, UTC ns.

What counts is what was put before people: an alarm that was raised, raised again, or no longer suppressed; what is
raised while it is set aside, suppressed or out of service does not. Figures are worked out for the time of which all
events are there (`whole`), and for no other. Targets are those of the standards' tables; where they say "about", the
figure itself is taken for the bound (docs/alarm-figures.md).
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from operator import itemgetter

import msgspec

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.definition import FLEETING_S
from backends.domain.incident import TimelineEvent
from backends.domain.overload import AT_WORK, WINDOW_S, overloaded
from backends.domain.people import Operator, Station
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

RATE_MOST = 1.0
"""Alarms in ten minutes for one operator, on average: very likely to be acceptable (EEMUA 191)."""
RATE_BEARABLE = 2.0
"""The most that can be managed (ISA-18.2)."""
PEAK_MOST = 10.0
"""In any ten minutes (ISA-18.2)."""
OVERLOAD_MOST = 0.01
"""Share of the time (ISA-18.2)."""
TOP = 10
TOP_MOST = 0.05
"""Share that the ten most frequent have: 1 to 5 % (ISA-18.2)."""
OLD_BELOW = 5
"""So many and more that are active for longer than OLD_S are too many, on any day (ISA-18.2)."""
OLD_S = 24 * 3600.0
SHARES = {Priority.URGENT: 0.01, Priority.HIGH: 0.05, Priority.MEDIUM: 0.15, Priority.LOW: 0.80}
"""About 80, 15, 5, and below 1 % of a fourth, gravest one (ISA-18.2): of low ones no less, of the others no more."""
LEAST_KNOWN = 100
"""Below this a single urgent alarm is more than its share."""
LEAD_NS = 24 * 3600 * NS_PER_S
"""So long before the asked time are events wanted: what is acknowledged in it was raised before."""
OLD_SHOWN = 50

_WINDOW_NS = int(WINDOW_S * NS_PER_S)
_FLEETING_NS = int(FLEETING_S * NS_PER_S)
_RAISED, _UNSUPPRESSED = "alarm_raised", "alarm_unsuppressed"
_ASIDE = frozenset({"alarm_shelved", "alarm_out_of_service", "alarm_suppressed"})
_BACK = frozenset({"alarm_unshelved", "alarm_in_service"})
_SEEN = frozenset({"alarm_acknowledged", "alarm_claimed"})

_PRESENCE = frozenset({"signed_in", "signed_out"})

Span = tuple[int, int]
"""From, and to (outside)."""
Duty = tuple[tuple[int, int], ...]
"""(from when, how many operators), rising; the first holds for all time before the second."""


class Frequent(msgspec.Struct, frozen=True):
    """One of the most frequent."""

    key: str
    """As Alarm.key: one cause, however often it was raised."""
    name: LocalText
    times: int


class Answered(msgspec.Struct, frozen=True):
    """How long alarms of a priority waited for somebody, of those that were acknowledged in the time."""

    priority: Priority
    times: int
    median_s: float
    p95_s: float
    """95 % waited no longer (nearest rank)."""


class Old(msgspec.Struct, frozen=True):
    """One that is active for longer than OLD_S."""

    id: str
    name: LocalText
    t_raised_ns: int


class AlarmFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a page says of a time. None: there is no such figure, because the data are not there."""

    within: Span
    """What was asked for."""
    counted: tuple[Span, ...] = ()
    """Of it the stretches of which all events are there; rising."""
    missing: tuple[Span, ...] = ()
    """The rest of it; also of no length, where something is missing between two events of one moment."""
    oldest_ns: int = 0
    """Of the oldest event that the store has; 0 = it has none, or nobody has looked."""
    raised: int = 0
    operators: float = 0.0
    """On duty, on average."""
    rate: float | None = None
    """Alarms in ten minutes for one operator, on average."""
    peak: float | None = None
    """The most in any ten minutes, for one operator."""
    peak_ns: int = 0
    """End of those ten minutes."""
    overload_s: float = 0.0
    """Time in overload (`domain.overload`)."""
    overloads: int = 0
    overload_longest_s: float = 0.0
    frequent: tuple[Frequent, ...] = ()
    """The most frequent, at most TOP."""
    by_priority: dict[Priority, int] = {}
    """Alarms whose priority their event tells."""
    answered: tuple[Answered, ...] = ()
    unknown_answers: int = 0
    """Acknowledged, but when they were raised is not among the events."""
    chattering: int = 0
    """Alarms (keys) that chattered."""
    fleeting: int = 0
    """Alarms that were over within FLEETING_S and did not come again."""
    old: tuple[Old, ...] = ()
    """Those now, the oldest first, at most OLD_SHOWN."""
    old_total: int = 0

    @property
    def counted_s(self) -> float:
        return _length(self.counted) / NS_PER_S


class Line(msgspec.Struct, frozen=True):
    """One figure beside its target."""

    id: str
    value: float | None
    target: float
    least: bool = False
    """The target is the least that is wanted, not the most."""
    below: bool = False
    """The target itself is already too much."""
    few: bool = False
    """Of so few alarms the share says nothing: one more would decide."""

    @property
    def met(self) -> bool | None:
        """None: there is no figure, or nothing to compare."""
        if self.value is None or self.few:
            return None
        if self.below:
            return self.value < self.target
        return self.value >= self.target if self.least else self.value <= self.target


def lines_of(figures: AlarmFigures) -> tuple[Line, ...]:
    """All that has a target. Ids: rate, peak, overload, top, old, chattering, fleeting, and those of the priorities."""
    told = bool(figures.counted)
    known = sum(figures.by_priority.values())
    top = sum(one.times for one in figures.frequent) / figures.raised if figures.raised else None
    return (
        Line("rate", figures.rate, RATE_MOST),
        Line("peak", figures.peak, PEAK_MOST),
        Line("overload", figures.overload_s / figures.counted_s if told else None, OVERLOAD_MOST),
        Line("top", top, TOP_MOST, few=figures.raised < TOP / TOP_MOST),
        Line("old", float(figures.old_total), OLD_BELOW, below=True),
        Line("chattering", float(figures.chattering) if told else None, 0.0),
        Line("fleeting", float(figures.fleeting) if told else None, 0.0),
        *(
            Line(priority, figures.by_priority.get(priority, 0) / known if known else None, share,
                 least=priority is Priority.LOW, few=known < LEAST_KNOWN)
            for priority, share in SHARES.items()
        ),
    )  # fmt: skip


def matters(event: TimelineEvent) -> bool:
    """Do figures follow from it? (Of its text those words of an alarm, its name.)"""
    return event.what.startswith("alarm_") or event.what in _PRESENCE


# -- who is there ----------------------------------------------------------------------------------------------------


def duty_of(events: Iterable[TimelineEvent], stations: Iterable[Station], roster: Iterable[Operator]) -> Duty:
    """From who sits where now, back through the events (rising in time) of people who came and went.

    Counted are operators and shift leads, at least one: somebody reads the list. Without such events it was always as
    it is now.
    """
    work = {person.id for person in roster if person.role in AT_WORK}
    sits = {one.id: one.operator_id for one in stations if one.online and one.operator_id}

    def many() -> int:
        return max(1, len({who for who in sits.values() if who in work}))

    steps: list[tuple[int, int]] = []
    for event in reversed([e for e in events if e.what in _PRESENCE]):
        steps.append((event.t_ns, many()))
        if event.what == "signed_out":
            sits[event.target] = event.actor
        elif sits.get(event.target, event.actor) == event.actor:
            sits.pop(event.target, None)
    return ((0, many()), *reversed(steps))


def on_duty(duty: Duty, t_ns: int) -> int:
    """How many at that moment."""
    return duty[max(0, bisect_right(duty, t_ns, key=itemgetter(0)) - 1)][1]


def _duty_ns(duty: Duty, span: Span) -> int:
    """Operators times time."""
    cuts = [span[0], *(t for t, _ in duty if span[0] < t < span[1]), span[1]]
    return sum((after - before) * on_duty(duty, before) for before, after in pairwise(cuts))


# -- what happened ---------------------------------------------------------------------------------------------------


class _Course:
    """One alarm while its events are read."""

    __slots__ = ("aside", "asks_ns", "fleeting_ns", "known", "priority", "raised_ns", "times")

    def __init__(self) -> None:
        self.aside = ""
        """What set it aside; empty = nothing."""
        self.asks_ns = 0
        """Since when it has asked for an acknowledgement; 0 = it does not."""
        self.fleeting_ns = 0
        self.known = False
        """Its first acknowledgement has been seen, or it is known when it was raised."""
        self.priority: Priority | None = None
        self.raised_ns = 0
        self.times = 0


class _Reading:
    """All events, one after the other, rising in time."""

    def __init__(self) -> None:
        self.raised: list[tuple[int, str, Priority | None]] = []
        self.answers: list[tuple[int, Priority | None, int]] = []
        """(when, priority, how long it waited)."""
        self.unknown: list[int] = []
        self.chatter: list[tuple[int, str]] = []
        self.names: dict[str, LocalText] = {}
        self.courses: dict[str, _Course] = {}

    def take(self, event: TimelineEvent) -> None:
        what = event.what
        if not what.startswith("alarm_"):
            return
        course = self.courses.setdefault(event.target, _Course())
        graver = _graver(event.priority, course.priority)
        course.priority = event.priority or course.priority
        if what in (_RAISED, _UNSUPPRESSED):
            # Of what is set aside only a graver priority brings it back; what is suppressed or not watched stays so.
            if what == _RAISED and course.aside and not (graver and course.aside == "alarm_shelved"):
                return
            self._put_before_people(event, course, graver=graver)
        elif what in _ASIDE:
            course.aside, course.asks_ns = what, 0
        elif what in _BACK:
            course.aside, course.asks_ns = "", event.t_ns
        elif what in _SEEN:
            self._seen(event, course)
        elif what == "alarm_chattering":
            self.chatter.append((event.t_ns, _key(event.target)))
        elif what == "alarm_returned" and course.times == 1 and event.t_ns - course.raised_ns < _FLEETING_NS:
            course.fleeting_ns = event.t_ns

    def _put_before_people(self, event: TimelineEvent, course: _Course, *, graver: bool) -> None:
        key = _key(event.target)
        self.raised.append((event.t_ns, key, course.priority))
        self.names[key] = event.text
        course.aside, course.fleeting_ns, course.known = "", 0, True
        course.raised_ns = event.t_ns
        course.times += 1
        if graver or not course.asks_ns:
            course.asks_ns = event.t_ns

    def _seen(self, event: TimelineEvent, course: _Course) -> None:
        if course.asks_ns:
            self.answers.append((event.t_ns, course.priority, event.t_ns - course.asks_ns))
        elif not course.known:
            self.unknown.append(event.t_ns)
        course.asks_ns, course.known = 0, True


def _graver(now: Priority | None, before: Priority | None) -> bool:
    return now is not None and before is not None and now.rank < before.rank


def _key(alarm_id: str) -> str:
    """As Alarm.key."""
    return alarm_id.rpartition("@")[0] or alarm_id


def figures_of(
    events: Sequence[TimelineEvent], within: Span, whole: Sequence[Span], duty: Duty, standing: Iterable[Alarm],
    now_ns: int,
) -> AlarmFigures:  # fmt: skip
    """`events`: rising in time, from LEAD_NS before `within` on as far as they are there. `whole`: rising stretches of
    which all events are there. `standing`: the alarms in the list now."""
    counted = tuple(cut for one in whole if (cut := _cut(one, within)) is not None)
    old = sorted((one for one in standing if _is_old(one, now_ns)), key=lambda one: (one.t_raised_ns, one.id))
    nothing = AlarmFigures(
        within=within,
        missing=_missing(within, whole),
        old=tuple(Old(one.id, one.name, one.t_raised_ns) for one in old[:OLD_SHOWN]),
        old_total=len(old),
    )
    if not counted:
        return nothing
    read = _Reading()
    for event in events:
        read.take(event)
    raised = [one for one in read.raised if _inside(one[0], within)]
    people_ns = sum(_duty_ns(duty, span) for span in counted)
    long_enough = _length(counted) >= _WINDOW_NS
    load = _Load([one[0] for one in read.raised], duty, within)
    for span in whole:
        load.sweep(span)
    chatter = {key for t_ns, key in read.chatter if _inside(t_ns, within)}
    times = Counter(key for _, key, _ in raised)
    return msgspec.structs.replace(
        nothing,
        counted=counted,
        raised=len(raised),
        operators=people_ns / _length(counted),
        rate=len(raised) * _WINDOW_NS / people_ns if long_enough else None,
        peak=load.peak,
        peak_ns=load.peak_ns,
        overload_s=sum(load.over_ns) / NS_PER_S,
        overloads=len(load.over_ns),
        overload_longest_s=max(load.over_ns, default=0) / NS_PER_S,
        frequent=tuple(
            Frequent(key, read.names[key], n) for key, n in sorted(times.items(), key=lambda kn: (-kn[1], kn[0]))[:TOP]
        ),
        by_priority=dict(Counter(priority for _, _, priority in raised if priority is not None)),
        answered=_answered([(p, waited) for t_ns, p, waited in read.answers if _inside(t_ns, within)]),
        unknown_answers=sum(_inside(t_ns, within) for t_ns in read.unknown),
        chattering=len(chatter),
        fleeting=sum(
            _inside(one.fleeting_ns, within) and _key(id_) not in chatter for id_, one in read.courses.items()
        ),
    )


def _answered(waited: Sequence[tuple[Priority | None, int]]) -> tuple[Answered, ...]:
    found = []
    for priority in Priority:
        took = sorted(ns / NS_PER_S for p, ns in waited if p is priority)
        if took:
            p95 = took[math.ceil(0.95 * len(took)) - 1]
            found.append(Answered(priority, len(took), statistics.median(took), p95))
    return tuple(found)


def _is_old(alarm: Alarm, now_ns: int) -> bool:
    """Set aside, suppressed or out of service, it is not before anybody's eyes."""
    seen = alarm.state in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
    return seen and alarm.active and now_ns - alarm.t_raised_ns > OLD_S * NS_PER_S


class _Load:
    """The load at every moment: what comes and goes out of the window of ten minutes, for each operator."""

    def __init__(self, raised_ns: Sequence[int], duty: Duty, within: Span) -> None:
        self._raised, self._duty, self._within = raised_ns, duty, within
        self.peak: float = 0.0
        self.peak_ns = 0
        self.over_ns: list[int] = []
        """How long each overload took, as far as it lies within."""

    def sweep(self, span: Span) -> None:
        """One stretch of which all events are there. Before it nothing is known: it begins calm."""
        first, last = (bisect_left(self._raised, t_ns) for t_ns in span)
        moments = [(t, 1) for t in self._raised[first:last]]
        moments += [(t + _WINDOW_NS, -1) for t, _ in moments]
        # Nothing comes then, but the load of each is another one, or it begins to count.
        moments += [(t, 0) for t in (self._within[0], *(t for t, _ in self._duty))]
        count = 0
        begun_ns: int | None = None
        for t_ns, steps in groupby(sorted(m for m in moments if span[0] <= m[0] < span[1]), key=itemgetter(0)):
            count += sum(step for _, step in steps)
            each = count / on_duty(self._duty, t_ns)
            if each > self.peak and _inside(t_ns, self._within):
                self.peak, self.peak_ns = each, t_ns
            over = overloaded(begun_ns is not None, each)
            if over and begun_ns is None:
                begun_ns = t_ns
            elif not over and begun_ns is not None:
                self._was_over((begun_ns, t_ns))
                begun_ns = None
        if begun_ns is not None:
            self._was_over((begun_ns, span[1]))

    def _was_over(self, span: Span) -> None:
        cut = _cut(span, self._within)
        if cut is not None:
            self.over_ns.append(cut[1] - cut[0])


# -- spans -----------------------------------------------------------------------------------------------------------


def _cut(span: Span, within: Span) -> Span | None:
    """What of it lies within; None: nothing of any length."""
    cut = max(span[0], within[0]), min(span[1], within[1])
    return cut if cut[0] < cut[1] else None


def _missing(within: Span, whole: Sequence[Span]) -> tuple[Span, ...]:
    """What lies between, before and behind the stretches."""
    inside = [one for one in whole if one[1] >= within[0] and one[0] <= within[1]]
    if not inside:
        return (within,)
    found = [(before[1], after[0]) for before, after in pairwise(inside)]
    if inside[0][0] > within[0]:
        found.insert(0, (within[0], inside[0][0]))
    if inside[-1][1] < within[1]:
        found.append((inside[-1][1], within[1]))
    return tuple((max(a, within[0]), min(b, within[1])) for a, b in found)


def _inside(t_ns: int, span: Span) -> bool:
    return span[0] <= t_ns < span[1]


def _length(spans: Iterable[Span]) -> int:
    return sum(end - begin for begin, end in spans)
