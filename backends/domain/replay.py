"""What is shown again: the address of an instant replay, and a look at a past time that a recorder has kept.

An instant replay is named by times and the live stream's own address alone. Where its packets lie is the supervisor's
knowledge, and never part of an address. A look is asked of the hub by its span, and kept on record there; its address
comes back (`backends.video.nvr.past` has the forms).
Must not: know how packets are kept (`backends.video.ring`), or ask a recorder.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

import msgspec

from backends.domain.times import NS_PER_S

SCHEME = "ring"
FASTEST = 16.0

PAST_SCHEMES = frozenset({"nvr-hikvision", "nvr-dahua", "onvif-replay", "onvif-replays"})
PAST = "past"
"""What is asked of the hub (REVEAL) for a look at a past time: target = camera id, reason = `span_text`."""
LONGEST_LOOK_NS = 3600 * NS_PER_S
"""One look shows so much at most, and the record of it says from when to when."""
MOST_PAST = 4
"""Looks at a time at one station: recorders have few places, and other rooms need them too."""
TOO_MANY_PAST = f"this station shows {MOST_PAST} past times at once already"
NOTHING_OF_THAT_TIME = "nothing of that time"
"""Part of what a source says where the recorder has no picture of the wanted time."""


KEPT = "kept"
"""Scheme of what stands in the place of a live address where the packets are kept as a file (`domain.moment`)."""


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


def kept_uri(name: str) -> str:
    """The packets of that name."""
    return f"{KEPT}:{name}"


def kept_name(uri: str) -> str:
    """Of such an address, or of a replay of one; empty: it is neither."""
    replay = replay_of(uri)
    scheme, _, name = (replay.live if replay is not None else uri).partition(":")
    return name if scheme == KEPT else ""


def is_past(uri: str) -> bool:
    """The address is one of a recorder's past."""
    return uri.partition(":")[0].lower() in PAST_SCHEMES


def past_key(camera_id: str) -> str:
    """Under what name a station keeps that somebody may look at the past of this camera, and how: not the camera's
    own user and password."""
    return f"{PAST}/{camera_id}"


def span_text(t0_ns: int, t1_ns: int) -> str:
    """ "2026-11-20T08:15:00.000Z/2026-11-20T09:15:00.000Z": what a look is asked for and kept on record as."""
    return "/".join(
        datetime.fromtimestamp(t_ns // 1_000_000 / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        + f".{t_ns // 1_000_000 % 1000:03}Z"
        for t_ns in (t0_ns, t1_ns)
    )


def span_of(text: str) -> tuple[int, int] | None:
    """From when to when (UTC nanoseconds). None: it is no span, or too long a one."""
    try:
        moments = [datetime.fromisoformat(part) for part in text.split("/")]
        if len(moments) != 2 or any(moment.tzinfo is None for moment in moments):
            return None
        t0_ns, t1_ns = (round(moment.timestamp() * 1000) * 1_000_000 for moment in moments)
    except (ValueError, OverflowError):
        return None
    return (t0_ns, t1_ns) if 0 < t0_ns < t1_ns <= t0_ns + LONGEST_LOOK_NS else None
