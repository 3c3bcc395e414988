"""One MCAP file, read by its index (mcap.dev/spec): chunks, messages, metadata. Finished or not, sound or not.

A file whose writer was killed has no index at its end: its records are walked once, without reading what is in the
chunks, and what is whole counts. Whatever the file says, nothing larger than the limits below is read or unpacked, and
what does not fit its check sum is `Damaged`, by itself. The file may come from anywhere: it is untrusted.
One thread. Must not: know what the messages mean.
"""

from __future__ import annotations

import os
import struct
import zlib
from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, Self

import zstandard

MAGIC = b"\x89MCAP0\r\n"
MOST_CHUNK = 64 << 20
"""Bytes of a chunk, packed or not; ours have 4 MiB and what one more message needs."""
MOST_SUMMARY = 256 << 20
MOST_SMALL = 16 << 20
"""Bytes of a record that is no chunk, and of a message index."""
MOST_CHANNELS = 10_000
CACHE_BYTES = 64 << 20
"""Of unpacked chunks that are kept; a seek over 16 cameras needs some 10 MB of them."""
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _INDEX, _CHUNK_INDEX = 1, 2, 3, 4, 5, 6, 7, 8
_METADATA, _METADATA_INDEX, _DATA_END = 0x0C, 0x0D, 0x0F
_FOOTER_BYTES = 9 + 20
_RECORD = struct.Struct("<BQ")
_MESSAGE_HEAD = struct.Struct("<HIQQ")


class BadFile(ValueError):
    """This is no recording that can be read; the sentence says why."""


class Damaged(ValueError):
    """One chunk cannot be read; the others may be. The sentence says why."""


class Channel(NamedTuple):
    topic: str
    encoding: str
    schema: str


class Message(NamedTuple):
    channel: int
    sequence: int
    t_ns: int
    """When it was recorded."""
    published_ns: int
    data: memoryview


class Chunk(NamedTuple):
    """Where one chunk lies and what time it covers; `indexes`: channel -> where its message index lies."""

    at: int
    size: int
    t0_ns: int
    t1_ns: int
    indexes: dict[int, int]


class Container:
    """One file. Context manager."""

    def __init__(self, path: Path) -> None:
        """Raises OSError and BadFile."""
        self.path = path
        self._file = path.open("rb", buffering=0)
        self.channels: dict[int, Channel] = {}
        self._schemas: dict[int, str] = {}
        self.chunks: list[Chunk] = []
        """In the order of the file: of one camera that is the order of time, of several nearly."""
        self.metadata: list[tuple[str, dict[str, str]]] = []
        self.complete = False
        self.lost = ""
        """What of an unfinished or damaged file was passed over, in words."""
        self._cache: OrderedDict[int, tuple[list[Message], int]] = OrderedDict()
        self._cached = 0
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            if self._read(0, len(MAGIC)) != MAGIC:
                raise BadFile("it is no MCAP file")
            self.complete = self._summary()
            if not self.complete:
                self._walk()
        except BaseException:
            self._file.close()
            raise
        self._starts = list(accumulate((chunk.t0_ns for chunk in reversed(self.chunks)), min))[::-1]
        """For each chunk when it or one after it begins, whichever is first: that only rises."""

    def close(self) -> None:
        self._file.close()
        self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what there is ---------------------------------------------------------------------------

    @property
    def span(self) -> tuple[int, int] | None:
        """Times of the first and last message, UTC ns; None: there is none."""
        chunks = self.chunks
        return (min(chunk.t0_ns for chunk in chunks), max(chunk.t1_ns for chunk in chunks)) if chunks else None

    def topics(self) -> dict[str, int]:
        """Topic -> its channel; the newest where a topic has several."""
        return {channel.topic: number for number, channel in self.channels.items()}

    def until(self, t_ns: int) -> int:
        """How many chunks may hold something of this time or before; later ones do not."""
        return bisect_right(self._starts, t_ns)

    # --- messages --------------------------------------------------------------------------------

    def messages(self, chunk: Chunk) -> list[Message]:
        """All of a chunk, in the order of the file. Raises Damaged and OSError."""
        if (kept := self._cache.get(chunk.at)) is not None:
            self._cache.move_to_end(chunk.at)
            return kept[0]
        raw = self._content(self._read(chunk.at + _RECORD.size, chunk.size - _RECORD.size))
        found = self._split(raw)
        self._cache[chunk.at] = found, len(raw)
        self._cached += len(raw)
        while self._cached > CACHE_BYTES and len(self._cache) > 1:
            self._cached -= self._cache.popitem(last=False)[1][1]
        return found

    def times(self, chunk: Chunk, channel: int) -> list[int]:
        """When that channel's messages of a chunk were recorded, without reading the chunk. Raises Damaged."""
        at = chunk.indexes.get(channel)
        if at is None:
            return []
        kind, raw = self._record(at, MOST_SMALL)
        if kind != _INDEX or len(raw) < 6 or (len(raw) - 6) % 16:
            raise Damaged(f"the message index at {at} is none")
        return [t for t, _ in struct.iter_unpack("<QQ", raw[6:])]

    def _split(self, raw: bytes) -> list[Message]:
        view, at, found = memoryview(raw), 0, []
        while at + _RECORD.size <= len(raw):
            kind, size = _RECORD.unpack_from(raw, at)
            at += _RECORD.size
            if size > len(raw) - at:
                raise Damaged("a message is longer than its chunk")
            if kind == _MESSAGE:
                if size < _MESSAGE_HEAD.size:
                    raise Damaged("a message is too short")
                channel, sequence, t_ns, published_ns = _MESSAGE_HEAD.unpack_from(raw, at)
                found.append(Message(channel, sequence, t_ns, published_ns, view[at + _MESSAGE_HEAD.size : at + size]))
            elif kind in (_SCHEMA, _CHANNEL):
                self._define(kind, raw[at : at + size])
            at += size
        return found

    def _content(self, raw: bytes) -> bytes:
        """The records of a chunk, unpacked and checked. Raises Damaged."""
        try:
            _t0, _t1, size, crc, name = struct.unpack_from("<QQQII", raw, 0)
            at = 32 + name
            kind = raw[32:at].decode("ascii")
            (packed,) = struct.unpack_from("<Q", raw, at)
            data = raw[at + 8 : at + 8 + packed]
        except (struct.error, UnicodeDecodeError):
            raise Damaged("a chunk has no head") from None
        if size > MOST_CHUNK or len(data) != packed:
            raise Damaged(f"a chunk says that it has {size} bytes")
        if kind == "zstd":
            try:
                data = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
            except zstandard.ZstdError as error:
                raise Damaged(f"a chunk cannot be unpacked: {error}") from None
        elif kind:
            raise Damaged(f"a chunk is packed as {kind[:20]!r}")
        if len(data) != size or (crc and zlib.crc32(data) != crc):
            raise Damaged("a chunk does not fit its check sum")
        return data

    # --- the file --------------------------------------------------------------------------------

    def _read(self, at: int, size: int) -> bytes:
        """Shorter at the end of the file."""
        if size <= 0 or at < 0 or at >= self._size:
            return b""
        self._file.seek(at)
        parts = []
        while size and (part := self._file.read(min(size, MOST_SUMMARY))):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _record(self, at: int, most: int) -> tuple[int, bytes]:
        """(kind, content). Raises Damaged where it is not whole or longer than `most`."""
        head = self._read(at, _RECORD.size)
        if len(head) < _RECORD.size:
            raise Damaged(f"the file ends at {at}")
        kind, size = _RECORD.unpack(head)
        if size > min(most, self._size - at - _RECORD.size):
            raise Damaged(f"a record of {size} bytes at {at}")
        return kind, self._read(at + _RECORD.size, size)

    def _summary(self) -> bool:
        """The index at the end. False: there is none that can be used."""
        tail = self._read(self._size - len(MAGIC) - _FOOTER_BYTES, _FOOTER_BYTES + len(MAGIC))
        if len(tail) != _FOOTER_BYTES + len(MAGIC) or not tail.endswith(MAGIC) or tail[0] != _FOOTER:
            return False
        start, _offsets, crc = struct.unpack_from("<QQI", tail, 9)
        size = self._size - len(MAGIC) - _FOOTER_BYTES - start
        if not start or not 0 <= size <= MOST_SUMMARY:
            return False
        raw = self._read(start, size)
        if crc and zlib.crc32(tail[: _FOOTER_BYTES - 4], zlib.crc32(raw)) != crc:
            return False
        try:
            self._take_summary(raw)
        except (Damaged, struct.error):
            self.channels, self._schemas, self.chunks, self.metadata = {}, {}, [], []
            return False
        return True

    def _take_summary(self, raw: bytes) -> None:
        at = 0
        while at + _RECORD.size <= len(raw):
            kind, size = _RECORD.unpack_from(raw, at)
            content = raw[at + _RECORD.size : at + _RECORD.size + size]
            if len(content) != size:
                raise Damaged("the index ends too early")
            at += _RECORD.size + size
            if kind in (_SCHEMA, _CHANNEL):
                self._define(kind, content)
            elif kind == _CHUNK_INDEX:
                t0, t1, start, length, count = struct.unpack_from("<QQQQI", content, 0)
                if count % 10 or len(content) < 36 + count or not 0 < length <= MOST_CHUNK + 1024:
                    raise Damaged("a chunk's place is none")
                indexes = dict(struct.iter_unpack("<HQ", content[36 : 36 + count]))
                self.chunks.append(Chunk(start, length, t0, t1, indexes))
            elif kind == _METADATA_INDEX:
                (where,) = struct.unpack_from("<Q", content, 0)
                kind, content = self._record(where, MOST_SMALL)
                if kind == _METADATA:
                    self._take_metadata(content)

    def _walk(self) -> None:
        """Every record from the beginning, as far as they are whole."""
        at = len(MAGIC)
        while at < self._size:
            head = self._read(at, _RECORD.size + 16)
            if len(head) < _RECORD.size:
                break
            kind, size = _RECORD.unpack_from(head, 0)
            most = MOST_CHUNK + 1024 if kind == _CHUNK else MOST_SUMMARY
            if size > min(most, self._size - at - _RECORD.size) or kind == 0:
                break
            if kind == _DATA_END:
                at = self._size
                break
            try:
                self._take(kind, at, size, head)
            except (Damaged, struct.error):
                break
            at += _RECORD.size + size
        if at < self._size:
            self.lost = f"{self._size - at} bytes at its end are no whole record"

    def _take(self, kind: int, at: int, size: int, head: bytes) -> None:
        """One record of a file without an index."""
        if kind == _CHUNK:
            if size < 40:
                raise Damaged("a chunk is too short")
            t0_ns, t1_ns = struct.unpack_from("<QQ", head, _RECORD.size)
            self.chunks.append(Chunk(at, _RECORD.size + size, t0_ns, t1_ns, {}))
        elif kind == _INDEX and self.chunks:
            (channel,) = struct.unpack_from("<H", head, _RECORD.size)
            self.chunks[-1].indexes[channel] = at
            if channel not in self.channels:
                self._learn(self.chunks[-1])
        elif kind in (_SCHEMA, _CHANNEL):
            self._define(kind, self._record(at, MOST_SMALL)[1])
        elif kind == _METADATA:
            self._take_metadata(self._record(at, MOST_SMALL)[1])

    def _learn(self, chunk: Chunk) -> None:
        """Channels are defined within the chunk that uses them first, or an earlier one that is damaged."""
        try:
            self.messages(chunk)
        except Damaged as damaged:
            self.lost = str(damaged)

    # --- records ---------------------------------------------------------------------------------

    def _define(self, kind: int, raw: bytes) -> None:
        if kind == _SCHEMA:
            (number,) = struct.unpack_from("<H", raw, 0)
            self._schemas[number] = _text(raw, 2)[0]
            return
        number, schema = struct.unpack_from("<HH", raw, 0)
        topic, at = _text(raw, 4)
        encoding, _ = _text(raw, at)
        if len(self.channels) >= MOST_CHANNELS and number not in self.channels:
            raise Damaged("too many channels")
        self.channels[number] = Channel(topic, encoding, self._schemas.get(schema, ""))

    def _take_metadata(self, raw: bytes) -> None:
        name, at = _text(raw, 0)
        (size,) = struct.unpack_from("<I", raw, at)
        at, end, pairs = at + 4, at + 4 + size, {}
        while at < min(end, len(raw)):
            key, at = _text(raw, at)
            pairs[key], at = _text(raw, at)
        self.metadata.append((name, pairs))


def _text(raw: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("<I", raw, at)
    if size > len(raw) - at - 4:
        raise Damaged("a text is longer than its record")
    return raw[at + 4 : at + 4 + size].decode("utf-8", "replace"), at + 4 + size
