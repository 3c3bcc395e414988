"""Disks that fail and fill up: no alarm, no action, no audit row is lost or doubled; samples go first and are counted.

EIO and FULL at the n-th call are injected at the connection; a real file system that is really full, and a real
limit on a file's size, show that SQLite answers as the injected errors pretend.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fast_folder import fast_folder
from helpers.faulty_sqlite import Fault, inject
from helpers.feed_waits import ExpectLogs, wait_until
from helpers.store_rig import Heard, click, record, snapshot

from backends.domain.action import Stage
from backends.domain.sensor import Sample
from backends.domain.times import NS_PER_S
from backends.store.ballast import BALLAST_FILE
from backends.store.keeping import Keep
from backends.store.ops import Op, PutAudit, PutRecords
from backends.store.schema import OPS_FILE
from backends.store.store import Store
from backends.store.verify import verify_file
from backends.store.writer import OpsWriter

ROOT = Path(__file__).resolve().parents[2]
GROUPS = 16
EIO = 778
"""SQLITE_IOERR_WRITE."""


@pytest.fixture
def fast() -> Iterator[Path]:
    with fast_folder() as folder:
        yield folder


def group(n: int) -> list[Op]:
    """Two alarms, an action from click to end, a look at a camera."""
    return [
        PutRecords([record(2 * n + 1), record(2 * n + 2)]),
        click(f"u{n}", cseq=n),
        click(f"u{n}", Stage.APPLIED, cseq=n),
        PutAudit(n, "view_camera", "op", f"cameras/{n}"),
    ]


def everything_once(folder: Path) -> str:
    """What is missing or doubled; empty when all is there once."""
    db = sqlite3.connect(folder / OPS_FILE)
    try:
        seqs = [row[0] for row in db.execute("SELECT seq FROM log ORDER BY seq")]
        cursor = db.execute("SELECT seq FROM cursor WHERE feed = 'alarms'").fetchone()
        stages = db.execute("SELECT aid, stage FROM outbox").fetchall()
        rows = db.execute("SELECT what, target, result, aid FROM audit").fetchall()
        checked = db.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        db.close()
    wrong = []
    if seqs != list(range(1, 2 * GROUPS + 1)) or cursor != (2 * GROUPS,):
        wrong.append(f"alarms {seqs} up to {cursor}")
    if sorted(stages) != sorted((f"u{n}", "applied") for n in range(GROUPS)):
        wrong.append(f"actions {stages}")
    if len(rows) != 3 * GROUPS or len(set(rows)) != 3 * GROUPS:
        wrong.append(f"{len(rows)} audit rows, {len(set(rows))} different")
    if checked != "ok" or verify_file(folder, []).findings:
        wrong.append(f"{checked}, {verify_file(folder, []).findings}")
    return "; ".join(wrong)


def write_all(folder: Path) -> OpsWriter:
    """The workload, group by group, each tried again until the disk is well."""
    folder.mkdir()
    writer = OpsWriter(folder / OPS_FILE, "demo", Heard())
    writer.open()
    for ops in ([snapshot(0)], *map(group, range(GROUPS))):
        writer._take(ops)
        for _ in range(10):
            if writer.trouble:
                writer._mend(time.monotonic() + 60)
    writer._close()
    return writer


def try_at(folder: Path, n: int, code: int, times: int) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        fault = Fault(n, code, times)
        inject(patch, fault)
        writer = write_all(folder)
        assert writer.trouble == ""
    wrong = everything_once(folder)
    shutil.rmtree(folder)
    return fault.hit, wrong


@pytest.mark.parametrize(
    ("code", "times", "step"),
    [
        (EIO, 1, 1),
        (EIO, 3, 5),
        (sqlite3.SQLITE_FULL, 1, 5),
        pytest.param(EIO, 3, 1, marks=pytest.mark.soak),
        pytest.param(sqlite3.SQLITE_FULL, 1, 1, marks=pytest.mark.soak),
    ],
)
def test_a_fault_at_the_nth_write(fast: Path, code: int, times: int, step: int, expect_logs: ExpectLogs) -> None:
    expect_logs("disk_full" if code == sqlite3.SQLITE_FULL else "io_error")
    began_s = time.monotonic()
    for n in range(1, 201, step):
        hit, wrong = try_at(fast / "data", n, code, times)
        assert hit, f"write {n} was never reached"
        assert not wrong, f"write {n}: {wrong}"
    print(f"\n{200 // step} faults in {time.monotonic() - began_s:.1f} s, 0 lost, 0 doubled")


@pytest.mark.parametrize("guard", ["_retain", "_roll_back"])
def test_control_without_the_guard_a_fault_loses_something(
    fast: Path, guard: str, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    expect_logs("io_error")

    def nothing(writer: OpsWriter, *args: object, **fields: object) -> None:
        if guard == "_roll_back" and writer._db is not None and writer._db.in_transaction:
            writer._db.commit()  # half a group stays

    monkeypatch.setattr(OpsWriter, guard, nothing)
    wrong = []
    for n in range(120, 160):
        with contextlib.suppress(AssertionError):
            wrong.append(try_at(fast / f"data{n}", n, EIO, 1)[1])
    assert any(wrong)


# -- a real file system, really full -----------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """8 MB of disk."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None:
        pytest.skip("only root may mount a tiny file system")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class Hog:
    """Takes all the space there is, and gives it back."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "hog"

    def take(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            for size in (1 << 16, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def give(self) -> None:
        self.path.unlink()


def stored(heard: Heard) -> list[int]:
    return heard.seqs()


def test_a_full_file_system_ten_times(tiny: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("disk_full|second copy of the audit|backup failed")
    pick = random.Random(5)
    heard, samples_told = Heard(), []
    store = Store(
        tiny, "demo", heard, keep=Keep(ballast_bytes=256 << 10), samples_floor_bytes=64 << 10,
        on_samples_trouble=lambda code, text: samples_told.append(code),
    )  # fmt: skip
    store.open()
    store.start()
    hog, seq, kept, slowest_s, refused = Hog(tiny), 0, [], 0.0, 0
    try:
        store.put([snapshot(0)])
        for turn in range(10):
            for _ in range(pick.randint(1, 5)):
                store.put([PutRecords([record(seq := seq + 1)])])
            hog.take()
            for n in range(3):
                aid = f"t{turn}-{n}"
                try:
                    store.keep_action(click(aid).status.action, "op")
                    store.put([click(aid)])
                    kept.append(aid)
                except OSError:
                    refused += 1  # in words at the operator's desk; it was never shown as kept
            store.put([PutRecords([record(seq := seq + 1) for _ in range(40)]) for _ in range(10)])
            store.samples.put([Sample("s1", (1_790_000_000 + turn) * NS_PER_S, 1.0)])
            wait_until(lambda: seq in {*heard.seqs(), *heard.seqs(stored=False)}, what="shown in any case")
            hog.take()
            hog.give()
            began_s = time.monotonic()
            wait_until(lambda: heard.seqs()[-1:] == [seq] and not store.trouble, what=f"turn {turn}: healed")
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        assert slowest_s <= 5.0
    finally:
        store.stop()
    assert heard.seqs() == list(range(1, seq + 1)), "every alarm, once, in order"
    print(
        f"\nfull 10 times: slowest recovery {slowest_s:.2f} s, {seq} alarms and {len(kept)} actions kept,"
        f" {refused} clicks refused, {store.samples.dropped} samples shed"
    )
    with contextlib.closing(sqlite3.connect(tiny / OPS_FILE)) as db:
        assert db.execute("SELECT count(*) FROM log").fetchone() == (seq,)
        assert {row[0] for row in db.execute("SELECT aid FROM outbox")} == set(kept)
    assert verify_file(tiny, []).findings == ()
    assert any(code == "disk_full" for code, _ in heard.troubles)


@pytest.mark.parametrize("ballast", [512 << 10, 0], ids=["ballast", "control: none"])
def test_the_ballast_goes_first(tiny: Path, ballast: int, expect_logs: ExpectLogs) -> None:
    expect_logs("disk_full")
    heard = Heard()
    store = Store(tiny, "demo", heard, keep=Keep(ballast_bytes=ballast), samples_floor_bytes=64 << 10)
    store.open()
    store.start()
    try:
        store.put([snapshot(0), click("u0")])
        wait_until(lambda: heard.commits)
        if ballast:
            wait_until((tiny / BALLAST_FILE).exists)
        Hog(tiny).take()
        store.samples.put([Sample("s1", 1_790_000_000 * NS_PER_S, 1.0)])
        assert store.samples.flush()
        n = 0
        while not heard.troubles and n < 400:
            n += 1
            store.put([PutRecords([record(n)])])
            wait_until(lambda: n in {*heard.seqs(), *heard.seqs(stored=False)})  # noqa: B023
        assert heard.troubles[0][0] == "disk_full"
        assert store.samples.dropped >= 1, "samples were shed before"
        if ballast:
            wait_until(lambda: heard.seqs() == list(range(1, n + 1)) and not store.trouble)
            store.keep_action(click("u1").status.action)
            assert not (tiny / BALLAST_FILE).exists()
            store.samples.put([Sample("s1", 1_790_000_001 * NS_PER_S, 1.0)])
            assert store.samples.flush()
            assert store.samples.dropped == 2, "none until there is room for the ballast again"
        else:
            assert store.trouble == "disk_full"
            assert heard.seqs() != list(range(1, n + 1))
    finally:
        (tiny / "hog").unlink()
        store.stop()


LIMITED = """
import json, resource, sys, time
from pathlib import Path
sys.path[:0] = [%r, %r]
from helpers.store_rig import Heard, click, record, snapshot
from helpers.feed_waits import wait_until
from backends.store.ops import PutRecords
from backends.store.store import Store
folder = Path(sys.argv[1])
heard = Heard()
store = Store(folder, "demo", heard)
store.open(); store.start()
store.put([snapshot(0)])
wait_until(lambda: heard.commits)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / "ops.db-wal").stat().st_size + 30_000, hard))
for n in range(1, 301):
    store.put([PutRecords([record(n)])])
wait_until(lambda: store.trouble)
trouble = store.trouble
wait_until(lambda: 300 in {*heard.seqs(), *heard.seqs(stored=False)})
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
began_s = time.monotonic()
wait_until(lambda: heard.seqs() == list(range(1, 301)) and not store.trouble)
took_s = time.monotonic() - began_s
store.stop()
print(json.dumps({"trouble": trouble, "took_s": took_s}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
def test_a_real_limit_on_a_files_size(tmp_path: Path) -> None:
    code = LIMITED % (str(ROOT), str(ROOT / "tests"))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    print(f"\nRLIMIT_FSIZE: {said}")
    assert said["trouble"] in ("io_error", "disk_full")
    assert said["took_s"] <= 5.0
