"""The operators' actions once more, append-only, beside the database and written before it.

One line an entry: CRC-32 in hex, a space, JSON. A torn last line is what a crash leaves and is
skipped. Actions are rare, so a line and an fsync each is cheap, and it outlives a corrupt database.
"""

from __future__ import annotations

import os
import threading
import zlib
from pathlib import Path

import msgspec

from backends.domain.action import Action, Stage

JOURNAL_FILE = "actions.jnl"


class _Line(msgspec.Struct, omit_defaults=True):
    action: Action | None = None
    aid: str = ""
    final: str = ""


_DECODE = msgspec.json.Decoder(_Line)


class Journal:
    """Thread-safe. Errors of the disk come out as OSError and mean: not kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)

    def keep(self, action: Action) -> None:
        """On disk when this returns. Raises OSError."""
        with self._lock:
            self._append(_Line(action=action))
            os.fsync(self._file.fileno())

    def finished(self, aid: str, stage: Stage) -> None:
        """A note for the next start; if a crash takes it, the action is sent again and deduped."""
        with self._lock:
            self._append(_Line(aid=aid, final=stage.value))

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


def read_journal(path: Path) -> tuple[dict[str, Action], int]:
    """(unfinished actions by aid in the order of their clicks, number of unreadable lines)."""
    unfinished: dict[str, Action] = {}
    bad = 0
    if not path.exists():
        return unfinished, bad
    for raw in path.read_bytes().split(b"\n"):
        if not raw:
            continue
        try:
            if int(raw[:8], 16) != zlib.crc32(raw[9:]):
                raise ValueError("checksum")
            line = _DECODE.decode(raw[9:])
        except (ValueError, msgspec.DecodeError):
            bad += 1
            continue
        if line.action is not None:
            unfinished[line.action.aid] = line.action
        else:
            unfinished.pop(line.aid, None)
    return unfinished, bad


def compact_journal(path: Path, keep: list[Action]) -> None:
    """Rewrite with unfinished actions only; the old file stays until the new one is on disk."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    journal = Journal(fresh)
    try:
        for action in keep:
            journal.keep(action)
    finally:
        journal.close()
    os.replace(fresh, path)
