"""The address of an instant replay: which live stream of a camera is shown again, from when, how fast, until when.

Who shows it names times and the stream's own address alone. Where its packets lie is the supervisor's knowledge, and
never part of an address. Must not: know how packets are kept (`backends.video.ring`).
"""

from __future__ import annotations

import math

import msgspec

SCHEME = "ring"
FASTEST = 16.0


class Replay(msgspec.Struct, frozen=True):
    """Of one stream. Times are this machine's monotonic clock when its pictures were received."""

    live: str
    """Address of the stream."""
    from_ns: int
    until_ns: int
    """It ends there, at the present of when it was asked for; equal to `from_ns`: one picture, that stays."""
    rate: float = 1.0
    """Seconds of the past for each second."""

    @property
    def uri(self) -> str:
        """`ring:FROM/UNTIL/RATE/LIVE`."""
        return f"{SCHEME}:{self.from_ns}/{self.until_ns}/{self.rate:g}/{self.live}"


def is_replay(uri: str) -> bool:
    """The address is one of a replay, well written or not."""
    return uri.partition(":")[0].lower() == SCHEME


def replay_of(uri: str) -> Replay | None:
    """What the address asks for. None: it is none of a replay, or not one that can be played."""
    if not is_replay(uri):
        return None
    try:
        from_text, until_text, rate_text, live = uri.partition(":")[2].split("/", 3)
        replay = Replay(live, int(from_text), int(until_text), float(rate_text))
    except ValueError:
        return None
    playable = math.isfinite(replay.rate) and 0 < replay.rate <= FASTEST and 0 <= replay.from_ns <= replay.until_ns
    return replay if playable and live and not is_replay(live) else None
