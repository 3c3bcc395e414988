"""Retention: in slices, by days on which the console ran, never what an open action aims at, chain still checkable."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.feed_waits import wait_until
from helpers.store_rig import Heard, click, record, snapshot

from backends.domain.action import Stage
from backends.store import audit
from backends.store.keeping import MARK_EVERY_NS, SLICE_ROWS, Keep, Retention
from backends.store.ops import Call, PutAudit, PutQuarantine, PutRecords
from backends.store.schema import OPS_FILE, open_ops
from backends.store.verify import DAY_NS, Anchor, verify, verify_file
from backends.store.writer import OpsWriter


class Calendar:
    """The machine's clock, in the test's hands."""

    def __init__(self) -> None:
        self.t_ns = 20_000 * MARK_EVERY_NS

    def time_ns(self) -> int:
        return self.t_ns

    monotonic = staticmethod(time.monotonic)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    made = Calendar()
    monkeypatch.setattr("backends.store.keeping.time", made)
    return made


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = open_ops(tmp_path / OPS_FILE, "demo")
    yield made
    made.close()


def put(db: sqlite3.Connection, first: int, n: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    PutRecords([record(seq) for seq in range(first, first + n)]).write(db, {"alarms": ("e", first - 1)})
    db.execute("COMMIT")


def run(retention: Retention, db: sqlite3.Connection) -> None:
    """Slices until nothing is left."""
    for _ in range(1000):
        before = retention.deleted
        retention.slice(db)
        if retention.deleted == before:
            return


def count(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_the_log_goes_after_its_days_and_items_stay(db: sqlite3.Connection, calendar: Calendar) -> None:
    retention = Retention(Keep(log_days=3))
    for day in range(8):
        put(db, day * 10 + 1, 10)
        run(retention, db)
        calendar.t_ns += MARK_EVERY_NS
    assert db.execute("SELECT min(seq), max(seq) FROM log").fetchone() == (51, 80)
    assert count(db, "item") == 80


def test_nothing_of_a_target_with_an_open_action_goes(db: sqlite3.Connection, calendar: Calendar) -> None:
    retention = Retention(Keep(log_days=1, actions_days=30))
    put(db, 1, 10)  # targets a1 to a10
    click("open").write(db, {})  # aims at a1
    for _ in range(4):
        run(retention, db)
        calendar.t_ns += MARK_EVERY_NS
    assert db.execute("SELECT id FROM log").fetchall() == [("a1",), ("a10",)], "the newest row stays as well"
    click("open", Stage.APPLIED).write(db, {})
    run(retention, db)
    assert db.execute("SELECT id FROM log").fetchall() == [("a10",)], "control: finished, so it goes"


def test_finished_actions_go_and_open_ones_stay(db: sqlite3.Connection, calendar: Calendar) -> None:
    retention = Retention(Keep(actions_days=30))
    for n in range(1, 6):
        click(f"u{n}", Stage.APPLIED if n % 2 else Stage.QUEUED, cseq=n).write(db, {})
    for _ in range(33):
        run(retention, db)
        calendar.t_ns += MARK_EVERY_NS
    assert db.execute("SELECT aid FROM outbox ORDER BY cseq").fetchall() == [("u2",), ("u4",), ("u5",)]


def test_a_clock_that_jumps_a_year_deletes_nothing_early(db: sqlite3.Connection, calendar: Calendar) -> None:
    retention = Retention(Keep(log_days=3, audit_days=3))
    put(db, 1, 10)
    db.execute("BEGIN")
    audit.append(db, t_ns=1, what="sign_in")
    db.execute("COMMIT")
    for jump in (0, 365, -365, 3650, -3650):
        calendar.t_ns += jump * MARK_EVERY_NS
        run(retention, db)
        if jump >= 0:
            assert count(db, "log") == 10
    put(db, 11, 5)
    assert db.execute("SELECT max(seq) FROM log").fetchone() == (15,)


def test_new_rows_never_take_the_numbers_of_old_marks(db: sqlite3.Connection, calendar: Calendar) -> None:
    retention = Retention(Keep(log_days=2))
    put(db, 1, 100)
    for _ in range(6):
        run(retention, db)
        calendar.t_ns += MARK_EVERY_NS
    assert count(db, "log") == 1
    put(db, 101, 5)
    run(retention, db)
    calendar.t_ns += MARK_EVERY_NS
    run(retention, db)
    assert db.execute("SELECT min(seq), max(seq), count(*) FROM log").fetchone() == (101, 105, 5)


def test_the_audit_loses_its_oldest_rows_and_can_still_be_checked(
    tmp_path: Path, db: sqlite3.Connection, calendar: Calendar
) -> None:
    retention = Retention(Keep(audit_days=3))
    anchors = []
    for day in range(8):
        db.execute("BEGIN")
        for n in range(10):
            PutAudit(calendar.t_ns, "view_camera", "op", f"cameras/{day}{n}").write(db, {})
        db.execute("COMMIT")
        end = audit.tip(db)
        anchors.append(Anchor(end.n, end.hash.hex(), calendar.t_ns))
        run(retention, db)
        calendar.t_ns += MARK_EVERY_NS
    whole = verify_file(tmp_path, anchors)
    assert whole.findings == ()
    assert whole.first > 30
    begin, rows = audit.base(db), list(audit.rows(db))
    assert verify(audit.Link(begin.n - 1, begin.hash), rows, ()).findings, "control: another beginning is found"
    said = [row for row in rows if row.what != audit.RETENTION]
    assert any("no row of the chain says why" in f.text for f in verify(begin, said, ()).findings)
    young = Anchor(begin.n, begin.hash.hex(), calendar.t_ns - DAY_NS)
    assert "its anchor is younger" in verify(begin, rows, (young,)).findings[0].text


def test_slices_are_short_and_wait_for_the_queue(
    tmp_path: Path, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.store.writer.CHECKPOINT_S", 0.02)
    heard = Heard()
    writer = OpsWriter(tmp_path / OPS_FILE, "demo", heard, keep=Keep(log_days=1))
    writer.open()
    writer.start()
    rng = random.Random(1)
    body = rng.randbytes(400)
    rows = [(f"e{n}", n, f"a{n}", body) for n in range(12_000)]

    def fill(db: sqlite3.Connection) -> None:
        db.executemany("INSERT INTO log VALUES ('alarms',?,?,'put',?,1,'',1,1,?,0)", rows)

    try:
        writer.put(Call(fill))
        wait_until(lambda: len(heard.commits) == 1)
        retention = writer._retention
        for _ in range(3):
            calendar.t_ns += MARK_EVERY_NS
            retention._at_s = 0.0
            wait_until(lambda: retention._at_s > 0.0)
        retention._at_s = 0.0
        began_s = time.monotonic()
        slowest_s, n = 0.0, 0
        writer.put(snapshot(0))
        while retention.deleted < 11_999 and time.monotonic() - began_s < 20:
            n += 1
            put_s = time.monotonic()
            writer.put(PutRecords([record(n)]))
            wait_until(lambda: heard.seqs()[-1:] == [n])  # noqa: B023
            slowest_s = max(slowest_s, time.monotonic() - put_s)
        print(
            f"\n12,000 rows in {time.monotonic() - began_s:.2f} s, longest slice {retention.longest_s * 1000:.1f} ms of"
            f" {retention._rows} rows, slowest of {n} alarms meanwhile {slowest_s * 1000:.1f} ms"
        )
        assert retention.deleted >= 11_999
        assert retention.longest_s < 0.25, "20 ms on a quiet machine; the slices get shorter when they are slow"
        assert retention._rows <= SLICE_ROWS
        assert slowest_s < 0.5
    finally:
        writer.stop()


def test_quarantine_goes_by_age(db: sqlite3.Connection, calendar: Calendar) -> None:
    retention = Retention(Keep(quarantine_days=2))
    for n in range(5):
        PutQuarantine(n, "alarms", "bad", b"x").write(db, {})
    for _ in range(4):
        run(retention, db)
        calendar.t_ns += MARK_EVERY_NS
    assert count(db, "quarantine") == 1
