"""Opening ops.db so that it is whole: as it stands, or from the newest good backup when it is damaged.

Whole means: SQLite finds no fault in it, its audit is the one that this station wrote and ends where the station
left it, its rows are those that were written. Must not: decide what to do with a failing disk; the writer does.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import msgspec

from backends.domain.feeds import FEEDS
from backends.store.backup import good_backups
from backends.store.damage import remove_database
from backends.store.errors import classify
from backends.store.files import copy_in_place
from backends.store.ops import Positions
from backends.store.reader import positions, reading
from backends.store.schema import check_version, open_ops, quick_check
from backends.store.trail import Trail

_log = logging.getLogger(__name__)


class Opened(msgspec.Struct):
    """ops.db, ready to be written."""

    db: sqlite3.Connection
    at: Positions
    words: str
    """What had to be mended, for people; empty = nothing."""


def open_whole(path: Path, mode: str, trail: Trail) -> Opened:
    """The file as it stands. Raises StoreRefused, sqlite3.Error (`classify` tells damage), OSError."""
    if path.exists():
        # By a connection that cannot write: a writing one changes a damaged file when it is closed (checkpoint).
        with reading(path) as db:
            quick_check(db)
            check_version(db, path)
            trail.refuse_foreign(db)
    db = open_ops(path, mode)
    try:
        mended = trail.reconcile(db, "ops.db was older than what this station had written")
        at = positions(db)
        known = {row[0] for row in db.execute("SELECT feed FROM cursor")} & FEEDS.keys()
    except BaseException:
        db.close()
        raise
    words = []
    if mended.put_back:  # commits had vanished: a -wal that was deleted, a file put back by hand
        words.append(f"was older than what had been written; {mended.put_back}")
    if mended.amended:  # bits had changed inside rows, or somebody had changed them
        words.append(f"was changed; {mended.amended}")
    if altered := ", ".join(sorted(known - at.keys())):  # bits had changed inside rows
        words.append(f"holds rows that are not what was written; {altered} will be taken anew")
    return Opened(db, at, "; it ".join(words))


def begin_again(path: Path, mode: str, trail: Trail) -> Opened:
    """A file in the place of one that was moved aside: the newest backup that is good in every respect, else a new one.

    Raises sqlite3.Error or OSError.
    """
    for backup in good_backups(path, mode):
        came = f"the backup of {backup.stamp} took its place and the hub is asked for what came since"
        copy_in_place(backup.path, path)
        try:
            return _mended(path, mode, trail, came, copied=True)
        except sqlite3.Error as error:
            if classify(error) != "damaged":
                raise
            _log.warning("backup %s cannot be used: %s", backup.path.name, error)
            remove_database(path)
    return _mended(
        path, mode, trail, "there was no good backup, a new one was begun and the hub is asked for everything"
    )


def _mended(path: Path, mode: str, trail: Trail, words: str, *, copied: bool = False) -> Opened:
    db = open_ops(path, mode)
    try:
        if copied:
            trail.refuse_foreign(db)
            db.execute("DELETE FROM retention_mark")  # a copy has other row numbers
        mended = trail.reconcile(db, f"ops.db was damaged; {words}")
        return Opened(db, positions(db), "; ".join(part for part in (words, mended.amended, mended.put_back) if part))
    except BaseException:
        db.close()
        raise
