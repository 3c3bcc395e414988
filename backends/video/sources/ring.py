"""Instant replay: what a camera sent a moment ago, from the packets that are kept of it.

Must not: find its packets by itself. Whoever asks names the stream and times; where they lie, the supervisor says.
"""

from __future__ import annotations

from backends.video.ring_source import open_replay
from backends.video.source import SourceSpec

SPEC = SourceSpec(
    kind="ring",
    schemes=("ring",),
    says="What a camera sent a moment ago, shown again: FROM/UNTIL/RATE/ADDRESS, monotonic nanoseconds.",
    example="ring:1000000000/31000000000/1/rtsp://192.0.2.7/live",
    open=open_replay,
    network=False,
)
