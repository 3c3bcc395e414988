"""Events of the feed `timeline` over days, as ops.db has them, with what is missing between them. Read-only.

From the newest back, a page at a time, each in a transaction of its own: a reader that holds one for long keeps the
writer's log file from being used again. Positions count +1 within an epoch, so that a hole is seen; what lies between
two epochs nobody can know. Of a long time only what is wanted of the events stays in memory, without what no figure is
made of, and EVENTS_MOST of them: what is older counts as missing then.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from backends.domain.incident import TimelineEvent
from backends.domain.times import NS_PER_S
from backends.store.reader import readable, reading
from backends.store.schema import OPS_FILE, body_sum

PAGE = 2000
"""Rows of one transaction."""
MARGIN_NS = 3600 * NS_PER_S
"""An event may have happened so long before one that was published earlier."""
EVENTS_MOST = 500_000
"""Some 100 MB: a month of 3,000 alarms a day."""
FEED = "timeline"

Wants = Callable[[TimelineEvent], bool]

_log = logging.getLogger(__name__)
_EVENT = msgspec.json.Decoder(TimelineEvent)


class Told(msgspec.Struct, frozen=True):
    """What the store has."""

    events: tuple[TimelineEvent, ...] = ()
    """Those that are wanted, without their ids; rising in time."""
    whole: tuple[tuple[int, int], ...] = ()
    """Stretches (UTC ns, the end outside) in which no event is missing; rising."""
    oldest_ns: int = 0
    """Of the oldest event in the file; 0 = there is none."""


class _Epoch(msgspec.Struct, frozen=True):
    name: str
    newest: int
    """Its highest position here."""


class _Stretches:
    """Built from the newest event back."""

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._once: dict[object, Any] = {}
        """Names and words, which many events have in common."""
        self.events: list[TimelineEvent] = []
        self.spans: list[list[int]] = []

    def take(self, event: TimelineEvent, *, joined: bool) -> None:
        """`joined`: nothing is missing between it and the one that was taken before."""
        if self._wants(event):
            once = self._once.setdefault
            what, target, actor = (once(text, text) for text in (event.what, event.target, event.actor))
            words = once((event.text.vi, event.text.en), event.text)
            self.events.append(TimelineEvent("", event.t_ns, what, target, actor, words, priority=event.priority))
        if joined:
            span = self.spans[-1]
            span[0], span[1] = min(span[0], event.t_ns), max(span[1], event.t_ns + 1)
        else:
            self.spans.append([event.t_ns, event.t_ns + 1])

    def told(self, oldest_ns: int) -> Told:
        whole: list[tuple[int, int]] = []
        for begin, end in reversed(self.spans):
            # Events that were told late may lie before a hole as well as behind it.
            from_ns = max(begin, whole[-1][1]) if whole else begin
            whole.append((from_ns, max(from_ns, end)))
        events = self.events[::-1]
        events.sort(key=lambda event: event.t_ns)
        return Told(tuple(events), tuple(whole), oldest_ns)


def read_timeline(
    data_dir: Path, mode: str, since_ns: int, fresh_ns: int, go_on: Callable[[], bool] = lambda: True,
    wants: Wants = lambda _event: True,
) -> Told | None:  # fmt: skip
    """Events since then, and some before. `fresh_ns`: up to when the newest one here is the newest there is. `wants`:
    which of them; whether any is missing is told of all.

    `go_on` is asked between two pages; where it says no, nobody wants the answer any more, which is None then. Of a
    file that is not there, of another mode or not known, there are no events. Raises sqlite3.Error or OSError.
    """
    path = data_dir / OPS_FILE
    if not path.exists() or not path.stat().st_size:
        return Told()
    with reading(path) as db:
        if not readable(db, mode):
            return Told()
        epochs, cursor = _epochs(db), _cursor(db)
        oldest_ns = _oldest_ns(db, epochs[-1].name) if epochs else 0
    found = _Stretches(wants)
    for epoch in epochs:
        below = epoch.newest + 1
        expected: int | None = None
        if not found.spans and cursor == (epoch.name, epoch.newest) and fresh_ns:
            expected = epoch.newest
            found.spans.append([fresh_ns, fresh_ns])
        while True:
            with reading(path) as db:
                page = _page(db, epoch.name, below)
            for seq, raw, total in page:
                event = _event(raw, total)
                if event is not None:
                    found.take(event, joined=expected == seq)
                    if event.t_ns < since_ns - MARGIN_NS:
                        return found.told(oldest_ns)
                    if len(found.events) >= EVENTS_MOST:
                        _log.info("of the events since %d only the newest %d are read", since_ns, EVENTS_MOST)
                        return found.told(oldest_ns)
                expected = seq - 1 if event is not None else None
            if len(page) < PAGE:
                break
            below = page[-1][0]
            if not go_on():
                return None
    return found.told(oldest_ns)


def _epochs(db: sqlite3.Connection) -> list[_Epoch]:
    """The newest first."""
    rows = db.execute(
        "SELECT epoch, max(seq), max(rowid) AS written FROM log WHERE feed = ? GROUP BY epoch ORDER BY written DESC",
        (FEED,),
    )
    return [_Epoch(name, newest) for name, newest, _ in rows]


def _cursor(db: sqlite3.Connection) -> tuple[str, int] | None:
    row = db.execute("SELECT epoch, seq FROM cursor WHERE feed = ?", (FEED,)).fetchone()
    return None if row is None else (row[0], row[1])


def _oldest_ns(db: sqlite3.Connection, oldest_epoch: str) -> int:
    row = db.execute(
        "SELECT body, sum FROM log WHERE feed = ? AND epoch = ? AND type = 'event' ORDER BY seq LIMIT 1",
        (FEED, oldest_epoch),
    ).fetchone()
    event = None if row is None else _event(*row)
    return 0 if event is None else event.t_ns


def _page(db: sqlite3.Connection, epoch: str, below: int) -> list[tuple[int, bytes | None, int | None]]:
    """(position, body, its sum), falling."""
    return db.execute(
        "SELECT seq, CASE type WHEN 'event' THEN body END, sum FROM log"
        " WHERE feed = ? AND epoch = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        (FEED, epoch, below, PAGE),
    ).fetchall()


def _event(raw: bytes | None, total: int | None) -> TimelineEvent | None:
    """None: a position without content, or not what was written."""
    if raw is None or (total is not None and total != body_sum(raw)):
        return None
    try:
        return _EVENT.decode(raw)
    except msgspec.DecodeError:
        return None
