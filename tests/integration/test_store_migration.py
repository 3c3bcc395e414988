"""From every released schema to this one: nothing lost, and a kill leaves the old one or the new one."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.feed_waits import ExpectLogs
from helpers.migrating import POINTS
from helpers.store_rig import Heard

from backends.domain.action import Stage
from backends.store.reader import read_state
from backends.store.schema import MIGRATIONS, OPS_FILE, open_ops, version_in_header
from backends.store.store import Store
from backends.store.verify import verify_file

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "ops-schema1.sql"
CHILD = ROOT / "tests" / "helpers" / "migrating.py"
OLD_AUDIT = 7


def of_schema_1(folder: Path, more: int = 0) -> Path:
    """The file as the program of schema 1 left it, with `more` audit rows to make the way longer."""
    path = folder / OPS_FILE
    connection = sqlite3.connect(path)
    connection.executescript(FIXTURE.read_text(encoding="utf-8"))
    connection.executemany(
        "INSERT INTO audit VALUES (?,1,'desk-1','op','claim','alarms/a1','applied','x','',x'',x'')",
        [(OLD_AUDIT + n,) for n in range(1, more + 1)],
    )
    connection.commit()
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.close()
    return path


def schema_of(path: Path) -> str:
    """ "old", "new", or what is between."""
    connection = sqlite3.connect(path)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        person = bool(connection.execute("SELECT 1 FROM pragma_table_info('outbox') WHERE name='person'").fetchone())
        summed = bool(connection.execute("SELECT 1 FROM pragma_table_info('item') WHERE name='sum'").fetchone())
        hashed = connection.execute("SELECT count(*) FROM audit WHERE length(hash) = 32").fetchone()[0]
        counted = connection.execute("SELECT count(*) FROM audit").fetchone()[0]
    finally:
        connection.close()
    if (version, person, summed, hashed) == (1, False, False, 0) and "audit_base" not in tables:
        return "old"
    if (version, person, summed, hashed) == (2, True, True, counted) and {"audit_base", "retention_mark"} <= tables:
        return "new"
    return f"between: version {version}, person {person}, {hashed} of {counted} rows hashed, {sorted(tables)}"


def test_nothing_is_lost_on_the_way(tmp_path: Path) -> None:
    path = of_schema_1(tmp_path)
    before = read_state(tmp_path, "demo")
    assert len(before.unfinished) == 3, "a screen reads a file that is not migrated yet"
    open_ops(path, "demo").close()
    assert read_state(tmp_path, "demo") == before
    whole = verify_file(tmp_path, [])
    assert (whole.findings, whole.rows) == ((), OLD_AUDIT + 1)
    assert version_in_header(tmp_path / "ops-schema1.db") == 1
    assert schema_of(tmp_path / "ops-schema1.db") == "old"
    assert not (tmp_path / "ops-schema1.db.new").exists()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = of_schema_1(tmp_path)
    open_ops(path, "demo").close()
    with sqlite3.connect(path) as connection:
        before = list(connection.iterdump())
    open_ops(path, "demo").close()
    assert list(connection.iterdump()) == before
    connection.close()


def test_the_console_goes_on_with_an_old_file(tmp_path: Path) -> None:
    of_schema_1(tmp_path)
    store = Store(tmp_path, "demo", Heard())
    state = store.open()
    store.start()
    store.stop()
    assert [(s.action.aid, s.stage) for s in state.unfinished] == [(f"aid-{n}", Stage.QUEUED) for n in (3, 4, 5)]
    assert store.positions == {"alarms": ("e", 8), "timeline": ("e", 3)}
    assert verify_file(tmp_path, []).findings == ()


def migrate(path: Path, point: str, kill_after_s: float | None = None) -> list[str]:
    """Run the child; kill it at the point, or after a while. Returns its lines."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(path), point], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line.strip())
        if line.startswith("ready") and kill_after_s is not None:
            threading.Event().wait(kill_after_s)
            child.kill()
        if line.startswith("at "):
            child.kill()
    child.wait(10)
    child.stdout.close()
    return lines


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_a_named_point_leaves_old_or_new(tmp_path: Path, point: str) -> None:
    path = of_schema_1(tmp_path)
    assert migrate(path, point)[-1] == f"at {point}"
    assert schema_of(path) == ("new" if point == "after_commit" else "old")
    store = Store(tmp_path, "demo", Heard())
    state = store.open()
    store.stop()
    assert len(state.unfinished) == 3
    assert schema_of(path) == "new"
    assert schema_of(tmp_path / "ops-schema1.db") == "old"
    assert verify_file(tmp_path, []).findings == ()


def kill_at_random(tmp_path: Path, seed: int) -> str:
    folder = tmp_path / f"{seed}"
    folder.mkdir()
    path = of_schema_1(folder, more=3000)
    lines = migrate(path, "", random.Random(seed).uniform(0.0, 0.35))
    after = schema_of(path)
    assert after in ("old", "new"), f"seed {seed}: {after}"
    assert after == "new" or "done" not in lines
    open_ops(path, "demo").close()
    assert schema_of(path) == "new"
    assert verify_file(folder, []).findings == ()
    return after


def test_kills_at_random_moments_leave_old_or_new(tmp_path: Path) -> None:
    seen = [kill_at_random(tmp_path, seed) for seed in range(8)]
    print(f"\n8 kills: {seen.count('old')} old, {seen.count('new')} new, 0 between")


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_fifty_kills_at_random_moments_leave_old_or_new(tmp_path: Path) -> None:
    seen = [kill_at_random(tmp_path, seed) for seed in range(100, 150)]
    print(f"\n50 kills: {seen.count('old')} old, {seen.count('new')} new, 0 between")
    assert {"old", "new"} == set(seen), "kills on both sides of the commit"


def test_control_without_a_transaction_a_kill_leaves_something_between(tmp_path: Path) -> None:
    path = of_schema_1(tmp_path)
    assert migrate(path, "torn")[-1] == "at torn"
    assert schema_of(path).startswith("between")


def test_a_newer_file_is_not_touched(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("newer_schema")
    path = of_schema_1(tmp_path)
    open_ops(path, "demo").close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(len(MIGRATIONS) + 1),))
    connection.commit()
    connection.execute("PRAGMA journal_mode=DELETE").fetchall()
    connection.close()
    before = path.read_bytes()
    heard = Heard()
    store = Store(tmp_path, "demo", heard)
    store.open()
    store.start()
    store.stop()
    assert heard.troubles[0][0] == "newer_schema"
    assert path.read_bytes() == before
