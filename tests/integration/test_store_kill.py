"""SIGKILL while it writes, checkpoints and copies itself: what was told is there, once; a copy is whole or none."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.store_rig import Heard

from backends.store.backup import backups
from backends.store.schema import OPS_FILE, check_whole
from backends.store.store import Store
from backends.store.verify import verify_file

ROOT = Path(__file__).resolve().parents[2]
PATHS = os.pathsep.join((str(ROOT), str(ROOT / "tests")))


def until_killed(folder: Path, first: int, pick: random.Random, *more: str) -> tuple[int, int]:
    """(highest seq that was told as stored, copies that were told as made)."""
    child = subprocess.Popen(
        [sys.executable, "-m", "helpers.store_child", str(folder), str(first), *more],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": PATHS},
    )  # fmt: skip
    assert child.stdout is not None
    told = copies = 0
    timer = threading.Timer(pick.uniform(0.05, 0.5), child.kill)
    for line in child.stdout:
        word, _, rest = line.strip().partition(" ")
        assert word != "trouble", rest
        if word == "ready":
            timer.start()
        elif word == "stored":
            told = int(rest)
        elif word == "backup":
            copies = int(rest)
    child.wait(10)
    child.stdout.close()
    timer.join()
    return told, copies


def look(folder: Path) -> int:
    """The last position; everything up to it is there, once, with its action and its audit."""
    with sqlite3.connect(folder / OPS_FILE) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        last, n = db.execute("SELECT coalesce(max(seq), 0), count(*) FROM log").fetchone()
        actions = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
        rows = db.execute("SELECT count(*) FROM audit WHERE what = 'claim'").fetchone()[0]
        looks = db.execute("SELECT count(*) FROM audit WHERE what = 'view_camera'").fetchone()[0]
    db.close()
    assert last == n, "hole-free"
    assert actions == rows, "no action without its audit row"
    assert looks == last
    assert verify_file(folder, []).findings == ()
    return int(last)


def kill_often(folder: Path, kills: int, *more: str) -> tuple[int, int]:
    folder.mkdir()
    pick = random.Random(kills)
    last = made = 0
    for n in range(kills):
        told, copies = until_killed(folder, last + 1, pick, *more)
        made = max(made, copies)
        there = look(folder)
        assert there >= told, f"kill {n}: {told - there} rows were told and are not there"
        last = there
    for backup in backups(folder):
        check_whole(backup.path)
    assert not made or backups(folder)
    return last, made


def unsent(folder: Path) -> int:
    store = Store(folder, "demo", Heard())
    state = store.open()
    store.stop()
    return len(state.unfinished)


def test_kills_while_it_writes_and_copies_itself(tmp_path: Path) -> None:
    last, made = kill_often(tmp_path / "data", 5)
    assert unsent(tmp_path / "data") >= last
    print(f"\n5 kills: {last} alarms, {made} backups, 0 lost, 0 doubled")
    assert last
    assert made


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_50_kills_while_it_writes_and_copies_itself(tmp_path: Path) -> None:
    last, made = kill_often(tmp_path / "data", 50)
    assert unsent(tmp_path / "data") >= last
    print(f"\n50 kills: {last} alarms, {made} backups, 0 lost, 0 doubled")


def test_control_told_before_the_commit_is_lost(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="were told and are not there"):
        kill_often(tmp_path / "data", 10, "--lax")
