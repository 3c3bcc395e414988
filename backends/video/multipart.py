"""Cuts multipart/x-mixed-replace into its parts: bytes in, pictures out (RFC 2046, section 5.1, as cameras write it).

Cameras leave out lengths, put "--" into the boundary's name or end lines with a line feed alone; all of that is
read. Nothing grows without bound. Must not: read from a network, or know what a part holds.
"""

from __future__ import annotations

import re

from backends.video.reading import MAX_BYTES
from backends.video.source import SourceFault

MAX_HEAD = 16 << 10
"""Bytes of one part's header."""
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


def boundary_in(content_type: str) -> bytes:
    """The boundary of `multipart/x-mixed-replace; boundary=...`, without leading dashes. Raises SourceFault."""
    found = re.search(r'boundary[ \t]*=[ \t]*(?:"([^"]*)"|([^;\s]*))', content_type, re.IGNORECASE)
    name = (found[1] or found[2] or "").strip() if found else ""
    name = name.removeprefix("--")
    if not name or len(name) > 200:
        raise SourceFault("the camera does not say what stands between its pictures")
    return name.encode("latin-1", "replace")


class Parts:
    """Feed it bytes as they come, cut anywhere."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"--" + boundary
        self._held = bytearray()
        self._length: int | None = None
        """Of the part that has begun; -1 = not said."""
        self._searched = 0
        """So far the next boundary is not in `_held`."""

    def feed(self, data: bytes) -> list[bytes]:
        """The parts that are complete now. Raises SourceFault for what exceeds the limits."""
        self._held += data
        whole: list[bytes] = []
        while True:
            part = self._part() if self._length is not None or self._head() else None
            if part is None:
                return whole
            if part:
                whole.append(part)

    def _head(self) -> bool:
        """True: a header has been read."""
        start = self._held.find(self._mark)
        if start < 0:
            # What stands before the first boundary, or between two pictures, belongs to nobody.
            del self._held[: max(0, len(self._held) - len(self._mark))]
            return False
        del self._held[:start]
        end = _HEAD_END.search(self._held, len(self._mark), MAX_HEAD)
        if end is None:
            if len(self._held) >= MAX_HEAD:
                raise SourceFault("the camera sends headers without end")
            return False
        said = _LENGTH.search(self._held, 0, end.end())
        self._length = int(said[1]) if said else -1
        if self._length > MAX_BYTES:
            raise SourceFault(f"a picture of more than {MAX_BYTES >> 20} MB")
        del self._held[: end.end()]
        self._searched = 0
        return True

    def _part(self) -> bytes | None:
        """The part, empty when it is; None = not whole yet."""
        length = self._length if self._length is not None else -1
        if length < 0:
            length = self._held.find(self._mark, self._searched)
            if length < 0:
                if len(self._held) > MAX_BYTES:
                    raise SourceFault(f"a picture of more than {MAX_BYTES >> 20} MB")
                self._searched = max(0, len(self._held) - len(self._mark))
                return None
        elif len(self._held) < length:
            return None
        part = bytes(self._held[:length])
        del self._held[:length]
        if self._length == -1:
            part = part.removesuffix(b"\n").removesuffix(b"\r")
        self._length = None
        return part
