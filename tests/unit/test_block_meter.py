"""The block meter, with this thread as the GUI's: what is seen of a block, and that nothing is seen of none."""

from __future__ import annotations

import ctypes
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.gui_blocks import Block, read_blocks
from helpers.waiting import wait_for

from console.block_meter import BlockMeter
from console.events import EventLog

_never = threading.Event()


def injected_block(seconds: float) -> None:
    """The name that must be found."""
    _never.wait(seconds)


class Loop:
    """A loop of 20 ms in the test's own thread."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._events = EventLog(log, "gui")
        self.meter = BlockMeter(self._events)

    def turn(self, seconds: float = 0.3) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.meter.tick()
            _never.wait(0.02)
        self.meter.tick()

    def injected(self, count: int = 1) -> list[Block]:
        """Blocks that name our function, when there are so many. A busy machine adds others of its own."""
        return wait_for(f"{count} told", lambda: found if len(found := self._named()) >= count else [])

    def _named(self) -> list[Block]:
        return [b for b in read_blocks(self.log).blocks if any(c.startswith("injected_block") for c in b.stack)]

    def close(self) -> None:
        self.meter.stop()
        self._events.close()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path / "log.jsonl")
    made.meter.start()
    yield made
    made.close()


def test_a_block_of_a_second_is_caught_with_its_stack(loop: Loop, expect_logs: Any, caplog: Any) -> None:
    expect_logs(r"the screen was blocked for \d+ ms, in: ")
    expect_logs("the screen has been blocked for .* and still is, in: .*injected_block")
    loop.turn()
    injected_block(1.2)
    loop.turn()
    (block,) = loop.injected()
    assert 1150 < block.ms < 3000
    assert re.search(r"injected_block \(unit/test_block_meter.py:\d+\)", caplog.text)
    assert "injected_block" in " ".join(block.stack)
    assert "test_a_block_of_a_second_is_caught_with_its_stack" in " ".join(block.stack)


def other_block(seconds: float) -> None:
    """Ends what `injected_block` began."""
    _never.wait(seconds)


def test_the_stack_is_where_the_time_went(loop: Loop, expect_logs: Any) -> None:
    expect_logs("the screen was blocked for")
    loop.turn()
    injected_block(0.7)
    other_block(0.15)
    loop.turn()
    (block,) = loop.injected()
    assert block.ms > 800


def test_short_blocks_are_none(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: turns of the loop, and a block under the limit, are not told."""
    monkeypatch.setattr(BlockMeter, "_say", lambda *_: None)  # what a busy machine adds is no matter here
    loop.turn()
    injected_block(0.03)
    loop.turn()
    loop.close()
    found = read_blocks(loop.log)
    # A busy machine may take the processor away for longer; that it does not name our function is what counts.
    assert not [b for b in found.blocks if any(call.startswith("injected_block") for call in b.stack)]


def test_a_block_that_holds_the_interpreter_is_counted(loop: Loop, expect_logs: Any) -> None:
    """Nobody can take a stack then; the stamps tell of it all the same."""
    expect_logs("the screen was blocked for")
    loop.turn()
    held = ctypes.PyDLL(None)  # unlike CDLL it keeps the interpreter's lock
    held.usleep(400_000)
    loop.turn()
    wait_for("told", lambda: read_blocks(loop.log).worst_ms > 380)


def test_sums_are_told_at_the_end(loop: Loop, expect_logs: Any) -> None:
    expect_logs("the screen was blocked for")
    for seconds in (0.15, 0.4):
        injected_block(seconds)
        loop.turn(0.1)
    loop.close()
    sums = read_blocks(loop.log)
    assert sums.over_100ms >= 2
    assert sums.over_250ms >= 1
    assert sums.worst_ms > 390
    assert sums.told == (sums.over_100ms, sums.over_250ms, round(sums.worst_ms))


def test_figures_of_a_part_of_the_run(loop: Loop, expect_logs: Any) -> None:
    expect_logs("the screen was blocked for")
    injected_block(0.15)
    loop.turn(0.1)
    (first,) = loop.injected()
    between_ns = time.time_ns()
    injected_block(0.15)
    loop.turn(0.1)
    second = loop.injected(2)[1]
    assert first in read_blocks(loop.log, until_ns=between_ns).blocks
    assert second in read_blocks(loop.log, from_ns=between_ns).blocks
    assert first not in read_blocks(loop.log, from_ns=between_ns).blocks


def test_a_screen_that_is_always_blocked_does_not_fill_the_disk(loop: Loop, caplog: Any, expect_logs: Any) -> None:
    expect_logs("the screen was blocked for")
    for _ in range(14):
        injected_block(0.12)
        loop.meter.tick()
    wait_for("all counted", lambda: loop.meter.count >= 14)
    assert len([r for r in caplog.records if "was blocked" in r.message]) == 10
    assert read_blocks(loop.log).over_100ms == loop.meter.count, "the JSON log has them all"
