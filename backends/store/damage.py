"""A damaged database is moved aside, whole, and kept: a person may still get something out of it.

The file and its -wal and -shm go together: without its -wal a database is not what it was.
"""

from __future__ import annotations

import time
from pathlib import Path

SUFFIXES = ("", "-wal", "-shm", "-journal")


def move_aside(path: Path) -> Path:
    """Move `path` and its companions into a new `damaged-<time>` folder beside it; returns the folder.

    No connection of this process may be open on it. Raises OSError.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = path.parent / f"damaged-{stamp}"
    n = 1
    while folder.exists():
        n += 1
        folder = path.parent / f"damaged-{stamp}-{n}"
    folder.mkdir()
    for suffix in SUFFIXES:
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.replace(folder / companion.name)
    return folder


def remove_database(path: Path) -> None:
    """A copy that turned out to be no good; its original is elsewhere. Raises OSError."""
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
