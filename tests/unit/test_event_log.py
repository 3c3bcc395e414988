"""The JSON log and its box: shared by processes, bounded, and never the end of whoever writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from console import events
from console.events import EventLog, last_events


def names(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def test_both_get_the_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", "gui", tmp_path / "logs" / "box")
    log.emit("one", words="chữ", path=tmp_path)
    log.close()
    log.emit("after the end")
    assert names(tmp_path / "log") == names(tmp_path / "logs" / "box") == ["one"]


def test_a_full_disk_costs_lines_and_is_said_once(expect_logs: Any, caplog: Any) -> None:
    expect_logs("the JSON log cannot be written")
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    log = EventLog(Path("/dev/full"), "supervisor", Path("/dev/full"))
    for _ in range(3):
        log.emit("one")
    log.close()
    assert len(caplog.records) == 1


def test_the_box_is_bounded_with_two_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BOX_LIMIT", 2000)
    box = tmp_path / "events.jsonl"
    writers = [EventLog(None, name, box) for name in ("gui", "supervisor")]
    for n in range(400):
        writers[n % 2].emit(f"e{n}")
    for writer in writers:
        writer.close()
    both = [box, tmp_path / "events.jsonl.1"]
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in both}
    assert all(path.stat().st_size < 2200 for path in both)
    assert names(box)[-1] == "e399"


def test_the_newest_events_without_what_cannot_be_read(tmp_path: Path) -> None:
    box = tmp_path / "box"
    log = EventLog(None, "gui", box)
    for n in range(300):
        log.emit(f"e{n}")
    log.close()
    with box.open("a") as file:
        file.write('{"half')
    assert [e["event"] for e in last_events(box, 4)] == ["e297", "e298", "e299"]
    assert last_events(tmp_path / "none", 4) == []
