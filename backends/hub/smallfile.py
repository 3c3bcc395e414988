"""Small SQLite files beside the log (accounts, secrets, audit): opened safely, readable by their owner alone.

A rollback journal instead of WAL, because two processes write (the hub and the command line) and SQLite 3.7.0
to 3.51.2 has a rare race of two connections in WAL mode; EXTRA, because FULL does not sync the folder after
the journal has gone.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from backends.hub.ports import LogTrouble

log = logging.getLogger(__name__)

BUSY_S = 2.0


def open_small(path: Path, steps: Sequence[str], *, mend: bool = False) -> sqlite3.Connection:
    """The file with its tables, made when it is not there. Usable from any one thread at a time.

    `steps`: the statements that lead from each schema to the next; the first one makes the tables. A damaged file is
    refused, or with `mend` kept beside while a new one is begun. Raises LogTrouble, in words.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path, steps)
    except sqlite3.DatabaseError as error:
        damaged = not isinstance(error, sqlite3.OperationalError)
        if not damaged or not mend:
            raise LogTrouble(f"{path} cannot be opened: {error}") from error
        kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}")
        os.replace(path, kept)
        log.error("%s is damaged (%s): kept as %s, a new one was started", path.name, error, kept.name)
        return _open(path, steps)
    except OSError as error:
        raise LogTrouble(f"{path} cannot be opened: {error}") from error


def _open(path: Path, steps: Sequence[str]) -> sqlite3.Connection:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
    try:
        for pragma in ("journal_mode=DELETE", "synchronous=EXTRA", "foreign_keys=ON", "trusted_schema=OFF"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("PRAGMA cell_size_check=ON").fetchall()
        db.execute("BEGIN IMMEDIATE")
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > len(steps):
            raise LogTrouble(f"{path.name} was written by a newer hub (schema {found}, this one knows {len(steps)})")
        for step in steps[found:]:
            for statement in step.split(";\n"):
                if statement.strip():
                    db.execute(statement)
        if found < len(steps):
            db.execute(f"PRAGMA user_version={len(steps)}")
        db.execute("COMMIT")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("quick_check failed")
    except BaseException:
        db.close()
        raise
    return db


APPEND_ONLY = """
CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
CREATE TRIGGER {table}_as_it_was BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
"""Two triggers that keep this program, and whoever writes through SQL, from changing what was said."""
