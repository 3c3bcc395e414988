"""Backups by the hour, checked before they count; and the way back from one."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from helpers.feed_waits import ExpectLogs, wait_until
from helpers.store_rig import Heard, click, record, snapshot

from backends.domain.action import Stage
from backends.store.backup import BACKUP_FOLDER, Backup, BackupKeeper, backups, good_backups, make_backup, surplus
from backends.store.ballast import BALLAST_FILE, Ballast
from backends.store.errors import damaged
from backends.store.ops import Call, PutAudit, PutRecords, PutStage
from backends.store.schema import OPS_FILE, version_in_header
from backends.store.store import Store
from backends.store.trail import AUDIT_FOLDER
from backends.store.verify import verify_file
from backends.store.writer import OpsWriter


def filled(folder: Path, heard: Heard | None = None) -> Store:
    """A running store with some alarms and two actions, one of them open."""
    heard = heard or Heard()
    store = Store(folder, "demo", heard)
    store.open()
    store.start()
    store.put([snapshot(100)])
    for n in (1, 2):
        action = click(f"u{n}", cseq=n)
        store.keep_action(action.status.action, "op")
        store.put([action])
    done = click("u1", Stage.APPLIED, cseq=1)
    store.put([done])
    store.action_finished(done.status)
    wait_until(lambda: committed(heard, "u1", Stage.APPLIED))
    return store


def committed(heard: Heard, aid: str, stage: Stage = Stage.QUEUED) -> bool:
    with heard.lock:
        ops = [op for group, stored in heard.commits if stored for op in group]
    return any(isinstance(op, PutStage) and op.status.action.aid == aid and op.status.stage is stage for op in ops)


def ruin(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[2000:] = b"\xa5" * (len(raw) - 2000)
    path.write_bytes(raw)


def test_a_backup_is_whole_and_made_while_the_writer_writes(tmp_path: Path) -> None:
    store = filled(tmp_path)
    made = make_backup(tmp_path / OPS_FILE)
    store.stop()
    assert made.number == 1
    assert version_in_header(made.path) == 2
    copy = sqlite3.connect(made.path)
    assert copy.execute("SELECT count(*) FROM item").fetchone() == (100,)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()
    assert [b.path for b in backups(tmp_path)] == [made.path]
    assert list((tmp_path / BACKUP_FOLDER).glob("*.new*")) == []


def test_24_of_the_hour_and_7_of_the_day_stay() -> None:
    made = [
        Backup(Path(f"{n}"), n, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(1_800_000_000 + n * 3600)))
        for n in range(1, 24 * 12 + 1)
    ]
    gone = {backup.number for backup in surplus(made)}
    kept = [backup for backup in made if backup.number not in gone]
    assert len(kept) == 31
    assert kept[-24:] == made[-24:]
    days = [backup.day for backup in kept[:7]]
    assert len(set(days)) == 7
    assert days == sorted(days)
    assert surplus(kept) == []


def test_a_clock_that_went_back_puts_no_old_copy_in_front(tmp_path: Path) -> None:
    folder = tmp_path / BACKUP_FOLDER
    folder.mkdir()
    (folder / "ops-000007-20990101T000000Z.db").write_bytes(b"")
    (folder / "ops-000008-20261124T000000Z.db").write_bytes(b"")
    assert [backup.number for backup in backups(tmp_path)] == [7, 8]


def test_a_killed_backup_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(tmp_path)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("backends.store.schema.check_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            make_backup(tmp_path / OPS_FILE)
    assert backups(tmp_path) == []
    assert list((tmp_path / BACKUP_FOLDER).glob("*.new"))
    assert make_backup(tmp_path / OPS_FILE).number == 1
    assert list((tmp_path / BACKUP_FOLDER).glob("*.new*")) == []
    store.stop()


def test_restore_continues_from_the_copy_and_its_audit_has_no_hole(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("is damaged")
    heard = Heard()
    store = filled(tmp_path, heard)
    made = make_backup(tmp_path / OPS_FILE)
    store.put([PutRecords([record(n) for n in range(101, 111)]), PutAudit(9, "view_camera", "op", "cameras/014")])
    later = click("u3", cseq=3)
    store.keep_action(later.status.action, "op")
    store.put([later])
    finished = click("u2", Stage.CONFLICT, cseq=2)
    store.put([finished])
    store.action_finished(finished.status)
    wait_until(lambda: committed(heard, "u2", Stage.CONFLICT))
    store.stop()
    ruin(tmp_path / OPS_FILE)
    ruined = (tmp_path / OPS_FILE).read_bytes()
    again = Store(tmp_path, "demo", heard)
    state = again.open()
    again.start()
    assert again.positions["alarms"] == ("e", 100), "FETCH goes on from here"
    assert [(s.action.aid, s.stage) for s in state.unfinished] == [("u3", Stage.QUEUED)]
    assert state.last_cseq == 3
    code, text = heard.troubles[0]
    assert code == "damaged"
    for words in (made.stamp, "kept in damaged-", "3 rows of the audit were put back", "the hub is asked"):
        assert words in text
    assert [p.read_bytes() for p in tmp_path.glob(f"damaged-*/{OPS_FILE}")] == [ruined]
    again.put([PutRecords([record(n) for n in range(101, 111)])])
    wait_until(lambda: again.positions["alarms"] == ("e", 110))
    again.stop()
    whole = verify_file(tmp_path, [])
    assert whole.findings == ()
    with sqlite3.connect(tmp_path / OPS_FILE) as db:
        assert db.execute("SELECT stage FROM outbox WHERE aid = 'u2'").fetchone() == ("conflict",)
        assert db.execute("SELECT count(*) FROM audit WHERE what = 'restore'").fetchone() == (1,)
    db.close()


def test_lost_audit_rows_are_said_by_the_chain(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("is damaged")
    store = filled(tmp_path)
    make_backup(tmp_path / OPS_FILE)
    store.put([PutAudit(n, "view_camera", "op") for n in range(5)])
    store.put([PutAudit(9, "sign_out", "op", ends_session=True)])
    wait_until((tmp_path / AUDIT_FOLDER / "anchors.txt").exists)
    store.stop()
    for path in (tmp_path / AUDIT_FOLDER).glob("*.jnl"):
        path.unlink()
    ruin(tmp_path / OPS_FILE)
    again = Store(tmp_path, "demo", Heard())
    again.open()
    again.start()
    again.put([PutAudit(10, "sign_in", "op")])
    again.stop()
    whole = verify_file(tmp_path, [])
    assert len(whole.findings) == 1
    assert whole.findings[0].n == 4
    assert "rows 4 to 9 were lost; row 10 says why" in whole.findings[0].text
    assert "ops.db was damaged" in whole.findings[0].text


@pytest.mark.parametrize("journal", [True, False])
def test_without_any_backup_the_chain_goes_on_after_its_numbers(
    tmp_path: Path, expect_logs: ExpectLogs, journal: bool
) -> None:
    expect_logs("is damaged")
    store = filled(tmp_path)
    store.stop()
    if not journal:
        for path in (tmp_path / AUDIT_FOLDER).glob("*.jnl"):
            path.unlink()
    ruin(tmp_path / OPS_FILE)
    again = Store(tmp_path, "demo", Heard())
    again.open()
    again.start()
    again.put([PutAudit(10, "sign_in", "op")])
    again.stop()
    findings = verify_file(tmp_path, []).findings
    if journal:
        assert findings == ()
    else:
        assert [f.n for f in findings] == [1]
        assert "rows 1 to 3 were lost" in findings[0].text


def test_a_bad_backup_is_passed_over_for_the_next_older(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("is damaged")
    expect_logs("ops-000003-.*cannot be used")
    heard = Heard()
    store = filled(tmp_path, heard)
    good = [make_backup(tmp_path / OPS_FILE) for _ in range(3)]
    store.stop()
    ruin(good[2].path)
    ruin(tmp_path / OPS_FILE)
    again = Store(tmp_path, "demo", heard)
    state = again.open()
    again.stop()
    assert len(dict(state.feeds[0].items)) == 100
    assert good[1].stamp in heard.troubles[0][1]


def test_a_backup_of_another_mode_or_a_newer_program_is_no_backup(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("another mode")
    expect_logs("not a store that this program knows")
    store = filled(tmp_path)
    made = [make_backup(tmp_path / OPS_FILE) for _ in range(2)]
    store.stop()
    newer = sqlite3.connect(made[1].path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    assert list(good_backups(tmp_path / OPS_FILE, "live")) == []


def test_damage_while_running_is_survived_and_what_waits_is_kept(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("is damaged")
    heard = Heard()
    store = filled(tmp_path, heard)
    make_backup(tmp_path / OPS_FILE)
    writer = store._ops

    def broken(db: sqlite3.Connection) -> None:
        raise damaged("a page is not what it was")

    store.put([Call(broken), click("u9", cseq=9), PutAudit(5, "view_camera", "op", "cameras/001")])
    wait_until(lambda: heard.emptied == 1)
    wait_until(lambda: committed(heard, "u9"), what="written into the file that took its place")
    assert writer.trouble == "damaged", "the words stay for a minute"
    store.put([snapshot(7)])
    wait_until(lambda: store.positions["alarms"] == ("e", 7))
    store.stop()
    assert verify_file(tmp_path, []).findings == ()


def test_the_keeper_makes_them_tells_troubles_and_finds_damage(tmp_path: Path) -> None:
    store = filled(tmp_path)
    told: list[tuple[str, str]] = []
    looked = threading.Event()
    ballast = Ballast(tmp_path / BALLAST_FILE, 4096)
    keeper = BackupKeeper(tmp_path / OPS_FILE, 0.05, ballast, lambda *t: told.append(t), looked.set, first_s=0.0)
    keeper.start()
    wait_until(lambda: len(backups(tmp_path)) >= 3)
    wait_until(lambda: ballast.there)
    assert told == []
    shutil.move(tmp_path / OPS_FILE, tmp_path / "elsewhere.db")
    wait_until(lambda: told, what="no original: said")
    shutil.move(tmp_path / "elsewhere.db", tmp_path / OPS_FILE)
    wait_until(lambda: told[-1] == ("", ""), what="healed")
    keeper.stop()
    store.stop()
    (tmp_path / "ops.db-wal").unlink(missing_ok=True)
    ruin(tmp_path / OPS_FILE)
    again = BackupKeeper(tmp_path / OPS_FILE, 0.05, ballast, lambda *t: told.append(t), looked.set, first_s=0.0)
    again.start()
    wait_until(looked.is_set)
    again.stop()
    assert told[-1][0] == "damaged"


def test_a_console_that_starts_again_and_again_makes_one_backup_an_hour(tmp_path: Path) -> None:
    filled(tmp_path).stop()
    keeper = BackupKeeper(tmp_path / OPS_FILE, 3600.0, Ballast(tmp_path / "b", 0), lambda *t: None, lambda: None)
    assert keeper._first_pause_s() == 60.0
    make_backup(tmp_path / OPS_FILE)
    assert keeper._first_pause_s() > 3500.0


def test_the_writer_is_not_held_up_by_a_backup(tmp_path: Path) -> None:
    heard = Heard()
    writer = OpsWriter(tmp_path / OPS_FILE, "demo", heard)
    writer.open()
    writer.start()
    try:
        writer.put(snapshot(20_000))
        wait_until(lambda: writer.positions.get("alarms") == ("e", 20_000))
        done = threading.Event()
        took: list[float] = []

        def copy() -> None:
            for _ in range(3):
                began_s = time.monotonic()
                make_backup(tmp_path / OPS_FILE)
                took.append(time.monotonic() - began_s)
            done.set()

        thread = threading.Thread(target=copy)
        thread.start()
        n, slowest_s = 20_000, 0.0
        while not done.is_set():
            n += 1
            began_s = time.monotonic()
            writer.put(PutRecords([record(n)]))
            wait_until(lambda: heard.seqs()[-1:] == [n])  # noqa: B023
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        thread.join()
        size = (tmp_path / OPS_FILE).stat().st_size
        print(
            f"\nbackup of {size >> 10} KB in {max(took):.2f} s; slowest of {n - 20_000} alarms meanwhile"
            f" {slowest_s * 1000:.0f} ms"
        )
        assert slowest_s < 1.0
    finally:
        writer.stop()
