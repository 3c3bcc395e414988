"""The `foxglove.*` messages of a recording as protobuf, and the descriptors that a reader needs for them.

Foxglove, Lichtblick and others show pictures and logs by these types (github.com/foxglove/schemas, MIT: field numbers
from CompressedVideo.proto, CompressedImage.proto and Log.proto). Three messages of a few fields need no generated
code and no library at run time; a test reads them with protobuf's own. No files, no threads.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

VIDEO, IMAGE, LOG = "foxglove.CompressedVideo", "foxglove.CompressedImage", "foxglove.Log"
NS_PER_S = 1_000_000_000
_BYTES = 2
"""Wire type of everything that has a length."""


class Level(IntEnum):
    """`foxglove.Log.Level`."""

    UNKNOWN = 0
    DEBUG = 1
    INFO = 2
    WARNING = 3
    ERROR = 4
    FATAL = 5


class Picture(msgspec.Struct, frozen=True):
    """A CompressedVideo or CompressedImage, read."""

    t_ns: int
    data: bytes
    format: str


class BadPicture(ValueError):
    """Bytes that are no such message; the sentence says why."""


def video(t_ns: int, frame: str, data: bytes, kind: str) -> bytes:
    """A CompressedVideo: `data` decodes to exactly one picture; `kind` is "h264" or "h265"; `t_ns` UTC."""
    return _part(1, _time(t_ns)) + _part(2, frame) + _part(3, data) + _part(4, kind)


def image(t_ns: int, frame: str, data: bytes, kind: str = "jpeg") -> bytes:
    """A CompressedImage."""
    return _part(1, _time(t_ns)) + _part(2, data) + _part(3, kind) + _part(4, frame)


def log(t_ns: int, level: Level, words: str, name: str) -> bytes:
    """A Log line."""
    return _part(1, _time(t_ns)) + _number(2, level) + _part(3, words) + _part(4, name)


def read_picture(raw: bytes | memoryview, schema: str) -> Picture:
    """Raises BadPicture. Fields that are not known are passed over."""
    data_field, format_field = (3, 4) if schema == VIDEO else (2, 3)
    seconds = nanos = 0
    data, kind = b"", ""
    try:
        for field, value in _fields(raw):
            if isinstance(value, int):
                continue
            if field == 1:
                parts = {number: part for number, part in _fields(value) if isinstance(part, int)}
                seconds, nanos = parts.get(1, 0), parts.get(2, 0)
            elif field == data_field:
                data = bytes(value)
            elif field == format_field:
                kind = str(value, "utf-8")
    except (IndexError, UnicodeDecodeError) as error:
        raise BadPicture(f"a picture that cannot be read: {error}") from None
    return Picture(seconds * NS_PER_S + nanos, data, kind)


# --- protobuf ----------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | _BYTES) + _varint(len(raw)) + raw


def _time(t_ns: int) -> bytes:
    return _number(1, t_ns // NS_PER_S) + _number(2, t_ns % NS_PER_S)


def _read_varint(raw: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError("a number is too long")


def _fields(raw: bytes | memoryview) -> list[tuple[int, int | memoryview]]:
    """(field, number or bytes) of a message. Raises IndexError where it ends too early."""
    view, at, found = memoryview(raw), 0, []
    while at < len(view):
        tag, at = _read_varint(view, at)
        value: int | memoryview
        match tag & 7:
            case 0:
                value, at = _read_varint(view, at)
            case 1:
                value, at = view[at : at + 8], at + 8
            case 2:
                size, at = _read_varint(view, at)
                value, at = view[at : at + size], at + size
            case 5:
                value, at = view[at : at + 4], at + 4
            case other:
                raise IndexError(f"wire type {other}")
        if at > len(view):
            raise IndexError("it ends too early")
        found.append((tag >> 3, value))
    return found


# --- descriptors -------------------------------------------------------------------------------------
# Field numbers of google/protobuf/descriptor.proto: FileDescriptorSet.file = 1; File name 1, package 2, dependency 3,
# message 4, syntax 12; Message name 1, field 2, enum 4; Field name 1, number 3, label 4 (1 = optional), type 5,
# type_name 6; Enum name 1, value 2; EnumValue name 1, number 2.

_INT32, _INT64, _STRING, _MESSAGE, _BLOB, _ENUM = 5, 3, 9, 11, 12, 14
_TIMESTAMP = ".google.protobuf.Timestamp"


def _field(name: str, number: int, kind: int, type_name: str = "") -> bytes:
    more = _part(6, type_name) if type_name else b""
    return _part(2, _part(1, name) + _number(3, number) + _number(4, 1) + _number(5, kind) + more)


def _file(name: str, package: str, message: str, content: bytes, needs: str = "") -> bytes:
    more = _part(3, needs) if needs else b""
    head = _part(1, name) + _part(2, package) + more
    return _part(1, head + _part(4, _part(1, message) + content) + _part(12, "proto3"))


def _descriptor(message: str, content: bytes) -> bytes:
    needs = "google/protobuf/timestamp.proto"
    seconds = _field("seconds", 1, _INT64) + _field("nanos", 2, _INT32)
    base = _file(needs, "google.protobuf", "Timestamp", seconds)
    return base + _file(f"foxglove/{message}.proto", "foxglove", message, content, needs)


def _level() -> bytes:
    values = b"".join(_part(2, _part(1, level.name) + _number(2, level)) for level in Level)
    return _part(4, _part(1, "Level") + values)


_TIME = _field("timestamp", 1, _MESSAGE, _TIMESTAMP)
DESCRIPTORS: dict[str, bytes] = {
    VIDEO: _descriptor(
        "CompressedVideo",
        _TIME + _field("frame_id", 2, _STRING) + _field("data", 3, _BLOB) + _field("format", 4, _STRING),
    ),
    IMAGE: _descriptor(
        "CompressedImage",
        _TIME + _field("data", 2, _BLOB) + _field("format", 3, _STRING) + _field("frame_id", 4, _STRING),
    ),
    LOG: _descriptor(
        "Log",
        _TIME + _field("level", 2, _ENUM, ".foxglove.Log.Level") + _field("message", 3, _STRING)
        + _field("name", 4, _STRING) + _level(),
    ),
}  # fmt: skip
"""Type -> FileDescriptorSet."""
