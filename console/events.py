"""The JSON log: one line an event, for tests and for other programs (`--json-log FILE`).

The same lines go into the box, a file of bounded size in the data folder that is always written: what
happened last before a crash stands in its report.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

BOX_LIMIT = 1_000_000
"""Bytes; the file before it is kept beside."""


def box_file(data_dir: Path) -> Path:
    """Where the box of a data folder is."""
    return data_dir / "logs" / "events.jsonl"


class EventLog:
    """Appends events to a file; without a file it does nothing.

    A line is written by one `write` on a descriptor opened for appending, so that several processes
    may share the file. Thread-safe.
    """

    def __init__(self, path: Path | None, source: str, box: Path | None = None) -> None:
        """`source` names the process in each line. Raises OSError when `path` cannot be opened."""
        self._source = source
        self._fd = _open(path) if path is not None else -1
        self._box = _Box(box) if box is not None else None
        self._full = False

    def emit(self, event: str, **fields: Any) -> None:
        """Write `{"t": UTC nanoseconds, "source": ..., "event": event, ...}`. Never raises for the disk's sake:
        whoever watches over others must not die of a line that cannot be written."""
        if self._fd < 0 and self._box is None:
            return
        line = {"t": time.time_ns(), "source": self._source, "event": event, **fields}
        raw = json.dumps(line, ensure_ascii=False, default=str).encode() + b"\n"
        if self._box is not None:
            self._box.write(raw)
        if self._fd < 0:
            return
        try:
            os.write(self._fd, raw)
            self._full = False
        except OSError as error:
            if not self._full:  # said once, not for every line
                self._full = True
                _log.warning("the JSON log cannot be written: %s", error)

    def close(self) -> None:
        """Further events are dropped."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._box is not None:
            self._box.close()
            self._box = None


class _Box:
    """The bounded file. Several processes write to it; whoever finds it full moves it aside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._fd = -1

    def write(self, raw: bytes) -> None:
        with self._lock:
            try:
                if self._fd < 0:
                    self._fd = _open(self._path)
                os.write(self._fd, raw)
                if os.fstat(self._fd).st_size > BOX_LIMIT:
                    self._turn_over()
            except OSError as error:
                _log.debug("the box of events cannot be written: %s", error)

    def _turn_over(self) -> None:
        """Another process may have done it already: then the file under the name is the new, small one."""
        os.close(self._fd)
        self._fd = -1
        if self._path.stat().st_size > BOX_LIMIT:
            os.replace(self._path, self._path.with_suffix(".jsonl.1"))

    def close(self) -> None:
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def last_events(path: Path, count: int) -> list[dict[str, Any]]:
    """The newest events of a log, oldest first; lines that cannot be read are left out. Never raises."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2000 * count))
            lines = file.read().splitlines()
    except OSError:
        return []
    found = []
    for line in lines[-count:]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
