"""A file that holds space for the moment when the disk is full: it is given up first, for alarms and actions.

Made when there is plenty of room, never at the cost of others. Must not decide what is shed: the writers do.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path

_log = logging.getLogger(__name__)

BALLAST_FILE = "ballast.bin"


class Ballast:
    """Thread-safe: the writer, the journal and the housekeeping use it."""

    def __init__(self, path: Path, size: int) -> None:
        """`size` in bytes; 0 = none."""
        self._path = path
        self._size = size
        self._lock = threading.Lock()
        self.given_up = False
        """The disk was full, and there is not room enough again."""

    def give_up(self) -> bool:
        """True when there is room now that was not there before."""
        with self._lock:
            try:
                self._path.unlink()
            except OSError:
                return False
            self.given_up = True
        _log.info("the ballast file was given up: the disk is full")
        return True

    def restore(self) -> None:
        """Take the space again when twice as much would be left."""
        with self._lock:
            try:
                if not self._size or (self._path.exists() and self._path.stat().st_size == self._size):
                    return
                if shutil.disk_usage(self._path.parent).free < 3 * self._size:
                    return
                _fill(self._path, self._size)
                self.given_up = False
            except OSError as error:
                _log.info("no ballast file: %s", error)
                self._path.unlink(missing_ok=True)

    @property
    def there(self) -> bool:
        return self._path.exists()


def _fill(path: Path, size: int) -> None:
    with path.open("wb", buffering=0) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        block = bytes(1 << 20)
        while (left := size - file.tell()) > 0:
            file.write(block[:left])
