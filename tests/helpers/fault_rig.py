"""A real hub, a real feeder and a screen's inbox, all of which may be killed, stopped and cut off at will.

`Town` starts both programs through helpers.faulty_child; between them stand two fault proxies (LIVE and CTL).
`audit` compares, at the end, the hub's log with the console's store, row by row: what was lost, what was doubled.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
from helpers.fault_proxy import FaultProxy
from helpers.feed_rig import Glass
from helpers.waiting import wait_for

from backends.domain.feeds import FEEDS, Mode
from backends.hub.keys import authorise, ensure_station_keys
from backends.hub.main import READY_FILE, HubSettings, Ready, read_ready
from backends.process import start_child, stop_child
from backends.store.schema import OPS_FILE
from console.feed_client import FeedClient
from console.feed_settings import FeedSettings

LOGGED = ("alarms", "reports", "timeline")
"""Feeds whose every record the console keeps."""


class Child:
    """One program that can be made to fail."""

    def __init__(
        self,
        program: str,
        settings: dict[str, Any],
        log: Path,
        world: dict[str, Any] | None = None,
        without: tuple[str, ...] = (),
    ) -> None:
        self._asked = {"program": program, "settings": settings, "world": world or {}, "without": without}
        self.log_file = log
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.wall_s = 0.0

    def start(self, kill: tuple[str, int] | None = None) -> None:
        asked = {**self._asked, "kill": kill, "wall_s": self.wall_s}
        self.process = start_child("helpers.faulty_child", asked, log=self.log_file)

    def tell(self, **command: Any) -> None:
        """A command of helpers.faulty_child; one that has died meanwhile does not hear it."""
        assert self.process is not None
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()

    @property
    def dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.reap()

    def reap(self) -> None:
        """It died, or is about to."""
        assert self.process is not None
        status = self.process.wait(20)
        assert status == -signal.SIGKILL, f"{self._asked['program']} ended with {status}: {self.tail()}"
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.deaths += 1

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT)
            stop_child(self.process, 8.0)

    def tail(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")[-3000:]


class Town:
    """Hub, feeder and screens. Context manager."""

    def __init__(
        self, folder: Path, *, screens: int = 1, resume: str = "crash", without: tuple[str, ...] = (), **world: Any
    ) -> None:
        self.folder = folder
        self._hub_dir = folder / "hub"
        authorised = self._hub_dir / "authorised"
        authorised.mkdir(parents=True, exist_ok=True)
        keys = ensure_station_keys(folder / "keys", "desk-1")
        authorise(authorised, keys)
        self._keys = keys
        hub = HubSettings(
            data_dir=str(self._hub_dir), authorised_dir=str(authorised), keys_dir=str(self._hub_dir / "keys"),
            mode=Mode.DEMO, resume=resume, sign_in="seat",  # type: ignore[arg-type]
        )  # fmt: skip
        self._without = without
        self.hub = Child("hub", msgspec.to_builtins(hub), folder / "hub.log", world, without)
        self._screens = screens
        self.clients: list[FeedClient] = []
        self.glasses: list[Glass] = []
        self._stack = contextlib.ExitStack()
        # A socket's path must be short.
        self._pipe_dir = Path(tempfile.mkdtemp(prefix="ioc-"))

    # -- life ----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start_hub()
        ready = self.ready()
        self.live = self._stack.enter_context(FaultProxy(ready.live))
        self.ctl = self._stack.enter_context(FaultProxy(ready.ctl))
        authkey = os.urandom(16)
        listen = str(self._pipe_dir / "feed") if os.name != "nt" else rf"\\.\pipe\{self._pipe_dir.name}"
        self.settings = FeedSettings(
            str(self.folder / "console"), "desk-1", Mode.DEMO, live=self.live.address, ctl=self.ctl.address,
            server_key=ready.public_key, public_key=self._keys.public.decode(),
            secret_key=self._keys.secret.decode(), listen=listen, authkey=authkey.hex(),
        )  # fmt: skip
        (self.folder / "console").mkdir(exist_ok=True)
        self.feeder = Child(
            "feeder", msgspec.to_builtins(self.settings), self.folder / "feeder.log", None, self._without
        )
        self.feeder.start()
        for _ in range(self._screens):
            client = FeedClient(listen, authkey, mode=Mode.DEMO)
            client.start()
            self.clients.append(client)
            self.glasses.append(Glass(client.drain))
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.stop()
        if hasattr(self, "feeder"):
            self.feeder.stop()
        self.hub.stop()
        self._stack.close()
        shutil.rmtree(self._pipe_dir, ignore_errors=True)

    def start_hub(self, kill: tuple[str, int] | None = None) -> None:
        self.hub.start(kill)

    def ready(self, timeout_s: float = 30.0) -> Ready:
        assert self.hub.process is not None
        pid = self.hub.process.pid

        def find() -> Ready | None:
            ready = read_ready(self._hub_dir / READY_FILE)
            assert not self.hub.dead, self.hub.tail()
            return ready if ready is not None and ready.pid == pid else None

        found = wait_for(lambda: f"the hub serves: {self.hub.tail()}", find, timeout_s)
        assert found is not None
        return found

    # -- looking -------------------------------------------------------------------------------------

    @property
    def glass(self) -> Glass:
        return self.glasses[0]

    def look(self) -> Glass:
        for glass in self.glasses:
            glass.look()
        return self.glass

    def until(self, what: str, condition: Callable[[Glass], object], timeout_s: float = 20.0) -> float:
        """Look until it is true; how many seconds it took."""
        began_s = time.monotonic()
        wait_for(lambda: f"{what}: {self.state()}", lambda: bool(condition(self.look())), timeout_s)
        return time.monotonic() - began_s

    def until_live(self, timeout_s: float = 30.0) -> float:
        """Every feed; `samples` only where its source has not stopped."""
        feeds = [feed for feed in FEEDS if feed != "samples"]
        return self.until("live", lambda g: g.up() and all(g.live(feed) for feed in feeds), timeout_s)

    def state(self) -> str:
        statuses = {f: (s.quality.value, s.cursor, s.head, s.gaps, s.bad) for f, s in self.glass.feeds.items()}
        link = self.glass.link
        return f"{link and (link.state.value, link.reason)} {statuses}\n{self.feeder.tail()[-800:]}"

    def ops(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Of the console's store."""
        with contextlib.closing(sqlite3.connect(self.folder / "console" / OPS_FILE, timeout=5.0)) as db:
            return db.execute(sql, values).fetchall()

    def hub_log(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Of the hub's file, which is the hub's alone while it runs: stop it first."""
        with contextlib.closing(sqlite3.connect(self._hub_dir / "hub.db", timeout=5.0)) as db:
            return db.execute(sql, values).fetchall()

    # -- the end -------------------------------------------------------------------------------------

    def quiesce(self, timeout_s: float = 60.0) -> None:
        """Stop the hub's world by stopping the hub: first it is frozen until the console has all of it."""
        self.until_live(timeout_s)
        heads = {f: s.head for f, s in self.glass.feeds.items()}
        self.until(
            "the console has what the hub had",
            lambda g: all(g.feeds[f].cursor >= heads[f] for f in LOGGED),
            timeout_s,
        )
        self.hub.kill()
        self.hub.deaths -= 1
        # What the feeder still had in hand is committed and shown; if it is not, the audit says so.
        with contextlib.suppress(AssertionError):
            wait_for("screens show the store", self._at_rest, 8.0)
        for client in self.clients:
            client.stop()
        self.feeder.stop()

    def look_all(self) -> list[Glass]:
        self.look()
        return self.glasses

    def _at_rest(self) -> bool:
        """The store has not moved for a second, and the screens show it."""
        cursors = self.ops("SELECT * FROM cursor ORDER BY feed")
        if cursors != self._rest[0]:
            self._rest = (cursors, time.monotonic())
        return time.monotonic() - self._rest[1] > 1.0 and all(self._as_stored(g) for g in self.look_all())

    _rest: tuple[list[tuple[Any, ...]], float] = ([], 0.0)

    def _as_stored(self, glass: Glass) -> bool:
        ids = sorted(row[0] for row in self.ops("SELECT id FROM item WHERE feed='alarms'"))
        cursor = self.ops("SELECT seq FROM cursor WHERE feed='alarms'")
        return glass.ids("alarms") == ids and cursor[0][0] == glass.feeds["alarms"].cursor


def counted(rows: list[tuple[Any, ...]]) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for row in rows:
        counts[row[0]] = counts.get(row[0], 0) + 1
    return counts


class Verdict(msgspec.Struct):
    """What `audit` found."""

    lost: list[str] = []
    doubled: list[str] = []
    wrong: list[str] = []
    alarms: int = 0
    """Raised by the hub."""
    rows: int = 0
    """Log rows compared."""


def rows_kept(town: Town) -> int:
    """Rows in the console's log, of the epochs that `audit` looks at."""
    of_feeds = ",".join("?" * len(LOGGED))
    sql = f"SELECT count(*) FROM log JOIN cursor USING (feed, epoch) WHERE feed IN ({of_feeds})"
    return int(town.ops(sql, *LOGGED)[0][0])


def audit(town: Town) -> Verdict:
    """After `quiesce`: the hub's truth against the world's, and the console's store against the hub's.

    Rows behind the console's cursor must all be there, equal, once; every load alarm has one id.
    """
    found = Verdict()
    cursors = {feed: (epoch, seq) for feed, epoch, seq in town.ops("SELECT feed, epoch, seq FROM cursor")}
    for feed in LOGGED:
        epoch, seq = cursors.get(feed, ("", 0))
        mine = town.ops("SELECT seq, id, type, rev, cause, body FROM log WHERE feed=? AND epoch=? ORDER BY seq",
                        feed, epoch)  # fmt: skip
        first = mine[0][0] if mine else seq + 1
        theirs = town.hub_log(
            "SELECT seq, id, type, rev, cause, body FROM log WHERE feed=? AND seq BETWEEN ? AND ? ORDER BY seq",
            feed, first, seq,
        )  # fmt: skip
        found.rows += len(theirs)
        have = {row[0]: row for row in mine}
        if [row[0] for row in mine] != list(range(first, seq + 1)):
            found.wrong.append(f"{feed}: not contiguous from {first} to {seq}")
        for row in theirs:
            if row[0] not in have:
                found.lost.append(f"{feed} {row[0]} {row[1]}")
            elif have[row[0]] != row:
                found.wrong.append(f"{feed} {row[0]} differs")
        found.doubled += [f"{feed} seq {n}" for n, times in counted([(r[0],) for r in mine]).items() if times > 1]
    _audit_items(town, cursors, found)
    _audit_raises(town, found)
    for name, check in (("console", town.ops), ("hub", town.hub_log)):
        if check("PRAGMA integrity_check") != [("ok",)]:
            found.wrong.append(f"{name}: integrity_check")
    return found


def _audit_items(town: Town, cursors: dict[str, tuple[str, int]], found: Verdict) -> None:
    """The console's state is the hub's, where it has reached the hub's head; and the screen's is the store's."""
    for feed, head in town.hub_log("SELECT name, head FROM feed"):
        if cursors.get(feed, ("", -1))[1] != head or feed in ("samples", "timeline"):
            continue
        mine = town.ops("SELECT id, rev, body FROM item WHERE feed=? ORDER BY id", feed)
        theirs = town.hub_log("SELECT id, rev, body FROM item WHERE feed=? ORDER BY id", feed)
        if feed == "sensors":  # the snapshot's own `last` stands in the bodies
            mine, theirs = [r[:2] for r in mine], [r[:2] for r in theirs]
        if mine != theirs:
            found.wrong.append(f"{feed}: items differ")
    stored = sorted(row[0] for row in town.ops("SELECT id FROM item WHERE feed='alarms'"))
    for n, glass in enumerate(town.glasses):
        if glass.ids("alarms") != stored:
            gone, extra = set(stored) - set(glass.ids("alarms")), set(glass.ids("alarms")) - set(stored)
            found.lost += [f"screen {n}: {i}" for i in gone]
            found.wrong += [f"screen {n} still shows {i}" for i in extra]


def _audit_raises(town: Town, found: Verdict) -> None:
    """Every alarm of the load up to the world's last moment was raised, once."""
    ids = {row[0] for row in town.hub_log("SELECT DISTINCT id FROM log WHERE feed='alarms'")}
    keys = counted([(i.rpartition("@")[0],) for i in ids])
    found.alarms = len(ids)
    found.doubled += [f"condition {key} has {n} alarms" for key, n in keys.items() if n > 1]
    numbers = sorted(int(key[1:]) for key in keys if key[:1] == "c" and key[1:].isdigit())
    found.lost += [f"condition c{k}" for k in sorted(set(range(numbers[-1])) - set(numbers))] if numbers else []
