"""The logbook (sổ trực): entries that people write, which stand in the timeline and are never changed.

Kept in memory as far as the log goes back, for the hand-over and for what is corrected. One thread.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping

from backends.domain.action import Action
from backends.domain.handover_sheet import LOG_ENTRY
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from backends.domain.text import LocalText
from backends.hub.ports import Change, EventLog
from backends.hub.report_desk import Unfit, pictures_named
from backends.protocol.codec import BadMessage, decode_body

log = logging.getLogger(__name__)

TEXT_LIMIT = 2000
TARGET_LIMIT = 200
PICTURES = 2
"""Of one entry."""
ABOUT = ("alarms", "reports", "cameras", "sensors", "config", "incidents")
"""Feeds of what an entry may be about; an area is a record of `config`."""
RESTORED_MOST = 20_000
"""Newest records of the timeline that are looked through at a start."""
_PAGE, _PAGE_BYTES = 2000, 4 << 20
_TIME = re.compile(r"[0-9]{1,19}")


class LogBook:
    """The entries that the hub knows."""

    def __init__(self) -> None:
        self._entries: dict[str, TimelineEvent] = {}

    def restore(self, events: Iterable[TimelineEvent]) -> None:
        """At a start."""
        for event in events:
            self.keep(event)

    def keep(self, entry: TimelineEvent) -> None:
        """It is committed."""
        self._entries[entry.id] = entry

    def entries(self) -> Iterable[TimelineEvent]:
        """Oldest first."""
        return self._entries.values()

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
            corrected = self._entries.get(corrects)
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


def entries_of(events: EventLog) -> Iterator[TimelineEvent]:
    """Entries of the logbook among the newest records of the log's timeline, oldest first."""
    head = events.head("timeline")
    after = max(head.oldest - 1, head.head - RESTORED_MOST)
    while page := events.fetch("timeline", after, _PAGE, _PAGE_BYTES):
        after = page[-1].seq
        for envelope in page:
            if LOG_ENTRY.encode() not in bytes(envelope.body):
                continue  # most are none: not worth decoding
            try:
                event: TimelineEvent = decode_body("timeline", envelope.body)
            except BadMessage as error:
                log.error("event %s of the timeline cannot be read: %s", envelope.id, error)
                continue
            if event.what == LOG_ENTRY:
                yield event


def _span(args: Mapping[str, str]) -> tuple[int, int]:
    """(from, to), 0 = not said. Raises Unfit."""
    given = [args.get(key, "") for key in ("t_from_ns", "t_to_ns")]
    if not all(not text or _TIME.fullmatch(text) for text in given):
        raise Unfit("bad_span", "t_from_ns, t_to_ns: decimal, in the hub's time")
    t_from_ns, t_to_ns = (int(text or "0") for text in given)
    if t_to_ns >= 1 << 63 or t_from_ns > t_to_ns:
        raise Unfit("bad_span", "t_from_ns must not be later than t_to_ns")
    return t_from_ns, t_to_ns
