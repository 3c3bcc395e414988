"""What can go wrong with the files, sorted into what the store can do about it."""

from __future__ import annotations

import sqlite3
from typing import Literal

Trouble = Literal["disk_full", "io_error", "damaged"]


class StoreRefused(Exception):
    """The file is not ours to write: a newer schema, or another mode. It stays untouched.

    `code` is "newer_schema" or "other_mode"; the text is for people.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


_FULL = sqlite3.SQLITE_FULL
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def damaged(text: str) -> sqlite3.DatabaseError:
    """The error of a file whose content is wrong, as SQLite itself would raise it."""
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def classify(error: Exception) -> Trouble:
    """Which trouble an exception of sqlite3 or of the file system is.

    Extended codes carry the primary one in their low byte. What is neither full nor damaged (locked
    by a virus scanner, read-only, EIO) may pass, so it counts as an I/O error and is tried again.
    """
    if isinstance(error, OSError):
        return "disk_full" if error.errno == 28 else "io_error"
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary == _FULL:
        return "disk_full"
    if primary in _DAMAGED or "Could not decode" in str(error):  # text that is no UTF-8: only damage makes that
        return "damaged"
    return "io_error"
