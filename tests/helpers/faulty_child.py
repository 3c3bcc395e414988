"""The real hub or feeder as a child that can be made to fail: `python -m helpers.faulty_child`.

Only this entry knows of faults: it wraps named functions of the programs before it runs them, so that
production code never asks whether it is tested. Settings: {"program": "hub" | "feeder", "settings": {...},
"world": {...}, "kill": [point, n]}. Later lines of stdin are commands:
{"kill": [point, n]}  SIGKILL to itself at the n-th pass of a point from now on (see POINTS);
{"wall_s": x}         the wall clock (time.time, time.time_ns) is x seconds off; the monotonic clock is not;
{"freeze": true}      the alarm engine's test alarm no longer comes through;
{"owe": n}            the world of the hub brings n records more, at once;
{"hang": seconds}     the program's main loop stops for so long (the process and its TCP live).

"without": names of guards that are taken away, for the negative controls:
"atomic_cursor"  a feed's cursor is committed before its rows (in between lies the point CURSOR_ALONE);
"ended"          a feeder forgets what has ended;
"dedupe"         the hub forgets what it has done;
"counts"         what the hub merged is not counted here;
"expiry"         a click means for ever what it meant;
"silence"        no silence of the hub is too long.
"""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from backends.process import child_settings

POINTS = {
    "hub": (
        "log.before_commit", "log.after_commit", "hub.before_publish", "hub.mid_publish", "hub.before_ack",
        "log.before_action_commit", "log.after_action_commit",
    ),
    "feeder": (
        "journal.before", "journal.after", "store.before_commit", "store.after_commit", "store.before_checkpoint",
        "store.after_checkpoint", "click.before_kept", "act.sent", "ack.received", "action.before_finished",
    ),
}  # fmt: skip

CURSOR_ALONE = "store.cursor_alone"
"""Without "atomic_cursor" only: the cursor of alarms that follow kept ones is on disk, they are not."""


class _Faults:
    def __init__(self) -> None:
        self.point, self.left = "", 0
        self.offset_ns = 0
        self.frozen = False
        self.hang_s = 0.0
        self.world: Any = None
        self.passed: dict[str, int] = {}
        self.without: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def at(self, point: str) -> None:
        with self._lock:
            self.passed[point] = self.passed.get(point, 0) + 1
            if point != self.point:
                return
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def follow(self, command: dict[str, Any]) -> None:
        if "kill" in command:
            with self._lock:
                self.point, self.left = command["kill"]
        self.offset_ns = int(command.get("wall_s", self.offset_ns / 1e9) * 1e9)
        self.frozen = command.get("freeze", self.frozen)
        self.hang_s = command.get("hang", self.hang_s)
        if "owe" in command:
            self.world.owe(command["owe"])


FAULTS = _Faults()


def around(owner: Any, name: str, before: str = "", after: str = "", when: Callable[..., bool] | None = None) -> None:
    """`owner.name` passes the points `before` and `after` itself."""
    real = getattr(owner, name)

    def wrapped(*args: Any, **more: Any) -> Any:
        counts = when is None or when(*args, **more)
        if counts and before:
            FAULTS.at(before)
        done = real(*args, **more)
        if counts and after:
            FAULTS.at(after)
        return done

    setattr(owner, name, wrapped)


def _watch_sqlite(file: str, prefix: str) -> None:
    """COMMITs and checkpoints of the connections to `file` pass their points."""
    connect = sqlite3.connect

    class Watched(sqlite3.Connection):
        action = False

        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            kind = ""
            if sql == "COMMIT":
                kind = "commit"
            elif "wal_checkpoint" in sql:
                kind = "checkpoint"
            elif "INTO action " in sql:
                self.action = True
                if "dedupe" in FAULTS.without:
                    sql = sql.replace("INSERT", "INSERT OR REPLACE")
            if not kind:
                return super().execute(sql, *more)
            action, self.action = self.action and kind == "commit", False
            FAULTS.at(f"{prefix}.before_{kind}")
            if action:
                FAULTS.at(f"{prefix}.before_action_commit")
            done = super().execute(sql, *more)
            FAULTS.at(f"{prefix}.after_{kind}")
            if action:
                FAULTS.at(f"{prefix}.after_action_commit")
            return done

    def watched(database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        if file in str(database) and "mode=ro" not in str(database):
            more.setdefault("factory", Watched)
        return connect(database, *args, **more)

    sqlite3.connect = watched  # type: ignore[assignment]


def _watch_wall() -> None:
    wall_ns, wall_s = time.time_ns, time.time
    time.time_ns = lambda: wall_ns() + FAULTS.offset_ns
    time.time = lambda: wall_s() + FAULTS.offset_ns / 1e9


def _hub(raw: dict[str, Any], stop: threading.Event) -> int:
    from helpers.load_city import LoadCity

    from backends.domain.feeds import Mode
    from backends.hub import core, engine, log, main, server
    from backends.protocol.messages import Ack

    _watch_sqlite("hub", "log")
    around(server.Server, "publish", before="hub.before_publish", when=lambda _s, e: bool(e))
    around(server.Server, "_send", before="hub.before_ack", when=lambda _s, _r, message: isinstance(message, Ack))
    encode = server.encode
    server.encode = lambda message: (FAULTS.at("hub.mid_publish"), encode(message))[1]
    canary = engine.AlarmEngine.canary

    def maybe_frozen(self: Any, now_ns: int) -> Any:
        if FAULTS.frozen:
            raise RuntimeError("the alarm engine is frozen")
        return canary(self, now_ns)

    engine.AlarmEngine.canary = maybe_frozen
    if "dedupe" in FAULTS.without:
        log.SqliteLog.outcome = lambda self, aid: None
    advance = core.Core.round

    def maybe_hung(self: Any, now_ns: int, mono_s: float) -> Any:
        if FAULTS.hang_s:
            hang_s, FAULTS.hang_s = FAULTS.hang_s, 0.0
            time.sleep(hang_s)
        return advance(self, now_ns, mono_s)

    core.Core.round = maybe_hung
    settings = main.HubSettings(**{**raw["settings"], "mode": Mode(raw["settings"]["mode"])})

    def world(_: Any, start_ns: int) -> Any:
        FAULTS.world = LoadCity(start_ns, **raw["world"])
        return FAULTS.world

    return main.run(settings, stop, world)


def _feeder(raw: dict[str, Any], stop: threading.Event) -> int:
    from backends.link import machine
    from backends.link.outbox import Outbox
    from backends.store.journal import Journal
    from backends.store.store import Store
    from console import feed_clicks, feed_core, feed_exchange, feed_wire, feeder
    from console.feed_exchange import Exchange

    _watch_sqlite("ops.db", "store")
    around(Journal, "keep", before="journal.before", after="journal.after")
    around(Outbox, "sent", before="act.sent")
    around(Outbox, "on_ack", before="ack.received")
    around(Store, "action_finished", before="action.before_finished")
    around(Exchange, "send", before="click.before_kept", when=lambda _e, _o, out: isinstance(out, feed_wire.ClickKept))
    if "ended" in FAULTS.without:
        feed_core.read_ended = lambda _dir, _limit: []
        feed_clicks.Clicks.ended = lambda self, aid: None
        stage = feed_clicks.Clicks.stage
        feed_clicks.Clicks.stage = lambda self, status: (stage(self, status), self._ended.clear())[1]
    if "counts" in FAULTS.without:
        take = feed_exchange.Outlet.samples
        feed_exchange.Outlet.samples = lambda self, samples, conflated: (take(self, samples, 0), None)[1]
    if "expiry" in FAULTS.without:
        feed_clicks.EXPIRY_S.update(dict.fromkeys(feed_clicks.EXPIRY_S))
    if "silence" in FAULTS.without:
        machine.STALE_S = machine.SILENT_S = 1e9
    if "atomic_cursor" in FAULTS.without:
        _tear_cursor_from_rows()
    made = feeder.Feeder(msgspec.convert(raw["settings"], feeder.FeedSettings))
    threading.Thread(target=lambda: (stop.wait(), made.stop()), daemon=True).start()
    return made.run()


def _tear_cursor_from_rows() -> None:
    from backends.store import ops

    write = ops.PutRecords.write

    def torn(self: Any, connection: sqlite3.Connection, at: Any) -> None:
        last, cursor = self.records[-1], at.get(self.feed, ("", 0))
        ops._write_cursor(connection, dict(at), last.feed, last.epoch, last.seq, last.t_rx_ns)
        connection.execute("COMMIT")
        if self.feed == "alarms" and (self.records[0].epoch, self.records[0].seq - 1) == cursor:
            kept = "SELECT 1 FROM log WHERE feed = ? AND epoch = ? LIMIT 1"
            if connection.execute(kept, (last.feed, last.epoch)).fetchone():
                FAULTS.at(CURSOR_ALONE)
        connection.execute("BEGIN IMMEDIATE")
        assert at.get(self.feed, ("", 0)) == cursor
        write(self, connection, at)

    ops.PutRecords.write = torn  # type: ignore[method-assign]


def main() -> None:
    stop = threading.Event()
    raw = child_settings(stop.set, lambda line: FAULTS.follow(msgspec.json.decode(line)))
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    FAULTS.without = tuple(raw.get("without", ()))
    FAULTS.follow({k: raw[k] for k in ("kill", "wall_s") if raw.get(k)})
    _watch_wall()
    status = (_hub if raw["program"] == "hub" else _feeder)(raw, stop)
    logging.shutdown()
    os._exit(status)


if __name__ == "__main__":
    main()
