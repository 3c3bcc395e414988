"""The logbook (sổ trực): entries that people write, which stand in the timeline and are never changed.

In memory are those that the next hand-over may list: as far back as its shift, at least half a day, and no further than
the log itself. What is corrected and older is looked for in the log. One thread.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from backends.domain.action import Action
from backends.domain.handover import Handover, since_ns, unlocked
from backends.domain.handover_sheet import LOG_ENTRY
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub.ports import Change, EventLog
from backends.hub.report_desk import Unfit, pictures_named
from backends.process import beat
from backends.protocol.codec import BadMessage, decode_body
from backends.protocol.messages import Envelope

log = logging.getLogger(__name__)

TEXT_LIMIT = 2000
TARGET_LIMIT = 200
PICTURES = 2
"""Of one entry."""
ABOUT = ("alarms", "reports", "cameras", "sensors", "config", "incidents")
"""Feeds of what an entry may be about; an area is a record of `config`."""
LEAST_NS = 12 * 3600 * NS_PER_S
"""So far back at least."""
MOST_NS = 7 * 24 * 3600 * NS_PER_S
"""And so far at most, if no hand-over is ever locked: further back the log has nothing either."""
MOST_ENTRIES = 20_000
"""In memory: ten times what a hundred people write in a shift, 120 MB if each had all characters that it may have."""
MOST_BYTES = 256 << 20
"""Of the timeline that are looked through at most: some 600,000 records."""
MOST_S = 5.0
"""A hub that takes over must serve soon."""
_PAGE, _PAGE_BYTES = 2000, 4 << 20
_TIME = re.compile(r"[0-9]{1,19}")


class LogBook:
    """The entries that the hub knows."""

    def __init__(self, written: Callable[[str], Envelope | None] = lambda id_: None) -> None:
        """`written`: the timeline's record of that id, out of the log."""
        self._written = written
        self._entries: dict[str, TimelineEvent] = {}
        self._too_many = False
        """It has been said."""

    def restore(self, events: Iterable[TimelineEvent]) -> None:
        """At a start."""
        for event in events:
            self.keep(event)

    def keep(self, entry: TimelineEvent) -> None:
        """It is committed."""
        self._entries[entry.id] = entry

    def forget(self, from_ns: int) -> None:
        """Those before that time, and beyond MOST_ENTRIES the oldest; the log has them. Called every second."""
        while self._entries:
            oldest = next(iter(self._entries.values()))
            if oldest.t_ns >= from_ns:
                if len(self._entries) <= MOST_ENTRIES:
                    return
                if not self._too_many:
                    log.warning("more than %d entries of the logbook in one shift: the oldest go", MOST_ENTRIES)
                self._too_many = True
            del self._entries[oldest.id]

    def entries(self) -> Iterable[TimelineEvent]:
        """Those in memory, oldest first."""
        return self._entries.values()

    def _find(self, id_: str) -> TimelineEvent | None:
        if (entry := self._entries.get(id_)) is not None:
            return entry
        envelope = self._written(id_)
        return _entry(envelope) if envelope is not None else None

    def judge(self, person: Operator, action: Action, now_ns: int) -> TimelineEvent:
        """The entry that the action wants. Raises Unfit.

        A correction is about what the corrected one is about.
        """
        args = action.args
        text = args.get("text", "").strip()
        if not 0 < len(text) <= TEXT_LIMIT:
            raise Unfit("bad_text", f"text: 1 to {TEXT_LIMIT} characters")
        about, target, corrects = args.get("about", ""), action.target, args.get("corrects", "")
        if corrects:
            corrected = self._find(corrects)
            if corrected is None:
                raise Unfit("bad_corrects", "there is no such entry")
            about, target = corrected.about, corrected.target
        elif about not in (*ABOUT, "") or bool(about) is not bool(target) or len(target) > TARGET_LIMIT:
            raise Unfit("bad_about", f"a target, and its feed in `about`: {', '.join(ABOUT)}; or neither")
        t_from_ns, t_to_ns = _span(args)
        return TimelineEvent(
            action.aid, now_ns, LOG_ENTRY, target, person.id, LocalText(text), about=about, t_from_ns=t_from_ns,
            t_to_ns=t_to_ns, corrects=corrects, pictures=pictures_named(args, PICTURES),
        )  # fmt: skip


def change_of(entry: TimelineEvent) -> Change:
    """How it is written."""
    return Change("timeline", "event", entry.id, entry.t_ns, entry, cause=entry.id)


def needed_from(handovers: Iterable[Handover], now_ns: int, people: Iterable[Operator] = ()) -> int:
    """How far back entries may be wanted: to the last hand-over that was locked, or the beginning of the shift of one
    of `people` while none ever was; half a day at least, MOST_NS at most."""
    handovers = list(handovers)
    under_way = unlocked(handovers)
    begun = [since_ns(handovers, person, now_ns) for person in (None, *people)]
    begun += [under_way.t_from_ns] if under_way is not None else []
    return max(min(now_ns - LEAST_NS, *begun), now_ns - MOST_NS)


def entries_of(events: EventLog, from_ns: int) -> list[TimelineEvent]:
    """Entries of the logbook among the records of the log's timeline since then (and some before), oldest first.

    From the newest back, so that a bound that cuts costs the oldest; it is said then.
    """
    head = events.head("timeline")
    first, upto = max(0, head.oldest - 1), head.head
    found: list[TimelineEvent] = []
    size, began_s = 0, time.monotonic()
    while upto > first:
        after = max(first, upto - _PAGE)
        page = list(_between(events, after, upto))
        if not page or page[-1].t < from_ns:  # written in the order of their times, but for what was told late
            break
        found += reversed([entry for envelope in page if (entry := _entry(envelope)) is not None])
        size += sum(len(envelope.body) for envelope in page)
        upto = after
        if upto > first and page[0].t >= from_ns and (size > MOST_BYTES or time.monotonic() - began_s > MOST_S):
            hours = (page[0].t - from_ns) / NS_PER_S / 3600
            log.warning("the logbook's entries of the first %.1f h of this shift are not looked for: too much", hours)
            break
        beat()  # to whoever started this process: it works
    return found[::-1]


def _between(events: EventLog, after: int, upto: int) -> Iterator[Envelope]:
    """Records of the timeline in order."""
    while after < upto and (page := events.fetch("timeline", after, upto - after, _PAGE_BYTES)):
        after = page[-1].seq
        yield from page


def _entry(envelope: Envelope) -> TimelineEvent | None:
    """None: it is none. Most are none, and not worth decoding."""
    if LOG_ENTRY.encode() not in bytes(envelope.body):
        return None
    try:
        event: TimelineEvent = decode_body("timeline", envelope.body)
    except BadMessage as error:
        log.error("event %s of the timeline cannot be read: %s", envelope.id, error)
        return None
    return event if event.what == LOG_ENTRY else None


def _span(args: Mapping[str, str]) -> tuple[int, int]:
    """(from, to), 0 = not said. Raises Unfit."""
    given = [args.get(key, "") for key in ("t_from_ns", "t_to_ns")]
    if not all(not text or _TIME.fullmatch(text) for text in given):
        raise Unfit("bad_span", "t_from_ns, t_to_ns: decimal, in the hub's time")
    t_from_ns, t_to_ns = (int(text or "0") for text in given)
    if t_to_ns >= 1 << 63 or t_from_ns > t_to_ns:
        raise Unfit("bad_span", "t_from_ns must not be later than t_to_ns")
    return t_from_ns, t_to_ns
