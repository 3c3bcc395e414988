"""Keeps the probe within its share of a processor. Pure; wall and processor time are arguments.

The sweep may take half a core (design, section 11 and the bar `video.sweep364.cores`). Who has looked waits until what
the process has used is below SHARE of the time that went by: a bucket, so that a burst of BURST_S is free.
"""

from __future__ import annotations

SHARE = 0.45
"""Of one core; the rest of the half is the start's, and what a pause begins too late."""
BURST_S = 2.0
"""Processor seconds that may be used ahead: eight looks at once."""
MOST_S = 5.0
"""One pause at the most, so that no look is taken for one that hangs."""


class Pace:
    """One thread at a time."""

    def __init__(self, wall_s: float, cpu_s: float, share: float = SHARE) -> None:
        self._share = share
        self._wall_s, self._cpu_s = wall_s, cpu_s
        self._debt_s = 0.0
        """Processor seconds used beyond the share; below 0: saved, BURST_S at most."""

    def pause_s(self, wall_s: float, cpu_s: float) -> float:
        """How long to wait now; 0 = not at all. `cpu_s`: of the whole process."""
        self._debt_s += (cpu_s - self._cpu_s) - self._share * (wall_s - self._wall_s)
        self._debt_s = max(self._debt_s, -BURST_S)
        self._wall_s, self._cpu_s = wall_s, cpu_s
        return min(MOST_S, max(0.0, self._debt_s / self._share))
