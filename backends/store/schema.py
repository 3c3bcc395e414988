"""The schema of ops.db and how it is opened. Forward only, by `user_version`.

sqlite-utils makes the tables; the hot path (writer.py) is plain executemany. A file of a newer
schema or of another mode is refused before anything is written to it. A migration copies the file
first (synced, checked) and runs in one transaction: a crash leaves the old schema or the new one.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from backends.store import audit
from backends.store.errors import StoreRefused, damaged
from backends.store.files import put_in_place

if TYPE_CHECKING:
    import sqlite_utils

OPS_FILE = "ops.db"
APPLICATION_ID = 0x494F4331
"""b"IOC1": lets `file` and us tell our database from another."""


def _version_1(db: sqlite_utils.Database) -> None:
    db["meta"].create({"key": str, "value": str}, pk="key", strict=True)
    db["cursor"].create({"feed": str, "epoch": str, "seq": int, "t_fresh_ns": int}, pk="feed", strict=True)
    db["item"].create(
        {"feed": str, "id": str, "rev": int, "seq": int, "t_ns": int, "t_rx_ns": int, "body": bytes},
        pk=("feed", "id"),
        strict=True,
    )
    db["log"].create(
        {
            "feed": str, "epoch": str, "seq": int, "type": str, "id": str, "rev": int, "cause": str,
            "t_ns": int, "t_rx_ns": int, "body": bytes,
        },
        pk=("feed", "epoch", "seq"),
        strict=True,
    )  # fmt: skip
    db["log"].create_index(["t_ns"])
    db["outbox"].create(
        {
            "aid": str, "cseq": int, "feed": str, "target": str, "stage": str, "code": str, "text": str,
            "t_stage_ns": int, "action": bytes,
        },
        pk="aid",
        strict=True,
    )  # fmt: skip
    db["outbox"].create_index(["stage"])
    db["audit"].create(
        {
            "n": int, "t_ns": int, "station": str, "person": str, "what": str, "target": str, "result": str,
            "aid": str, "detail": str, "prev_hash": bytes, "hash": bytes,
        },
        pk="n",
        strict=True,
    )  # fmt: skip
    db["quarantine"].create({"n": int, "t_ns": int, "feed": str, "reason": str, "raw": bytes}, pk="n", strict=True)


def _version_2(db: sqlite_utils.Database) -> None:
    """Who clicked; the audit as a chain; rows that know when they were altered; marks for the retention."""
    connection = db.conn
    connection.create_function("body_sum", 1, body_sum, deterministic=True)
    for table in ("item", "log"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN sum INTEGER")
        connection.execute(f"UPDATE {table} SET sum = body_sum(body)")
    connection.execute("ALTER TABLE outbox ADD COLUMN person TEXT NOT NULL DEFAULT ''")
    connection.execute("ALTER TABLE cursor ADD COLUMN sum INTEGER")
    for feed, epoch, seq in connection.execute("SELECT feed, epoch, seq FROM cursor").fetchall():
        connection.execute("UPDATE cursor SET sum = ? WHERE feed = ?", (cursor_sum(feed, epoch, seq), feed))
    db["audit_base"].create({"n": int, "hash": bytes}, strict=True)
    db["retention_mark"].create(
        {"day": int, "t_ns": int, "log_row": int, "quarantine_n": int, "outbox_row": int, "audit_n": int},
        pk="day",
        strict=True,
    )  # fmt: skip
    _chain_old_audit(connection)


def _chain_old_audit(connection: sqlite3.Connection) -> None:
    """Rows of before have no hash: they are chained now, and a row says from where on the chain proves something."""
    old = connection.execute(
        "SELECT n, t_ns, station, person, what, target, result, aid, detail FROM audit ORDER BY n"
    ).fetchall()
    connection.execute("DELETE FROM audit")
    for _, t_ns, *texts in old:
        station, person, what, target, result, aid, detail = ("" if text is None else text for text in texts)
        audit.append(
            connection, t_ns=t_ns or 0, what=what, station=station, person=person, target=target, result=result,
            aid=aid, detail=detail,
        )  # fmt: skip
    if old:
        audit.append(
            connection, t_ns=time.time_ns(), what="migration", target="audit", result="chained",
            detail=f"rows 1 to {len(old)} were written without a hash and were chained at the change to schema 2",
        )  # fmt: skip


def cursor_sum(feed: str, epoch: str, seq: int) -> int:
    """A flipped bit in a cursor would skip rows unseen; with this it only costs taking the feed anew."""
    return zlib.crc32(f"{feed} {epoch} {seq}".encode())


body_sum = zlib.crc32
"""Of the JSON of an item or event: SQLite looks after its pages, not after what stands in them."""


MIGRATIONS: tuple[Callable[[sqlite_utils.Database], None], ...] = (_version_1, _version_2)
"""Index + 1 is the version that the function leads to."""


def version_in_header(path: Path) -> int:
    """`user_version` read from the file's bytes (offset 60), without opening it as a database.

    Never while a connection of this process is open on the file: closing a plain descriptor drops that connection's
    locks (POSIX), and another process then deletes the -wal under it.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        return 0
    return int.from_bytes(header[60:64], "big")


def open_writer(path: Path, *, full: bool) -> sqlite3.Connection:
    """A writing connection with the pragmas of the anchors (3.2). Transactions are explicit.

    The caller must be the only writer of the file and must checkpoint: nothing does it by itself.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0, uri=True)
    try:
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if full else 'NORMAL'}",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "cell_size_check=ON",
            "mmap_size=0",
            "wal_autocheckpoint=0",
            "journal_size_limit=67108864",
            "temp_store=MEMORY",
            # Full within the hour at any rate: 64 MB of it looked like a leak for a day. The kernel caches the file.
            "cache_size=-16384",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_ops(path: Path, mode: str) -> sqlite3.Connection:
    """ops.db, migrated. Raises StoreRefused, sqlite3.Error. Whether it is whole is for the caller to see first."""
    if path.exists():
        refuse_newer(path, version_in_header(path))
    connection = open_writer(path, full=True)
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        refuse_newer(path, version)
        if version:
            _refuse_other_mode(connection, path, mode)
        _migrate(connection, path, version, mode)
        # Beside the header's number, which one bit can change (`check_version`). Files of before have no such row.
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(len(MIGRATIONS)),))
    except BaseException:
        connection.close()
        raise
    return connection


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Is what the header says of the schema what the file says of itself? A flipped bit there must not look like the
    work of a newer program, before which everything stops.

    `connection` may be read-only. Raises sqlite3.Error for a damaged file, StoreRefused for a newer one.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() if made else None
    if row is not None and row[0] != str(version):
        raise damaged(f"its header says schema {version}, and it was made for schema {row[0][:20]}")
    refuse_newer(path, version)


def refuse_newer(path: Path, version: int) -> None:
    """Raises StoreRefused."""
    if version > len(MIGRATIONS):
        raise StoreRefused(
            "newer_schema",
            f"{path.name} was written by a newer program (schema {version}, this one knows {len(MIGRATIONS)}); "
            "it is left as it is, and nothing is kept until the newer program runs again",
        )


def _refuse_other_mode(connection: sqlite3.Connection, path: Path, mode: str) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'mode'").fetchone()
    if row is not None and row[0] != mode:
        raise StoreRefused("other_mode", f"{path.name} belongs to mode {row[0]}, this console runs in mode {mode}")


def quick_check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError when the file is damaged."""
    result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise damaged(f"quick_check: {result}")


def _migrate(connection: sqlite3.Connection, path: Path, version: int, mode: str) -> None:
    if version == len(MIGRATIONS):
        return
    import sqlite_utils  # 0.1 s, needed only here: not at every start

    if version:
        backup = path.with_name(f"{path.stem}-schema{version}.db")
        copy_database(connection, backup)
    connection.execute("BEGIN IMMEDIATE")
    try:
        db = sqlite_utils.Database(connection)
        for step in MIGRATIONS[version:]:
            step(db)
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('mode', ?)", (mode,))
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (str(len(MIGRATIONS)),))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def copy_database(connection: sqlite3.Connection, path: Path) -> None:
    """The whole database as one file, on disk and checked before it gets the name `path`.

    `connection` may be read-only. Raises sqlite3.Error (also when the copy is not good) or OSError.
    """
    fresh = path.with_name(f"{path.name}.new")
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(fresh.name + suffix).unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(fresh),))
    check_whole(fresh)
    put_in_place(fresh, path)


def check_whole(path: Path) -> None:
    """integrity_check of a file that nobody writes. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        result = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    finally:
        connection.close()
    if result != "ok":
        raise damaged(f"{path.name}: {result}")
