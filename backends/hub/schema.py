"""The hub's file: pragmas, tables, versions, and what happens to a damaged one.

One connection does everything and holds the file exclusively (a second hub on the same folder is told
so): writer and checkpointer on two connections meet a rare WAL race in SQLite 3.7.0 to 3.51.2.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path

from backends.hub.ports import LogTrouble

log = logging.getLogger(__name__)

VERSION = 1
APPLICATION_ID = 0x494F4348  # "IOCH"

_TABLES = """
CREATE TABLE feed(name TEXT PRIMARY KEY, epoch TEXT NOT NULL, head INTEGER NOT NULL, oldest INTEGER NOT NULL,
                  t_source INTEGER NOT NULL) STRICT;
CREATE TABLE log(feed TEXT, seq INTEGER, t INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
                 rev INTEGER NOT NULL, cause TEXT NOT NULL, body BLOB NOT NULL,
                 PRIMARY KEY(feed, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE item(feed TEXT, id TEXT, rev INTEGER NOT NULL, seq INTEGER NOT NULL, t INTEGER NOT NULL,
                  cause TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY(feed, id)) STRICT, WITHOUT ROWID;
CREATE TABLE action(aid TEXT PRIMARY KEY, station TEXT NOT NULL, digest BLOB NOT NULL, stage TEXT NOT NULL,
                    code TEXT NOT NULL, text TEXT NOT NULL, rev INTEGER NOT NULL, t_wall INTEGER NOT NULL)
                    STRICT, WITHOUT ROWID;
CREATE INDEX action_age ON action(t_wall);
CREATE TABLE series(n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE block(series INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE INDEX block_range ON block(series, t1, t0);
CREATE INDEX block_age ON block(t1);
CREATE TABLE tail(n INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE meta(k TEXT PRIMARY KEY, v TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """The file, ready; a damaged one is kept beside and a new one started. Raises LogTrouble."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise LogTrouble(f"another hub has {path.name} open") from error
        raise LogTrouble(f"{path.name} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        kept = _set_aside(path)
        log.error("%s is damaged (%s): kept as %s, a new one was started", path.name, error, kept)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=0.5)
    try:
        for pragma in (
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            "synchronous=FULL",
            "trusted_schema=OFF",
            "cell_size_check=ON",
            "mmap_size=0",
            "temp_store=MEMORY",
            "cache_size=-16384",
            "wal_autocheckpoint=2000",
            "journal_size_limit=67108864",
        ):
            db.execute(f"PRAGMA {pragma}").fetchall()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise LogTrouble(f"{path.name} was written by a newer hub (schema {version}, this one knows {VERSION})")
        if version == 0:
            db.executescript(
                f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id={APPLICATION_ID};"
                f" PRAGMA user_version={VERSION}; COMMIT;"
            )
        elif db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("quick_check failed")
    except BaseException:
        db.close()
        raise
    return db


def _set_aside(path: Path) -> str:
    """Move the file with its WAL together; deleting a hot -wal is a listed way to lose data."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    kept = path.with_name(f"{path.name}.damaged-{stamp}-{os.getpid()}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            os.replace(part, kept.with_name(kept.name + suffix))
    return kept.name
