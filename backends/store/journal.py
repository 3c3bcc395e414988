"""The operators' actions once more, append-only, beside the database and written before it.

One line an entry: CRC-32 in hex, a space, JSON. A torn last line is what a crash leaves and is
skipped. Actions are rare, so a line and an fsync each is cheap, and it outlives a corrupt database.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from backends.domain.action import Action, ActionStatus, Stage
from backends.store.files import put_in_place

JOURNAL_FILE = "actions.jnl"


class _Line(msgspec.Struct, omit_defaults=True):
    action: Action | None = None
    person: str = ""
    aid: str = ""
    final: str = ""
    cseq: int = 0
    """Alone on a line: the highest number that this station has given."""


_DECODE = msgspec.json.Decoder(_Line)


class Journal:
    """Thread-safe. Errors of the disk come out as OSError and mean: not kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)

    def keep(self, action: Action, person: str = "") -> None:
        """On disk when this returns. Raises OSError."""
        with self._lock:
            self._append(_Line(action=action, person=person))
            os.fsync(self._file.fileno())

    def finished(self, aid: str, stage: Stage) -> None:
        """A note for the next start; if a crash takes it, the action is sent again and deduped."""
        with self._lock:
            self._append(_Line(aid=aid, final=stage.value))

    def number(self, cseq: int) -> None:
        """The highest number given so far, for a start without the database."""
        with self._lock:
            self._append(_Line(cseq=cseq))

    def _append(self, line: _Line) -> None:
        data = msgspec.json.encode(line)
        # The leading newline closes a torn line of a write that failed half-way.
        raw = b"\n%08x %s\n" % (zlib.crc32(data), data)
        written = self._file.write(raw)
        if written != len(raw):
            raise OSError(28, "the journal of actions could not be written in full")

    def close(self) -> None:
        with self._lock:
            self._file.close()


class Journaled(msgspec.Struct):
    """What the journal says."""

    unfinished: dict[str, ActionStatus] = {}
    """By aid, in the order of their clicks, as QUEUED."""
    last_cseq: int = 0
    bad: int = 0
    """Unreadable lines."""


def read_journal(path: Path) -> Journaled:
    """Raises OSError."""
    out = Journaled()
    if not path.exists():
        return out
    for raw in path.read_bytes().split(b"\n"):
        if not raw:
            continue
        try:
            if int(raw[:8], 16) != zlib.crc32(raw[9:]):
                raise ValueError("checksum")
            line = _DECODE.decode(raw[9:])
        except (ValueError, msgspec.DecodeError):
            out.bad += 1
            continue
        out.last_cseq = max(out.last_cseq, line.cseq)
        if line.action is not None:
            action = line.action
            out.last_cseq = max(out.last_cseq, action.cseq)
            out.unfinished[action.aid] = ActionStatus(
                action, Stage.QUEUED, t_stage_ns=action.made_at_ns, person=line.person
            )
        else:
            out.unfinished.pop(line.aid, None)
    return out


def compact_journal(path: Path, keep: Iterable[ActionStatus], last_cseq: int = 0) -> None:
    """Rewrite with unfinished actions only; the old file stays until the new one is on disk. Raises OSError."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    journal = Journal(fresh)
    try:
        journal.number(last_cseq)
        for status in keep:
            journal.keep(status.action, status.person)
    finally:
        journal.close()
    put_in_place(fresh, path)
