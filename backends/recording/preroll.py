"""The feeds' last minutes in memory, for a recording that begins before its reason: the state as it was then, and what
has come since. One thread.
"""

from __future__ import annotations

from collections import deque

from backends.protocol.messages import Envelope
from backends.recording.state import State

MOST_BYTES = 64 << 20
"""Of remembered records. In a flood of messages the time that is remembered becomes shorter, not the memory larger."""


class PreRoll:
    """`take` what comes; `since` gives it all away."""

    def __init__(self, length_ns: int, state: State | None = None) -> None:
        """`state`: as it is now, where something is known already."""
        self._length_ns = length_ns
        self._state = state or State()
        self._records: deque[tuple[Envelope, int]] = deque()
        self._bytes = 0
        self._t_forgotten_ns = 0
        """Session time of the newest record that is in the state alone."""

    def take(self, envelope: Envelope, t_ns: int) -> None:
        """One record, at its session time of receipt."""
        self._records.append((envelope, t_ns))
        self._bytes += _size(envelope)
        while self._records and (self._records[0][1] < t_ns - self._length_ns or self._bytes > MOST_BYTES):
            old, self._t_forgotten_ns = self._records.popleft()
            self._bytes -= _size(old)
            self._state.apply(old)

    def since(self, now_ns: int) -> tuple[int, State, list[tuple[Envelope, int]]]:
        """(from when on, the state then, what has come since): the pre-roll is empty afterwards."""
        from_ns = max(now_ns - self._length_ns, self._t_forgotten_ns)
        if self._records:
            from_ns = min(from_ns, self._records[0][1])
        state, records = self._state, list(self._records)
        self._state, self._records, self._bytes = State(), deque(), 0
        return min(from_ns, now_ns), state, records


def _size(envelope: Envelope) -> int:
    return len(bytes(envelope.body)) + 300
