"""The journal of actions outlives torn lines, and forgets what is finished."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.store_rig import Heard, click

from backends.domain.action import Stage
from backends.store.journal import JOURNAL_FILE, Journal, compact_journal, read_journal
from backends.store.store import Store


def written(path: Path, *aids: str) -> None:
    journal = Journal(path)
    for n, aid in enumerate(aids):
        journal.keep(click(aid, cseq=n % 2 + 1).status.action, "op")
    journal.close()


def test_finished_actions_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    written(path, "1", "2", "3")
    journal = Journal(path)
    journal.finished("2", Stage.APPLIED)
    journal.close()
    read = read_journal(path)
    assert (list(read.unfinished), read.bad, read.last_cseq) == (["1", "3"], 0, 2)
    compact_journal(path, read.unfinished.values(), read.last_cseq)
    again = read_journal(path)
    assert (list(again.unfinished), again.last_cseq) == (["1", "3"], 2), "numbers are never given twice"
    assert again.unfinished["1"].person == "op"


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_costs_that_line_only(tmp_path: Path, cut: int) -> None:
    path = tmp_path / JOURNAL_FILE
    written(path, "1", "2")
    path.write_bytes(path.read_bytes()[:-1][:-cut])
    written(path, "3")
    read = read_journal(path)
    assert (list(read.unfinished), read.bad) == (["1", "3"], 1)


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    written(path, "1", "2")
    raw = bytearray(path.read_bytes())
    raw[30] ^= 1
    path.write_bytes(raw)
    read = read_journal(path)
    assert (list(read.unfinished), read.bad) == (["2"], 1)


def test_a_click_that_only_the_journal_knows_is_put_back(tmp_path: Path) -> None:
    heard = Heard()
    store = Store(tmp_path, "demo", heard)
    store.open()
    store.start()
    store.put([click("done", Stage.APPLIED)])
    store.stop()
    written(tmp_path / JOURNAL_FILE, "done", "killed-before-commit")
    again = Store(tmp_path, "demo", heard)
    state = again.open()
    again.start()
    again.stop()
    assert [s.action.aid for s in state.unfinished] == ["killed-before-commit"]
    third = Store(tmp_path, "demo", heard)
    assert [s.action.aid for s in third.open().unfinished] == ["killed-before-commit"]
    third.stop()
