"""How much a stream sends: bits a second over the last seconds. Pure; times are arguments."""

from __future__ import annotations

WINDOW_NS = 2_000_000_000
"""Longer than most cameras' distance between key frames, which are ten times as large as the others."""


class Meter:
    """Of one stream; one thread writes."""

    def __init__(self) -> None:
        self.bits_per_s = 0
        """Of the last whole window; 0 = not known yet."""
        self._since_ns = 0
        self._bytes = 0

    def take(self, size: int, now_ns: int) -> None:
        """`size` bytes have come."""
        if not self._since_ns or now_ns - self._since_ns > 2 * WINDOW_NS:
            # The first, or after silence: nothing is known of what was sent before.
            self._since_ns, self._bytes = now_ns, 0
            return
        self._bytes += size
        if (span_ns := now_ns - self._since_ns) >= WINDOW_NS:
            self.bits_per_s = self._bytes * 8 * 1_000_000_000 // span_ns
            self._since_ns, self._bytes = now_ns, 0
