"""Between PyAV's packets and what a packet ring keeps of them. Must not: read, write or decode."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

from av.packet import Packet
from av.video.stream import VideoStream

from backends.video.ring_layout import NO_TIME, Codec, RingPacket
from backends.video.source import Compressed


def codec_of(stream: VideoStream) -> Codec:
    """What a ring must know of an open stream; `extradata` may be empty, then it comes within the packets."""
    context = stream.codec_context
    base = stream.time_base or Fraction(1, 90_000)
    aspect = stream.sample_aspect_ratio
    return Codec(
        name=context.name,
        extradata=bytes(context.extradata or b""),
        time_base=(base.numerator, base.denominator),
        width=context.width,
        height=context.height,
        pixel_aspect=float(aspect) if aspect else 1.0,
        fps=float(stream.average_rate or stream.guessed_rate or 0),
    )


def padded(data: bytes | memoryview) -> Compressed:
    """A packet with a copy of `data`, and behind it the 64 zeros up to which FFmpeg's decoders read on.

    `Packet(data)` of PyAV refers to the bytes where they lie, and what happens to lie behind them is decoded too:
    MPEG-4 then leaves out a picture now and then, and at the end of a page the read is a crash.
    """
    packet = cast("Compressed", Packet(len(data)))
    packet.update(data)  # type: ignore[arg-type]  # any buffer
    return packet


def packet_of(stored: RingPacket) -> Compressed:
    """As the demuxer gave it, so far as a decoder looks at it."""
    packet = padded(stored.data)
    packet.time_base = Fraction(*stored.codec.time_base)
    packet.pts = None if stored.pts == NO_TIME else stored.pts
    packet.dts = None if stored.dts == NO_TIME else stored.dts
    packet.is_keyframe = stored.key
    return packet


def times_of(packet: Compressed) -> tuple[int, int]:
    """pts and dts for `RingWriter.put`."""
    return (NO_TIME if packet.pts is None else packet.pts, NO_TIME if packet.dts is None else packet.dts)
