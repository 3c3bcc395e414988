"""H.264 and H.265 as a byte stream (Annex B of both standards), each key frame with its parameter sets.

Cameras send it so (RFC 6184, RFC 7798: parameter sets within the stream or in the session's description); files and
HLS keep lengths before each unit and the sets apart (ISO/IEC 14496-15: avcC, hvcC). Foxglove wants the first form.
Pure; bytes from cameras are untrusted. Must not decode.
"""

from __future__ import annotations

START = b"\0\0\0\1"
_SETS = {"h264": (7, 8), "hevc": (32, 33, 34)}
"""Unit types: SPS, PPS; VPS, SPS, PPS."""


class BadStream(ValueError):
    """The stream's description or a packet does not follow its format; the sentence says where."""


class ByteStream:
    """Of one opening of one camera: packets as they came -> as a byte stream."""

    def __init__(self, codec: str, extradata: bytes) -> None:
        """`codec`: "h264" or "hevc", as FFmpeg names them; `extradata` may be empty. Raises BadStream."""
        if codec not in _SETS:
            raise BadStream(f"{codec} is neither H.264 nor H.265")
        self._codec = codec
        self._length = 0
        """Bytes of the length before each unit; 0 = it is a byte stream already."""
        self._sets = extradata
        if extradata[:1] == b"\1":
            try:
                self._length, sets = _avcc(extradata) if codec == "h264" else _hvcc(extradata)
            except IndexError:
                raise BadStream(f"the {codec} description ends too early") from None
            self._sets = b"".join(START + unit for unit in sets)
        elif extradata and not extradata.startswith((b"\0\0\1", START)):
            self._sets = b""

    def packet(self, data: bytes, *, key: bool) -> bytes:
        """Raises BadStream."""
        if self._length:
            data = b"".join(START + unit for unit in _units(data, self._length))
        if key and self._sets and not self._has_sets(data):
            return self._sets + data
        return data

    def _has_sets(self, data: bytes) -> bool:
        """Whether they stand before the first picture: a camera repeats them there."""
        wanted = set(_SETS[self._codec])
        at = data.find(b"\0\0\1")
        while at >= 0 and at + 3 < len(data):
            kind = data[at + 3] & 0x1F if self._codec == "h264" else data[at + 3] >> 1 & 0x3F
            wanted.discard(kind)
            if not wanted:
                return True
            if kind < 6 if self._codec == "h264" else kind < 32:  # a slice of the picture: nothing follows
                return False
            at = data.find(b"\0\0\1", at + 3)
        return False


def _units(data: bytes, length: int) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + length], "big")
        at += length
        if not size or at + size > len(data):
            raise BadStream(f"a unit of {size} bytes at {at} of {len(data)}")
        found.append(data[at : at + size])
        at += size
    return found


def _sized(raw: bytes, at: int) -> tuple[bytes, int]:
    size = raw[at] << 8 | raw[at + 1]
    unit = raw[at + 2 : at + 2 + size]
    if len(unit) < size:
        raise IndexError
    return unit, at + 2 + size


def _avcc(raw: bytes) -> tuple[int, list[bytes]]:
    sets, at = [], 6
    for _ in range(raw[5] & 0x1F):
        unit, at = _sized(raw, at)
        sets.append(unit)
    count, at = raw[at], at + 1
    for _ in range(count):
        unit, at = _sized(raw, at)
        sets.append(unit)
    return (raw[4] & 3) + 1, sets


def _hvcc(raw: bytes) -> tuple[int, list[bytes]]:
    sets, at = [], 23
    for _ in range(raw[22]):
        count, at = raw[at + 1] << 8 | raw[at + 2], at + 3
        for _ in range(count):
            unit, at = _sized(raw, at)
            sets.append(unit)
    return (raw[21] & 3) + 1, sets
