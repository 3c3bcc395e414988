"""The real GUI process under the real supervisor: a block is caught with its stack, a hang is ended, the wall
comes back as it was. No hub and no feeder: the GUI stands alone, which it must be able to."""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.gui_blocks import read_blocks
from helpers.waiting import wait_for

from console import watchdog
from console.crash import CrashReports, Report, read_report, report_files
from console.events import EventLog, box_file
from console.screens import offscreen_platform, parse_screens
from console.settings import Door, GuiSettings, to_child
from console.supervisor import ChildSpec, Supervisor

DUMP_S, KILL_S = 2.0, 4.0
"""Instead of 5 and 15 s."""


class Room:
    """One GUI, and what it tells."""

    def __init__(self, folder: Path, layout: str = "traffic") -> None:
        self.folder, self.log = folder, folder / "log.jsonl"
        (folder / "logs").mkdir()
        (folder / "run").mkdir()
        screens = parse_screens("1280x720@24:desk")
        nobody = Door(str(folder / "run" / "nobody"), "00" * 16)
        self._settings = GuiSettings(
            data_dir=str(folder), mode="demo", feed=nobody, pictures=nobody, layout=layout, screens=screens,
            platform=offscreen_platform(screens, folder / "run"), json_log=str(self.log),
            preferences_file=str(folder / "preferences.json"), status_file=str(folder / "supervisor.json"),
        )  # fmt: skip

    def run(self, do: Callable[[], None]) -> int:
        """`do` in another thread, then all ends."""
        events = EventLog(self.log, "supervisor", box_file(self.folder))
        crashes = CrashReports(self.folder, [self.log])
        spec = ChildSpec(
            "gui", "helpers.hang_gui", lambda: to_child(self._settings), exit_ends_all=True, beats=True,
            log=self.folder / "logs" / "gui.log",
        )  # fmt: skip
        self.supervisor = Supervisor([spec], events, self.folder / "supervisor.json", crashes=crashes)
        found: list[BaseException] = []

        def help_it() -> None:
            try:
                wait_for("first paint", lambda: self.events("first_paint"), 60)
                wait_for("it beats", lambda: self.supervisor._children["gui"].pulse.beats > 1)
                do()
            except BaseException as error:  # noqa: BLE001  # raised again below
                found.append(error)
            self.supervisor.stop("the test is done")

        helper = threading.Thread(target=help_it, name="test-helper")
        helper.start()
        try:
            return self.supervisor.run()
        finally:
            helper.join()
            events.close()
            if found:
                raise found[0]

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [event for line in lines if line.endswith("}") and (event := json.loads(line))["event"] == name]

    def block(self, seconds: float) -> None:
        self.give("block", str(seconds))

    def give(self, name: str, words: str) -> None:
        beside = self.folder / f"{name}.part"
        beside.write_text(words, encoding="utf-8")
        beside.rename(self.folder / name)

    def reports(self) -> list[Report]:
        return [report for path in report_files(self.folder / "crashes") if (report := read_report(path))]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(watchdog, "Pulse", functools.partial(watchdog.Pulse, dump_s=DUMP_S, kill_s=KILL_S))
    return Room(tmp_path)


def test_an_injected_block_of_a_second_is_told_with_the_function_that_did_it(room: Room) -> None:
    def block() -> None:
        room.block(1.0)
        wait_for("told", lambda: [b for b in read_blocks(room.log).blocks if "hang_here" in " ".join(b.stack)])

    room.run(block)
    (found,) = [b for b in read_blocks(room.log).blocks if "hang_here" in " ".join(b.stack)]
    assert 900 < found.ms < 2000
    assert not room.events("child_hung"), "a second is no hang"
    assert "hang_here" in (room.folder / "logs" / "gui.log").read_text(encoding="utf-8")


def test_a_hung_gui_is_dumped_killed_and_back_with_the_same_wall(room: Room, expect_logs: Any) -> None:
    expect_logs("gui has given no sign for")
    expect_logs("gui gave no sign and was killed")

    def hang() -> None:
        room.block(0)
        wait_for("hung", lambda: room.events("child_hung"), 30)
        wait_for("painted again", lambda: len(room.events("first_paint")) == 2, 60)

    room.run(hang)
    hung, again = room.events("child_hung")[0], room.events("first_paint")[1]
    assert (again["t"] - hung["t"]) / 1e9 < 15.0
    assert {e["layout"] for e in room.events("layout")} == {"traffic"}
    (report,) = room.reports()
    assert report.hung
    assert "hang_here" in report.stacks
    assert any("still is, in: " in line and "hang_here" in line for line in report.log), "the block meter said it too"


def test_unsent_text_survives_a_crash_and_reaches_no_disk(room: Room, expect_logs: Any) -> None:
    expect_logs("gui died with status -9")
    words = "đã gọi đội trực, chờ"

    def crash() -> None:
        room.give("remember", words)
        wait_for("kept", lambda: words in json.loads(room.supervisor._children["gui"].kept or "{}").values())
        assert [p for p in room.folder.rglob("*") if p.is_file() and words.encode() in p.read_bytes()] == []
        os.kill(room.supervisor._children["gui"].process.pid, signal.SIGKILL)
        wait_for("painted again", lambda: len(room.events("first_paint")) == 2, 60)

    room.run(crash)
    assert json.loads((room.folder / "memory.json").read_text(encoding="utf-8")) == {"note": words}


def test_without_the_watchdog_a_hung_gui_stays(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(Supervisor, "_care", lambda self: None)

    def hang() -> None:
        room.block(0)
        wait_for("painted again", lambda: len(room.events("first_paint")) == 2, KILL_S * 3)

    with pytest.raises(AssertionError, match="painted again"):
        room.run(hang)
