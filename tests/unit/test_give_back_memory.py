"""What a burst needed goes back to the system."""

from __future__ import annotations

import sys
import threading

import psutil
import pytest

from backends import process
from backends.process import GIVE_BACK_S, give_back_memory

pytestmark = pytest.mark.skipif(process._memory.trim is None, reason="not glibc")


def burst(kept: list[bytes]) -> None:
    """100 MB in this thread's own arena, and at its upper end something small that stays: nothing goes by itself."""
    pieces = [bytes(1000) for _ in range(100_000)]
    kept.append(bytes(1000))
    pieces.clear()


def resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def test_what_a_burst_needed_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process._memory, "next_s", 0.0)
    kept: list[bytes] = []
    thread = threading.Thread(target=burst, args=(kept,))
    thread.start()
    thread.join()
    before = resident_mb()
    assert give_back_memory(1000.0)
    assert resident_mb() < before - 50, sys.version
    assert kept


def test_it_is_done_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process._memory, "next_s", 0.0)
    done: list[int] = []
    monkeypatch.setattr(process._memory, "trim", done.append)
    assert [give_back_memory(1000.0 + after) for after in (0.0, 0.5, GIVE_BACK_S - 0.1, GIVE_BACK_S, 61.0)] == [
        True, False, False, True, False,
    ]  # fmt: skip
    assert done == [0, 0]
