"""A pulse: when its silence is worth a dump, and when a kill."""

from __future__ import annotations

import io

from helpers.waiting import wait_for

from backends.domain.times import SystemClock
from console.watchdog import HELD_UP_S, START_S, HeldUp, Pulse, Step, listen


def test_steps_of_a_silence() -> None:
    pulse = Pulse(100.0)
    pulse.beat(101.0)
    assert [pulse.judge(t) for t in (102.0, 105.9, 106.0, 106.5, 115.9, 116.0)] == [
        Step.NOTHING, Step.NOTHING, Step.DUMP, Step.NOTHING, Step.NOTHING, Step.KILL,
    ]  # fmt: skip


def test_a_beat_ends_the_silence_and_the_next_one_is_dumped_again() -> None:
    pulse = Pulse(0.0)
    pulse.beat(0.0)
    assert pulse.judge(6.0) is Step.DUMP
    pulse.beat(7.0)
    assert pulse.judge(11.0) is Step.NOTHING
    assert pulse.judge(12.0) is Step.DUMP


def test_one_that_has_not_beaten_yet_has_more_time() -> None:
    pulse = Pulse(0.0)
    assert pulse.judge(START_S) is Step.NOTHING
    assert pulse.judge(START_S + 5.0) is Step.DUMP
    assert pulse.judge(START_S + 15.0) is Step.KILL


def test_steady_looks_and_changes_nothing() -> None:
    pulse = Pulse(0.0)
    pulse.beat(0.0)
    assert pulse.steady(4.9)
    assert not pulse.steady(5.0)
    assert pulse.judge(5.0) is Step.DUMP, "the look has not used it up"
    assert not pulse.steady(6.0), "still silent after its dump"


def test_what_is_forgiven_does_not_count() -> None:
    pulse = Pulse(0.0)
    pulse.beat(0.0)
    pulse.forgive(3600.0)
    assert pulse.judge(3604.0) is Step.NOTHING
    assert pulse.judge(3605.0) is Step.DUMP


def test_held_up_is_a_look_that_comes_late() -> None:
    held_up = HeldUp()
    assert [held_up.look(t) for t in (0.0, 0.5, 1.0 + HELD_UP_S, 3.5)] == [False, False, True, False]


def test_what_is_said_on_the_pipe() -> None:
    pulse, kept = Pulse(0.0), []
    pipe = io.BytesIO('beat\nkeep "chữ"\r\nkeep {{\nsomething of a library\nbeat\n'.encode())
    listen("gui", pipe, pulse, SystemClock(), kept.append)
    wait_for("the pipe's end", lambda: pipe.closed)
    assert pulse.beats == 2
    assert kept == ["chữ"]
