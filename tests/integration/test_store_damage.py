"""Damaged files, seeded: the console starts, no unsent action and no audit row is lost, and it says what happened.

A template folder is what a killed console leaves: ops.db with a live -wal, journals, one backup, and things that
came after that backup. Each seed damages a copy of it in one of the ways that disks and people know.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from helpers.fake_hub import alarm
from helpers.fast_folder import fast_folder
from helpers.feed_waits import ExpectLogs, wait_until
from helpers.store_rig import Heard, click, record, snapshot

from backends.domain.action import Stage
from backends.protocol.codec import encode
from backends.store.backup import make_backup
from backends.store.journal import JOURNAL_FILE
from backends.store.ops import PutAudit, PutRecords
from backends.store.schema import OPS_FILE
from backends.store.store import Store
from backends.store.trail import AUDIT_FOLDER
from backends.store.verify import verify_file

KINDS = ("flip one bit", "flip many bits", "cut", "zero a page", "no wal", "foreign wal", "garbage", "empty")
UNSENT = {f"u{n}" for n in range(5, 13)}
PAGE = 4096
STARTS_S = 10.0
DISK_LOG = (
    "is damaged|was changed|holds rows|cannot be read|cannot be used|older than|is not what was clicked|kept in damaged"
)


def fill(folder: Path, name: str, backup: bool) -> Store:
    """A running store."""
    heard = Heard()
    store = Store(folder, "demo", heard)
    store.open()
    store.start()
    store.put([snapshot(150), snapshot(0, "timeline")])
    store.put([PutAudit(n, "view_camera", name, f"cameras/{n:03}") for n in range(60)])
    for n in range(1, 13):
        if n == 9 and backup:
            wait_until(lambda: store.positions.get("timeline") == ("e", 0) and not store.waiting_rows)
            make_backup(folder / OPS_FILE)
        action = click(f"u{n}", cseq=n)
        store.keep_action(action.status.action, name)
        store.put([action])
        if n <= 4:
            done = click(f"u{n}", Stage.APPLIED, cseq=n)
            store.put([done])
    store.put([PutRecords([record(n) for n in range(151, 301)]), PutAudit(99, "lock", name)])
    wait_until(lambda: store.positions.get("alarms") == ("e", 300))
    for n in range(1, 5):
        store.action_finished(click(f"u{n}", Stage.APPLIED, cseq=n).status)
    return store


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copied while it runs, between two commits: what SIGKILL leaves."""
    live, left = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("left") / "data"
    store = fill(live, "op", backup=True)
    shutil.copytree(live, left)
    other = tmp_path_factory.mktemp("other")
    second = fill(other, "somebody else", backup=False)
    shutil.copy(other / "ops.db-wal", left / "foreign-wal")
    store.stop()
    second.stop()
    assert (left / "ops.db-wal").stat().st_size > 0
    return left


def damage(folder: Path, kind: str, pick: random.Random) -> None:
    path, wal = folder / OPS_FILE, folder / "ops.db-wal"
    target = pick.choice([path, wal]) if kind.startswith(("flip", "cut", "zero")) else path
    raw = bytearray(target.read_bytes())
    if kind.startswith("flip"):
        for _ in range(1 if kind == "flip one bit" else pick.randint(20, 400)):
            raw[pick.randrange(len(raw))] ^= 1 << pick.randrange(8)
    elif kind == "cut":
        del raw[pick.randrange(len(raw)) :]
    elif kind == "zero a page":
        start = pick.randrange(max(1, len(raw) // PAGE)) * PAGE
        raw[start : start + PAGE] = bytes(len(raw[start : start + PAGE]))
    elif kind == "garbage":
        raw[:] = pick.randbytes(len(raw))
    elif kind == "empty":
        raw.clear()
    target.write_bytes(raw)
    if kind == "no wal":
        wal.unlink()
    elif kind == "foreign wal":
        shutil.copy(folder / "foreign-wal", wal)
        (folder / "ops.db-shm").unlink(missing_ok=True)


def survive(template: Path, tmp_path: Path, seed: int) -> tuple[str, float, str]:
    """One damage. Returns (kind, seconds to start, words)."""
    pick = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    folder = tmp_path / f"{seed}"
    shutil.copytree(template, folder)
    damage(folder, kind, pick)
    before = (folder / OPS_FILE).read_bytes()
    heard = Heard()
    store = Store(folder, "demo", heard)
    began_s = time.monotonic()
    state = store.open()
    took_s = time.monotonic() - began_s
    store.start()
    try:
        assert took_s <= STARTS_S, f"seed {seed}, {kind}: {took_s:.1f} s"
        unsent = {status.action.aid: status for status in state.unfinished}
        assert set(unsent) == UNSENT, f"seed {seed}, {kind}"
        assert all(s.action == click(aid, cseq=int(aid[1:])).status.action for aid, s in unsent.items())
        assert state.last_cseq == 12
        store.put([snapshot(301), PutAudit(100, "unlock", "op")])
        wait_until(lambda: store.positions.get("alarms") == ("e", 301), what=f"seed {seed}, {kind}: writes again")
    finally:
        store.stop()
    report = verify_file(folder, [])
    assert report.findings == (), f"seed {seed}, {kind}: {report.findings}"
    with sqlite3.connect(folder / OPS_FILE) as db:
        looks = db.execute("SELECT count(*) FROM audit WHERE what IN ('view_camera', 'lock')").fetchone()[0]
        # An action that is put back into the database is audited as queued once more.
        clicks = db.execute("SELECT count(DISTINCT aid || result) FROM audit WHERE what = 'claim'").fetchone()[0]
    db.close()
    assert (looks, clicks) == (61, 16), f"seed {seed}, {kind}: audit rows"
    for kept_feed in state.feeds:  # what a screen would paint is what was written, or nothing
        assert all(body == encode(alarm(int(key[1:]))) for key, body in kept_feed.items), f"seed {seed}, {kind}"
    words = "; ".join(text for code, text in heard.troubles if code)
    kept = list(folder.glob(f"damaged-*/{OPS_FILE}"))
    if kept:
        assert "damaged" in words
        assert before in [path.read_bytes() for path in kept], f"seed {seed}, {kind}: the old file is not kept"
    return kind, took_s, words


def run(template: Path, tmp_path: Path, seeds: range) -> None:
    took: list[float] = []
    said = 0
    for seed in seeds:
        _, took_s, words = survive(template, tmp_path, seed)
        took.append(took_s)
        said += bool(words)
        shutil.rmtree(tmp_path / f"{seed}")
    print(
        f"\n{len(took)} damages: slowest start {max(took):.2f} s, median {sorted(took)[len(took) // 2]:.3f} s,"
        f" {said} said in words, 0 unsent actions lost, 0 audit rows lost"
    )
    assert said >= len(took) // 3


def test_100_damages(template: Path, expect_logs: ExpectLogs) -> None:
    expect_logs(DISK_LOG)
    with fast_folder() as folder:
        run(template, folder, range(100))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_1000_damages(template: Path, expect_logs: ExpectLogs) -> None:
    expect_logs(DISK_LOG)
    with fast_folder() as folder:
        run(template, folder, range(1000, 2000))


def test_control_an_undamaged_folder_says_nothing(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    shutil.copytree(template, folder)
    heard = Heard()
    store = Store(folder, "demo", heard)
    state = store.open()
    store.start()
    store.stop()
    assert heard.troubles == []
    assert store.positions["alarms"] == ("e", 300)
    assert {status.action.aid for status in state.unfinished} == UNSENT
    assert list(folder.glob("damaged-*")) == []


@pytest.mark.parametrize("guard", ["journal", "second copy of the audit"])
def test_control_without_the_guard_something_is_lost(
    template: Path, tmp_path: Path, guard: str, expect_logs: ExpectLogs
) -> None:
    expect_logs(DISK_LOG)
    bare = tmp_path / "bare"
    shutil.copytree(template, bare)
    if guard == "journal":
        (bare / JOURNAL_FILE).unlink()
    else:
        shutil.rmtree(bare / AUDIT_FOLDER)
    with pytest.raises(AssertionError):
        survive(bare, tmp_path, KINDS.index("garbage"))
