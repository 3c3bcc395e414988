"""Files that must be there after a power cut: written beside, synced, renamed, and the folder synced as well.

A rename is only as durable as its folder; on Windows a folder cannot be opened, and the rename is journaled by NTFS.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def sync_file(path: Path) -> None:
    """Raises OSError."""
    fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Raises OSError."""
    if sys.platform == "win32":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def put_in_place(fresh: Path, path: Path) -> None:
    """`fresh` takes the name `path`, whole and for good. Raises OSError."""
    sync_file(fresh)
    os.replace(fresh, path)
    sync_folder(path.parent)


def copy_in_place(source: Path, path: Path) -> None:
    """A copy of `source` under the name `path`, whole or not at all. Raises OSError."""
    fresh = path.with_name(f"{path.name}.new")
    shutil.copyfile(source, fresh)
    put_in_place(fresh, path)
