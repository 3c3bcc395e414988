"""Negative controls of conftest's guards: each turns red when what it guards against happens."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading

from helpers import leaks


def record(text: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("part", level, __file__, 1, text, None, None)


def test_an_unexpected_record_is_named() -> None:
    assert "disk is odd" in leaks.unexpected_records([record("disk is odd")], [])


def test_an_expected_record_is_no_failure_but_must_come() -> None:
    pattern = re.compile("disk")
    assert leaks.unexpected_records([record("disk is odd")], [pattern]) == ""
    assert "did not come: disk" in leaks.unexpected_records([], [pattern])


def test_a_leaked_thread_is_named_and_a_finished_one_is_not() -> None:
    before = leaks.snapshot()
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, name="forgotten-thread", daemon=True)
    thread.start()
    assert "forgotten-thread" in leaks.left_behind(before, grace_s=0.05)
    gate.set()
    thread.join()
    assert leaks.left_behind(before) == ""


def test_a_leaked_process_is_named_and_ended() -> None:
    before = leaks.snapshot()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert f"process {child.pid}" in leaks.left_behind(before, grace_s=0.05)
    assert child.wait(5) != 0
    assert child.stdin is not None
    child.stdin.close()
    assert leaks.left_behind(before) == ""


def test_expected_records_of_a_real_logger(expect_logs) -> None:
    expect_logs("WARNING some.part: as expected")
    logging.getLogger("some.part").warning("as expected")
