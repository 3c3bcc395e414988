"""A child that opens an ops.db and so migrates it; it stops at a named point, so that a test can kill it there.

argv: FILE POINT. Prints "at POINT" and waits; "done" at the end. POINT "" = no stop. "torn" removes the guard (no
transaction) and stops half-way: the negative control.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

from backends.store import schema

POINTS = (
    "before_backup",
    "backup_written",
    "backup_kept",
    "began",
    "altered",
    "chained",
    "before_commit",
    "after_commit",
)


def stop(point: str) -> None:
    if point == sys.argv[2]:
        print(f"at {point}", flush=True)
        threading.Event().wait()


def around(name: str, before: str = "", after: str = "", module: Any = schema) -> None:
    inner = getattr(module, name)

    def outer(*args: Any, **fields: Any) -> Any:
        if before:
            stop(before)
        result = inner(*args, **fields)
        if after:
            stop(after)
        return result

    setattr(module, name, outer)


class Connection(sqlite3.Connection):
    """Stops around the migration's transaction."""

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if sql == "BEGIN IMMEDIATE" and sys.argv[2] == "torn":
            return super().execute("SELECT 1")
        if sql == "COMMIT":
            stop("before_commit")
        result = super().execute(sql, *rest)
        if sql == "BEGIN IMMEDIATE":
            stop("began")
        elif sql.startswith("ALTER TABLE outbox"):
            stop("altered")
            stop("torn")
        elif sql == "COMMIT":
            stop("after_commit")
        return result


def main() -> None:
    around("copy_database", "before_backup", "backup_kept")
    around("check_whole", "backup_written")
    around("_chain_old_audit", "", "chained")
    plain = sqlite3.connect

    def connect(*args: Any, **fields: Any) -> sqlite3.Connection:
        return plain(*args, **{**fields, "factory": Connection})

    sqlite3.connect = connect  # type: ignore[assignment]
    print("ready", flush=True)
    schema.open_ops(Path(sys.argv[1]), "demo").close()
    print("done", flush=True)


if __name__ == "__main__":
    main()
