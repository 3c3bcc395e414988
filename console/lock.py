"""One console a data folder: an advisory lock that the system releases with the process, however it dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from console.options import NeedsMachine


class DataDirLock:
    """Held while entered. Raises NeedsMachine when another process holds it, OSError when it cannot be made."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "console.lock"
        self._fd = -1

    def __enter__(self) -> DataDirLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._fd)
        except OSError:
            os.close(self._fd)
            raise NeedsMachine(
                f"Another console works in {self._path.parent}; close it, or give this one a folder of its own "
                "with --data-dir DIR."
            ) from None
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._fd)


def _lock(fd: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
