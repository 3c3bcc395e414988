"""Ingest bench: how many messages a second the feeder makes durable, and how soon 10,000 stored items are there.

`rows()` takes about two minutes. Ingest: a hub process offers more than can be taken (PUB over CURVE); what
counts is the growth of the committed cursors, validated, in order, on disk. Start: a data folder with 10,000
alarms, no hub; the time from starting the feeder process until the items are in a GUI's inbox, by the two ways
that there are: read from ops.db by the GUI itself, or sent by the feeder.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from split import _row, _wait_for  # noqa: E402
from split_hub import bodies  # noqa: E402

from backends.domain.feeds import Mode  # noqa: E402
from backends.domain.ports import Changes  # noqa: E402
from backends.domain.record import Record, Snapshot  # noqa: E402
from backends.process import start_child, stop_child  # noqa: E402
from backends.store.ops import Op, PutSnapshot  # noqa: E402
from backends.store.schema import OPS_FILE  # noqa: E402
from backends.store.store import Store  # noqa: E402
from console.feed_client import FeedClient  # noqa: E402

ITEMS = 10_000
SUSTAINED_S, SUSTAINED = 20.0, 10_000
LIMIT_OFFERED = 40_000
"""More than the bare loop can take. Ours is offered less: beyond, it fetches what LIVE dropped, which the bare loop
does not."""
OFFERED = 20_000
WARM_S, WINDOW_S = 4.0, 8.0
TURNS = 3


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    per_s, jumps = ingest()
    sustained, lost, spent, jumped = sustain()
    pairs = [(ingest()[0], limit()) for _ in range(TURNS)]
    ours, bare = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    turns = [start() for _ in range(TURNS)]
    own, sent = (statistics.median(turn[i] for turn in turns) for i in (0, 1))
    return [
        _row(
            "ingest.durable_msg_per_s", per_s, "msg/s", ">= 5000", per_s >= 5000 and not jumps,
            f"{OFFERED} offered; feeder process alone, synchronous=FULL, 5 % alarms",
        ),
        _row(
            "ingest.sustained_msgs_per_s", sustained, "msg/s", f">= {SUSTAINED}",
            sustained >= SUSTAINED and lost == 0 and jumped == 0,
            f"{int(SUSTAINED_S * OFFERED)} messages at {OFFERED} a second, all durable after {spent:.1f} s; "
            f"alarms lost: {lost}, snapshots taken in place of messages: {jumped}",
        ),
        _row(
            "ingest.vs_limit", ours / bare, "ratio", ">= 0.35", ours / bare >= 0.35,
            f"{ours:.0f} against {bare:.0f} msg/s of one thread: receive, pre-scan, decode, executemany "
            f"(tests/bench/ingest_limit.py); {OFFERED} offered to ours, {LIMIT_OFFERED} to it, medians of {TURNS}",
        ),
        _row(
            "start.feed_10k_items_s", own, "s", "<= 0.4", own <= 0.4,
            f"into the GUI's inbox from ops.db, read by the GUI; sent by the feeder it takes {sent:.2f} s",
        ),
    ]  # fmt: skip


def _settings(folder: Path, hub_file: Path) -> dict[str, Any]:
    public, secret = zmq.curve_keypair()
    return {
        "data_dir": str(folder / "console"), "station": "desk-1", "mode": "demo", "hub_file": str(hub_file),
        "public_key": public.decode(), "secret_key": secret.decode(),
        "listen": str(folder / "feed") if os.name != "nt" else rf"\\.\pipe\{folder.name}",
        "authkey": os.urandom(16).hex(),
    }  # fmt: skip


def sustain() -> tuple[float, int, float, int]:
    """(messages a second from the first to the last on disk, alarms lost, seconds, snapshots beyond the join's)."""
    most = int(SUSTAINED_S * OFFERED)
    with tempfile.TemporaryDirectory(prefix="ioc-ingest-") as name:
        folder = Path(name)
        hub = start_child("split_hub", {"rate": OFFERED, "ready": str(folder / "hub.json"), "most": most})
        feeder = None
        try:
            _wait_for(folder / "hub.json", hub)
            feeder = start_child("console.feeder", _settings(folder, folder / "hub.json"), log=folder / "log")
            began_s = end_s = 0.0
            have = joined = 0
            while have < most and (not began_s or time.monotonic() - began_s < 6 * SUSTAINED_S):
                time.sleep(0.05)
                now = _committed(folder)
                if now != have:
                    have, end_s = now, time.monotonic()
                    began_s = began_s or end_s
                if began_s and not joined and time.monotonic() - began_s > 3.0:
                    joined = _snaps(folder)
            stop_child(feeder, 8.0)
            jumps = _snaps(folder) - joined
            return have / (end_s - began_s), most // 20 - _alarms_logged(folder), end_s - began_s, jumps
        finally:
            if feeder is not None and feeder.poll() is None:
                stop_child(feeder)
            stop_child(hub)


def _alarms_logged(folder: Path) -> int:
    """Rows of the alarms' log, as far as it has no hole. What came before the join came as a snapshot."""
    connection = sqlite3.connect(folder / "console" / OPS_FILE)
    try:
        count, first, last = connection.execute(
            "SELECT count(*), min(seq), max(seq) FROM log WHERE feed='alarms'"
        ).fetchone()
        return int(last) if count == last - first + 1 else int(count)
    finally:
        connection.close()


def limit() -> float:
    """Messages a second of the bare loop."""
    with tempfile.TemporaryDirectory(prefix="ioc-ingest-") as name:
        folder = Path(name)
        hub = start_child("split_hub", {"rate": LIMIT_OFFERED, "ready": str(folder / "hub.json")})
        bare = None
        try:
            _wait_for(folder / "hub.json", hub)
            result = folder / "limit.json"
            asked = {"hub_file": str(folder / "hub.json"), "folder": name, "warm_s": WARM_S, "window_s": WINDOW_S}
            bare = start_child("ingest_limit", {**asked, "result": str(result)})
            _wait_for(result, bare)
            return float(json.loads(result.read_text())["per_s"])
        finally:
            if bare is not None:
                stop_child(bare)
            stop_child(hub)


def ingest() -> tuple[float, int]:
    """(committed messages a second, snapshots taken meanwhile: by those a cursor moves without ingest)."""
    with tempfile.TemporaryDirectory(prefix="ioc-ingest-") as name:
        folder = Path(name)
        hub = start_child("split_hub", {"rate": OFFERED, "ready": str(folder / "hub.json")})
        feeder = None
        try:
            _wait_for(folder / "hub.json", hub)
            feeder = start_child("console.feeder", _settings(folder, folder / "hub.json"), log=folder / "log")
            time.sleep(WARM_S)
            began_s, before, snaps = time.monotonic(), _committed(folder), _snaps(folder)
            time.sleep(WINDOW_S)
            return (_committed(folder) - before) / (time.monotonic() - began_s), _snaps(folder) - snaps
        finally:
            if feeder is not None:
                stop_child(feeder, 8.0)
            stop_child(hub)


def _snaps(folder: Path) -> int:
    return int((folder / "hub.snaps").read_text() or 0)


def _committed(folder: Path) -> int:
    try:
        connection = sqlite3.connect(f"file:{folder / 'console' / OPS_FILE}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return 0  # not made yet
    try:
        return int(connection.execute("SELECT coalesce(sum(seq), 0) FROM cursor").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


class _Nobody:
    def on_commit(self, ops: Sequence[Op], stored: bool) -> None: ...

    def on_hole(self, feed: str) -> None: ...

    def on_trouble(self, code: str, text: str) -> None: ...

    def on_emptied(self) -> None: ...


def start() -> tuple[float, float]:
    """Seconds until 10,000 items are in the inbox: (read from ops.db, sent by the feeder)."""
    with tempfile.TemporaryDirectory(prefix="ioc-start-") as name:
        folder = Path(name)
        data_dir = folder / "console"
        store = Store(data_dir, "demo", _Nobody())
        store.open()
        store.start()
        made = bodies("alarms")
        items = tuple(
            Record(
                "alarms",
                "e",
                n + 1,
                "put",
                f"a{n}",
                1,
                "",
                1,
                1,
                made[n % len(made)][1].replace(b'"id":"a', b'"id":"%d-' % n),
            )
            for n in range(ITEMS)
        )
        store.put([PutSnapshot(Snapshot("alarms", "e", ITEMS, items))])
        store.stop()
        settings = _settings(folder, folder / "no-hub.json")
        began_s = time.monotonic()
        feeder = start_child("console.feeder", settings, log=folder / "log")
        clients = [
            FeedClient(settings["listen"], bytes.fromhex(settings["authkey"]), data_dir=own, mode=Mode.DEMO)
            for own in (data_dir, None)
        ]
        try:
            for client in clients:
                client.start()
            found: dict[int, float] = {}
            while len(found) < 2:
                for i, client in enumerate(clients):
                    for delivery in client.drain():
                        if isinstance(delivery, Changes) and len(delivery.put) == ITEMS:
                            found.setdefault(i, time.monotonic() - began_s)
                if time.monotonic() - began_s > 30:
                    raise RuntimeError("10,000 items never came")
                time.sleep(0.005)
            return found[0], found[1]
        finally:
            for client in clients:
                client.stop()
            stop_child(feeder)


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']:34} {row['value']:10g} {row['unit']:8} {row['bar']:8} {row['note']}")
