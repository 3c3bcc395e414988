"""What never travels on LIVE: who sent a report, how a camera or recorder is opened; in `private.db`, a file apart.

The world tells it when a report arrives or a camera is named (`Confidant`); it is kept before the report goes on,
and read by an audited call alone. It passes by the log, the snapshots and the hub's own records. Where there are
several hubs, each is told by its own world, and what one alone was told is shared within seconds (`shared`); what a
person tells is shared before it counts as kept. What is forgotten leaves an empty row, or another hub would give it
back.
Must not: be logged, or stop a report when it cannot be kept.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from backends.domain.camera import Camera
from backends.domain.report import Report
from backends.domain.times import NS_PER_S
from backends.domain.world import CameraMoved, Directory, ReportMoved, WorldEvent
from backends.hub.ports import WorldSource
from backends.hub.shared import ALONE, Row, Sharing
from backends.hub.site_cameras import SiteCameras
from backends.hub.smallfile import open_small

log = logging.getLogger(__name__)

FILE = "private.db"
SECRET = "secret"
"""Kind of shared rows."""
REPORTER, CAMERA, RECORDER = "reporter", "camera", "recorder"
KEEP_NS = 365 * 86_400 * NS_PER_S
"""A reporter's identity is kept for a year after the report arrived; a camera's or recorder's secret until it is
replaced."""

_STEPS = (
    """
CREATE TABLE secret(what TEXT NOT NULL, target TEXT NOT NULL, told BLOB NOT NULL, t_wall INTEGER NOT NULL,
                    PRIMARY KEY(what, target)) STRICT, WITHOUT ROWID;
""",
)
_KEEP = """INSERT INTO secret VALUES (?, ?, ?, ?) ON CONFLICT(what, target) DO UPDATE
    SET told=excluded.told, t_wall=max(excluded.t_wall, t_wall+1) WHERE told<>excluded.told"""
"""The same again changes nothing; the newer one counts, even when the clock has gone back."""
_TAKE = """INSERT INTO secret VALUES (?, ?, ?, ?) ON CONFLICT(what, target) DO UPDATE
    SET told=excluded.told, t_wall=excluded.t_wall WHERE t_wall<=excluded.t_wall"""
_Row = tuple[str, str, bytes, int]


@runtime_checkable
class Confidant(Protocol):
    """A world that knows more than may be shown."""

    def reporter(self, report: Report) -> Mapping[str, str]:
        """`name`, `phone`, ... of who sent it; empty for an anonymous one."""
        ...

    def camera_secret(self, camera: Camera) -> Mapping[str, str]:
        """`user` and `password`; empty for a camera without."""
        ...


class Vault:
    """One connection to `private.db`; one thread at a time."""

    def __init__(self, folder: Path, *, mend: bool = False, sharing: Sharing = ALONE) -> None:
        """Raises LogTrouble; `mend`: a damaged file is kept beside and a new one begun; `sharing`: for `tell` alone."""
        self._sharing = sharing
        self._db = open_small(folder / FILE, _STEPS, mend=mend)
        self._seen = 0

    def changed(self) -> bool:
        """Has another connection written since the last call? True at the first one."""
        before, self._seen = self._seen, int(self._db.execute("PRAGMA data_version").fetchone()[0])
        return before != self._seen

    def find(self, what: str, target: str) -> dict[str, str] | None:
        """None = nothing is known of it."""
        sql = "SELECT told FROM secret WHERE what=? AND target=? AND told<>x''"
        row = self._db.execute(sql, (what, target)).fetchone()
        return msgspec.json.decode(row[0], type=dict[str, str]) if row else None

    def keep(self, told: Iterable[tuple[str, str, Mapping[str, str]]]) -> None:
        """(what, target, values) of several, in one transaction. Raises sqlite3.Error."""
        now_ns = time.time_ns()
        self._write(_KEEP, [(w, t, msgspec.json.encode(dict(values)), now_ns) for w, t, values in told])

    def tell(self, what: str, target: str, values: Mapping[str, str]) -> None:
        """The same of one, which every hub of the site has when this returns. May wait for seconds.

        Raises LogTrouble or sqlite3.Error: it is not kept, though the site may have it."""
        before = self._db.execute("SELECT t_wall FROM secret WHERE what=? AND target=?", (what, target)).fetchone()
        t_wall = max(time.time_ns(), before[0] + 1 if before else 0)
        row = _row(what, target, msgspec.json.encode(dict(values)), t_wall)
        self._sharing.share([row])
        self.take([row])

    def withdraw(self, told: Iterable[tuple[str, str, Mapping[str, str]]]) -> None:
        """Forget what was told once, where exactly that is still kept. Raises sqlite3.Error."""
        rows = [(what, target, msgspec.json.encode(dict(values))) for what, target, values in told]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("DELETE FROM secret WHERE what=? AND target=? AND told=?", rows)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def forget(self, what: str, prefix: str) -> None:
        """All targets that begin so, at every hub of the site. Raises sqlite3.Error."""
        self._db.execute(
            "UPDATE secret SET told=x'', t_wall=max(?, t_wall+1) WHERE what=? AND substr(target, 1, ?)=? AND told<>x''",
            (time.time_ns(), what, len(prefix), prefix),
        )

    def _write(self, statement: str, rows: list[_Row]) -> None:
        if not rows:
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(statement, rows)
            self._db.execute("DELETE FROM secret WHERE what=? AND t_wall<?", (REPORTER, time.time_ns() - KEEP_NS))
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def rows(self) -> Iterator[Row]:
        """Shelf."""
        found = self._db.execute("SELECT what, target, told, t_wall FROM secret")
        for row in found.fetchall():
            yield _row(*row)

    def take(self, rows: Iterable[Row]) -> None:
        """Shelf."""
        found = [(row.key.partition("/"), row) for row in rows if row.kind == SECRET]
        self._write(_TAKE, [(what, target, row.told, row.rev) for (what, _, target), row in found])

    def close(self) -> None:
        self._db.close()


def _row(what: str, target: str, told: bytes, t_wall: int) -> Row:
    return Row(SECRET, f"{what}/{target}", t_wall, told, t_wall + KEEP_NS if what == REPORTER else 0)


class Confiding:
    """A world, with what it confides put into the vault before its events go on. WorldSource."""

    def __init__(self, world: WorldSource, vault: Vault, site: SiteCameras | None = None) -> None:
        """`site`: while it names its own cameras, the world's secrets of cameras are not theirs: the same number is
        another camera."""
        self._world = world
        self._site = site
        self._site_listed = False
        self._vault = vault
        self._confidant = world if isinstance(world, Confidant) else None
        self._known: set[tuple[str, str]] = set()
        self._trouble = False

    def directory(self) -> Directory:
        directory = self._world.directory()
        self._keep(CameraMoved(0, camera) for camera in directory.cameras)
        return directory

    def past(self) -> Iterator[WorldEvent]:
        """Kept when its end is reached: nothing of the past is committed before."""
        new: list[WorldEvent] = []
        for event in self._world.past():
            if isinstance(event, ReportMoved):
                new.append(event)
            yield event
        self._keep(new)

    def until(self, t_ns: int) -> list[WorldEvent]:
        events = list(self._world.until(t_ns))
        self._keep(events)
        return events

    def _keep(self, events: Iterable[WorldEvent]) -> None:
        if self._confidant is None:
            return
        listed = self._site is not None and self._site.listing is not None
        if listed and not self._site_listed:
            self._site_listed = self._withdraw(self._confidant)
        told: dict[tuple[str, str], Mapping[str, str]] = {}
        for event in events:
            match event:
                case ReportMoved(_, report) if (REPORTER, report.id) not in self._known:
                    told[(REPORTER, report.id)] = self._confidant.reporter(report)
                case CameraMoved(_, camera) if not listed and (CAMERA, camera.id) not in self._known:
                    told[(CAMERA, camera.id)] = self._confidant.camera_secret(camera)
        if not told:
            return
        try:
            self._vault.keep((what, target, values) for (what, target), values in told.items() if values)
        except sqlite3.Error as error:
            if not self._trouble:
                log.error("what %d reports and cameras confide cannot be kept: %s", len(told), error)
            self._trouble = True
            return
        self._trouble = False
        self._known |= told.keys()

    def _withdraw(self, confidant: Confidant) -> bool:
        """What the world told of its cameras before the site had its own. A secret that the site gave stays."""
        cameras = self._world.directory().cameras
        try:
            self._vault.withdraw((CAMERA, camera.id, confidant.camera_secret(camera)) for camera in cameras)
        except sqlite3.Error as error:
            log.error("secrets of cameras that are not served any more cannot be taken away yet: %s", error)
            return False
        return True
