"""What ingest is measured against: bare receive, the same pre-scan and decoding, executemany. A child process.

Settings on stdin: {hub_file, folder, warm_s, window_s, result}. No sequence check, no state, no screens, no threads.
"""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import zmq

from backends.domain.feeds import FEEDS, Mode
from backends.process import child_settings
from backends.protocol import codec
from backends.protocol.messages import HEARTBEAT_TOPIC, Hello

GROUP_ROWS, GROUP_S = 500, 0.05
PRECIOUS = frozenset(name for name, spec in FEEDS.items() if spec.precious)


def main() -> None:
    settings = child_settings()
    hub = json.loads(Path(settings["hub_file"]).read_text())
    context: zmq.Context[Any] = zmq.Context()
    public, secret = zmq.curve_keypair()
    sockets = []
    for kind, address in ((zmq.SUB, hub["live"]), (zmq.DEALER, hub["ctl"])):
        made = context.socket(kind)
        made.linger = 0
        made.rcvhwm = 100_000
        made.curve_serverkey, made.curve_publickey, made.curve_secretkey = hub["public_key"].encode(), public, secret
        made.connect(address)
        sockets.append(made)
    sub, dealer = sockets
    sub.setsockopt(zmq.SUBSCRIBE, b"1/")
    dealer.send_multipart([b"1", codec.encode(Hello("desk-1", Mode.DEMO))])
    db = sqlite3.connect(Path(settings["folder"]) / "limit.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=1000", "cache_size=-65536"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("CREATE TABLE item (feed TEXT, id TEXT, rev INT, seq INT, t INT, body BLOB, PRIMARY KEY (feed, id))")
    db.execute("CREATE TABLE log (feed TEXT, seq INT, id TEXT, rev INT, t INT, body BLOB, PRIMARY KEY (feed, seq))")
    began_s = time.monotonic() + settings["warm_s"]
    end_s = began_s + settings["window_s"]
    count, started_at = 0, 0
    rows: list[tuple[Any, ...]] = []
    group_s = time.monotonic()
    while (now_s := time.monotonic()) < end_s:
        if not started_at and now_s >= began_s:
            started_at = count or 1
            began_s = now_s
        if sub.poll(50):
            try:
                for _ in range(GROUP_ROWS):
                    head, raw = sub.recv_multipart(zmq.NOBLOCK)
                    if head == HEARTBEAT_TOPIC:
                        continue
                    env = codec.decode_envelope(raw)
                    codec.decode_body(env.feed, env.body)
                    rows.append((env.feed, env.id, env.rev, env.seq, env.t, bytes(env.body)))
            except zmq.Again:
                pass
        if rows and (len(rows) >= GROUP_ROWS or now_s - group_s > GROUP_S):
            db.execute("BEGIN IMMEDIATE")
            latest = {row[:2]: row for row in rows}
            db.executemany("INSERT OR REPLACE INTO item VALUES (?,?,?,?,?,?)", latest.values())
            db.executemany(
                "INSERT OR REPLACE INTO log VALUES (?,?,?,?,?,?)",
                [(f, seq, i, rev, t, body) for f, i, rev, seq, t, body in rows if f in PRECIOUS],
            )
            db.execute("COMMIT")
            count += len(rows)
            rows, group_s = [], time.monotonic()
    result = {"per_s": (count - started_at) / (time.monotonic() - began_s)}
    path = Path(settings["result"])
    path.with_suffix(".part").write_text(json.dumps(result))
    path.with_suffix(".part").rename(path)


if __name__ == "__main__":
    main()
