"""Bits a second of a stream, with times given."""

from __future__ import annotations

from backends.video.metering import WINDOW_NS, Meter

S = 1_000_000_000


def feed(meter: Meter, start_ns: int, seconds: float, rate: int = 25, size: int = 1000) -> int:
    """`rate` packets a second; the time of the last."""
    step = S // rate
    now = start_ns
    for _ in range(int(seconds * rate)):
        now += step
        meter.take(size, now)
    return now


def test_a_steady_stream_has_its_rate() -> None:
    meter = Meter()
    feed(meter, 5 * S, 10.0)
    assert abs(meter.bits_per_s - 25 * 1000 * 8) <= 25 * 1000 * 8 * 0.02


def test_nothing_is_said_before_a_whole_window() -> None:
    meter = Meter()
    feed(meter, S, WINDOW_NS / S / 2)
    assert meter.bits_per_s == 0


def test_a_pause_is_not_a_low_rate() -> None:
    meter = Meter()
    last = feed(meter, S, 6.0)
    before = meter.bits_per_s
    feed(meter, last + 60 * S, 1.0)
    assert meter.bits_per_s == before
    feed(meter, last + 61 * S, 6.0, size=500)
    assert abs(meter.bits_per_s - before // 2) <= before * 0.05
