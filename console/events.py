"""The JSON log: one line an event, for tests and for other programs (`--json-log FILE`)."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class EventLog:
    """Appends events to a file; without a file it does nothing.

    A line is written by one `write` on a descriptor opened for appending, so that several processes
    may share the file. Thread-safe.
    """

    def __init__(self, path: Path | None, source: str) -> None:
        """`source` names the process in each line. Raises OSError when the file cannot be opened."""
        self._source = source
        self._fd = -1
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def emit(self, event: str, **fields: Any) -> None:
        """Write `{"t": UTC nanoseconds, "source": ..., "event": event, ...}`. Raises OSError (disk full)."""
        if self._fd < 0:
            return
        line = {"t": time.time_ns(), "source": self._source, "event": event, **fields}
        os.write(self._fd, json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Further events are dropped."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
