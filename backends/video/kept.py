"""Packets that were copied out of a ring, as a file: what one camera sent within some seconds, as it sent it.

Nothing is decoded or made anew: a copy costs reading and writing. `KeptReader` gives the packets out as `RingReader`
does, so that the same player plays both. Must not: decode, or believe what a file says without its check.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from pathlib import Path
from typing import Protocol

import msgspec

from backends.video.ring_layout import BadRing, Codec, RingPacket

MAGIC = b"IOCKEPT1"
MOST_BYTES = 48 << 20
"""Of one file: half a minute at 12 Mbit/s. What would be more is cut off at its end."""


class Packets(Protocol):
    """Where packets are read from, oldest first (`ring.RingReader`)."""

    def span(self) -> tuple[int, int] | None: ...
    def seek(self, mono_ns: int) -> int | None: ...
    def after(self, sequence: int) -> RingPacket | None: ...


class _Packet(msgspec.Struct, frozen=True, array_like=True):
    codec: int
    mono_ns: int
    wall_ns: int
    pts: int
    dts: int
    key: bool
    gap: bool
    data: bytes


class _Clip(msgspec.Struct, frozen=True, array_like=True):
    codecs: list[Codec]
    packets: list[_Packet]


def copy_of(packets: Packets, from_ns: int, until_ns: int) -> bytes | None:
    """The file's content: from the key frame at or before `from_ns`, else the oldest one, to `until_ns` (monotonic).
    None: nothing of that time is there."""
    start = packets.seek(from_ns)
    packet = packets.after(start) if start is not None else None
    clip, size = _Clip([], []), 0
    while packet is not None and packet.mono_ns <= until_ns and size + len(packet.data) <= MOST_BYTES:
        if packet.codec not in clip.codecs:
            clip.codecs.append(packet.codec)
        codec, size = clip.codecs.index(packet.codec), size + len(packet.data)
        clip.packets.append(
            _Packet(
                codec, packet.mono_ns, packet.wall_ns, packet.pts, packet.dts, packet.key, packet.gap, packet.data
            )
        )  # fmt: skip
        packet = packets.after(packet.sequence)
    if not clip.packets or clip.packets[-1].mono_ns < from_ns:
        return None
    raw = msgspec.msgpack.encode(clip)
    return MAGIC + zlib.crc32(raw).to_bytes(4, "little") + raw


class KeptReader:
    """One file, read whole. Sequences count its packets from 1."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, and BadRing for what is no such file or is damaged."""
        if path.stat().st_size > 2 * MOST_BYTES:
            raise BadRing("a file of kept packets is too long")
        content = path.read_bytes()
        head, raw = content[: len(MAGIC) + 4], content[len(MAGIC) + 4 :]
        if head != MAGIC + zlib.crc32(raw).to_bytes(4, "little"):
            raise BadRing("this is no file of kept packets, or it is damaged")
        try:
            clip = msgspec.msgpack.decode(raw, type=_Clip)
        except msgspec.DecodeError as error:
            raise BadRing(f"a file of kept packets: {error}") from error
        if any(not 0 <= packet.codec < len(clip.codecs) for packet in clip.packets):
            raise BadRing("a file of kept packets names a codec that it does not have")
        self._clip = clip

    def span(self) -> tuple[int, int] | None:
        """Monotonic times of the oldest key frame and of the newest packet; None: nothing can be shown."""
        keys, packets = self._keys(), self._clip.packets
        return (packets[keys[0]].mono_ns, packets[-1].mono_ns) if keys else None

    def seek(self, mono_ns: int) -> int | None:
        """As `RingReader.seek`."""
        keys = self._keys()
        if not keys:
            return None
        place = bisect_right([self._clip.packets[key].mono_ns for key in keys], mono_ns)
        return keys[max(0, place - 1)]

    def after(self, sequence: int) -> RingPacket | None:
        """As `RingReader.after`."""
        if not 0 <= sequence < len(self._clip.packets):
            return None
        one = self._clip.packets[sequence]
        codec = self._clip.codecs[one.codec]
        return RingPacket(
            sequence + 1, one.mono_ns, one.wall_ns, one.pts, one.dts, one.key, one.data, codec, one.gap and sequence > 0
        )

    def _keys(self) -> list[int]:
        return [place for place, packet in enumerate(self._clip.packets) if packet.key]
