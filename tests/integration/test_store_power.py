"""Power cuts, simulated: what was committed before a cut is there after it, whatever becomes of the rest.

A cut keeps everything that was synced, and of what was not, any part. With synchronous=FULL the -wal is synced at
every commit, so at the moment when a commit is told, the bytes that the files have then are safe. The simulation:
note the length of the -wal at each commit that is told; then build, for many cuts, a folder in which the -wal is
cut anywhere at or behind the length of some commit, its tail torn or scribbled over; what that commit told must be
there. Checkpoints are held back, so that the main file does not change (SQLite syncs the -wal before it writes there).
It does not prove that the disk honours fsync; that no test of a program can.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers.fast_folder import fast_folder
from helpers.feed_waits import ExpectLogs, wait_until
from helpers.store_rig import Heard, click, record, snapshot

from backends.domain.action import Stage
from backends.store.ops import Op, PutAudit, PutRecords
from backends.store.schema import OPS_FILE, open_writer
from backends.store.store import Store
from backends.store.verify import verify_file

COMMITS = 40


class Notes(Heard):
    """Remembers how long the -wal was when a commit was told."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.wal = folder / "ops.db-wal"
        self.told: list[tuple[int, int, int]] = []
        """(bytes of -wal, alarms up to, actions)."""
        self._alarms = self._actions = 0
        self._guard = threading.Lock()

    def on_commit(self, ops: Sequence[Op], stored: bool) -> None:
        super().on_commit(ops, stored)
        with self._guard:
            for op in ops:
                if isinstance(op, PutRecords):
                    self._alarms = op.records[-1].seq
                elif getattr(op, "status", None) is not None:
                    self._actions += 1
            self.told.append((self.wal.stat().st_size, self._alarms, self._actions))


def run(live: Path, left: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """A session, copied as it stands at the end."""
    monkeypatch.setattr("backends.store.writer.CHECKPOINT_S", 3600.0)
    notes = Notes(live)
    store = Store(live, "demo", notes)
    store.open()
    store.start()
    store.put([snapshot(0)])
    wait_until(lambda: notes.told)
    for n in range(1, COMMITS + 1):
        store.put([PutRecords([record(n)]), click(f"u{n}", Stage.APPLIED, cseq=n), PutAudit(n, "view_camera", "op")])
        wait_until(lambda: notes.seqs()[-1:] == [n])  # noqa: B023
    shutil.copytree(live, left)
    store.stop()
    return notes


def after_cut(left: Path, folder: Path, length: int, pick: random.Random) -> tuple[int, int]:
    """(alarms, actions) that are there when the power went with `length` bytes of -wal synced."""
    folder.mkdir()
    shutil.copy(left / OPS_FILE, folder)
    whole = (left / "ops.db-wal").read_bytes()
    rest = bytearray(whole[length : pick.randint(length, len(whole))])
    for _ in range(pick.randint(0, 20)):  # pages that came in another order, or half
        if rest:
            start = pick.randrange(len(rest))
            rest[start : start + 512] = pick.choice([bytes, pick.randbytes])(len(rest[start : start + 512]))
    (folder / "ops.db-wal").write_bytes(whole[:length] + bytes(rest))
    store = Store(folder, "demo", Heard())
    store.open()
    store.stop()
    assert verify_file(folder, []).findings == ()
    with sqlite3.connect(folder / OPS_FILE) as db:
        alarms = db.execute("SELECT coalesce(max(seq), 0), count(*) FROM log").fetchone()
        actions = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
        audited = db.execute("SELECT count(*) FROM audit WHERE what = 'claim'").fetchone()[0]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert alarms[0] == alarms[1], "hole-free"
    assert audited == actions, "no action without its audit row"
    shutil.rmtree(folder)
    return alarms[0], actions


def test_100_cuts_lose_nothing_that_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = run(tmp_path / "live", tmp_path / "left", monkeypatch)
    with fast_folder() as folder:
        for seed in range(100):
            pick = random.Random(seed)
            length, alarms, actions = pick.choice(notes.told)
            there = after_cut(tmp_path / "left", folder / "cut", length, pick)
            assert there[0] >= alarms, f"seed {seed}: {alarms - there[0]} alarms lost"
            assert there[1] >= actions, f"seed {seed}: {actions - there[1]} actions lost"
    print(f"\n100 power cuts over {len(notes.told)} commits: 0 alarms, 0 actions, 0 audit rows lost")


def test_control_what_was_not_synced_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with synchronous=NORMAL or OFF: told before the bytes are safe."""
    notes = run(tmp_path / "live", tmp_path / "left", monkeypatch)
    lost = 0
    for seed in range(5, 15):
        length, _, _ = notes.told[seed]
        _, alarms, _ = notes.told[seed + 5]  # told, while only the bytes of an earlier commit were safe
        there = after_cut(tmp_path / "left", tmp_path / "cut", length, random.Random(0xBAD))
        lost += there[0] < alarms
    assert lost


def test_the_writer_syncs_every_commit(tmp_path: Path) -> None:
    store = Store(tmp_path, "demo", Heard())
    store.open()
    assert store._ops._db is not None
    assert store._ops._db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    store.stop()
    lax = open_writer(tmp_path / "other.db", full=False)
    assert lax.execute("PRAGMA synchronous").fetchone() == (1,), "control: NORMAL, for samples"
    lax.close()


def test_a_torn_second_copy_of_the_audit_costs_nothing(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    """It is not synced: after a cut it may lack its end, or hold half a line. The database has the rows."""
    store = Store(tmp_path, "demo", Heard())
    store.open()
    store.start()
    store.put([PutAudit(n, "view_camera", "op") for n in range(20)])
    store.stop()
    path = next((tmp_path / "audit").glob("*.jnl"))
    path.write_bytes(path.read_bytes()[:-700])
    again = Store(tmp_path, "demo", Heard())
    again.open()
    again.start()
    again.put([PutAudit(99, "lock", "op")])
    again.stop()
    assert verify_file(tmp_path, []).findings == ()
    (tmp_path / OPS_FILE).unlink()
    expect_logs("21 rows of the audit were put back")
    third = Store(tmp_path, "demo", Heard())
    third.open()
    third.stop()
    assert verify_file(tmp_path, []).findings == ()
