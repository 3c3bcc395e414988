"""Copies of ops.db by the hour, each checked before it counts, and the way back from one.

`backup/ops-NNNNNN-YYYYMMDDTHHMMSSZ.db`: counted, so that a clock that jumps puts none in front; the newest 24 stay,
and the newest of each of the last 7 other days. Made through a read-only connection of its own (VACUUM INTO): it
reads, so the rule that one connection writes and checkpoints holds, and the writer goes on meanwhile.

Must not: write to ops.db. What a copy says about damage of the original goes to `on_damage`, the writer's business.
"""

from __future__ import annotations

import calendar
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from backends.store.ballast import Ballast
from backends.store.errors import classify
from backends.store.schema import MIGRATIONS, check_whole, copy_database, version_in_header

_log = logging.getLogger(__name__)

BACKUP_FOLDER = "backup"
HOURLY, DAILY = 24, 7
RETRY_S = 60.0
_PATTERN = "ops-??????-????????T??????Z.db"


class Backup(msgspec.Struct, frozen=True):
    """One copy."""

    path: Path
    number: int
    stamp: str
    """UTC, "20261124T210000Z"."""

    @property
    def day(self) -> str:
        return self.stamp[:8]

    @property
    def t_s(self) -> float:
        return calendar.timegm(time.strptime(self.stamp, "%Y%m%dT%H%M%SZ"))


def backups(data_dir: Path) -> list[Backup]:
    """Oldest first."""
    found = []
    for path in (data_dir / BACKUP_FOLDER).glob(_PATTERN):
        _, number, stamp = path.stem.split("-")
        if number.isdigit():
            found.append(Backup(path, int(number), stamp))
    return sorted(found, key=lambda backup: backup.number)


def make_backup(ops: Path) -> Backup:
    """A checked copy of ops.db, and the older ones thinned. Raises sqlite3.Error or OSError."""
    folder = ops.parent / BACKUP_FOLDER
    folder.mkdir(exist_ok=True)
    for torn in folder.glob("*.new*"):
        torn.unlink(missing_ok=True)  # of a process that was killed meanwhile
    size = ops.stat().st_size
    if shutil.disk_usage(folder).free < 2 * size:
        raise OSError(28, f"no room for a backup of {size >> 20} MB")
    before = backups(ops.parent)
    number = before[-1].number + 1 if before else 1
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = folder / f"ops-{number:06d}-{stamp}.db"
    with _only_reading(ops) as connection:
        copy_database(connection, path)
    for old in surplus([*before, Backup(path, number, stamp)]):
        old.path.unlink(missing_ok=True)
    return Backup(path, number, stamp)


def surplus(found: list[Backup]) -> list[Backup]:
    """Those that are neither among the newest 24 nor the newest of one of the last 7 other days. Oldest first."""
    kept = {backup.number for backup in found[-HOURLY:]}
    days: dict[str, Backup] = {}
    for backup in found[:-HOURLY]:
        days[backup.day] = backup
    newest_days = sorted(days.values(), key=lambda backup: backup.number)[-DAILY:]
    kept |= {backup.number for backup in newest_days}
    return [backup for backup in found if backup.number not in kept]


def good_backups(ops: Path, mode: str) -> Iterator[Backup]:
    """The copies of this mode that are whole, newest first; each is checked when it is asked for."""
    for backup in reversed(backups(ops.parent)):
        try:
            if not 0 < version_in_header(backup.path) <= len(MIGRATIONS):
                raise sqlite3.DatabaseError("it is not a store that this program knows")
            check_whole(backup.path)
            if _mode(backup.path) != mode:
                raise sqlite3.DatabaseError("it belongs to another mode")
        except (sqlite3.Error, OSError) as error:
            _log.warning("backup %s cannot be used: %s", backup.path.name, error)
            continue
        yield backup


def _mode(path: Path) -> str:
    with _only_reading(path, immutable=True) as connection:
        return str(connection.execute("SELECT value FROM meta WHERE key = 'mode'").fetchone()[0])


@contextmanager
def _only_reading(path: Path, *, immutable: bool = False) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0)
    try:
        yield connection
    finally:
        connection.close()


class BackupKeeper:
    """A thread that makes them, the first one soon after the start, and keeps the ballast in place."""

    def __init__(
        self,
        ops: Path,
        every_s: float,
        ballast: Ballast,
        on_trouble: Callable[[str, str], None],
        on_damage: Callable[[], None],
        first_s: float = 60.0,
    ) -> None:
        """`on_trouble` as StoreTrouble; `on_damage`: the original could not be read whole."""
        self._ops, self._every_s, self._first_s = ops, every_s, first_s
        self._ballast = ballast
        self._on_trouble, self._on_damage = on_trouble, on_damage
        self._trouble = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ops-backup", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _first_pause_s(self) -> float:
        """A console that is started again and again must not make 24 backups of one hour."""
        found = backups(self._ops.parent)
        age_s = time.time() - found[-1].t_s if found else self._every_s
        due_s = self._every_s - age_s if 0 <= age_s < self._every_s else 0.0
        return max(due_s, min(self._first_s, self._every_s))

    def _run(self) -> None:
        self._ballast.restore()
        pause_s = self._first_pause_s()
        while not self._stop.wait(pause_s):
            pause_s = self._every_s if self._turn() else min(RETRY_S, self._every_s)
            self._ballast.restore()

    def _turn(self) -> bool:
        try:
            made = make_backup(self._ops)
        except (sqlite3.Error, OSError) as error:
            code = classify(error)
            self._tell(code, f"the hourly backup failed: {error}")
            if code == "damaged":
                self._on_damage()
            return False
        _log.info("backup %s", made.path.name)
        self._tell("", "")
        return True

    def _tell(self, code: str, text: str) -> None:
        if code != self._trouble:
            self._trouble = code
            self._on_trouble(code, text)
