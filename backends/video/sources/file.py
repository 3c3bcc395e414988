"""Video files, looped in real time by their own timestamps, without a seam.

Must not: draw anything over the picture: a loop must say that it is one in the clip itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import av
import av.error

from backends.video.reading import Reader, fault_of
from backends.video.source import Address, Compressed, SourceFault, SourceSpec

_FAR_BEHIND_S = 1.0
"""After this long without the processor (machine suspended, overload) the loop goes on from here, unhurried."""


def path_of(uri: str) -> Path:
    """`file:PATH` or `file:///PATH`."""
    if uri.startswith("file://"):
        return Path(url2pathname(urlsplit(uri).path))
    return Path(unquote(uri.removeprefix("file:")))


class LoopedFile:
    """A file that starts again when it ends."""

    def __init__(self, path: Path, address: Address) -> None:
        if not path.is_file():
            raise SourceFault(f"there is no file {path.name}")
        # A pipe or device named as a file could block for ever; is_file has excluded them.
        self._reader = Reader(str(path), {"protocol_whitelist": "file"}, timeout=None)
        self._stop = address.stop
        self.pixel_aspect = self._reader.pixel_aspect
        self.fps = self._reader.fps or 25.0
        self.codec = self._reader.codec
        self.leave_out = self._reader.leave_out
        self.by = self._reader.by

    def arrivals(self) -> Iterator[Compressed]:
        """Each packet at its time. The interval at the seam is the usual one."""
        interval, tick = 1.0 / self.fps, float(self._reader.stream.time_base or 0)
        start: float | None = None
        due = time.monotonic()
        while not self._stop.is_set():
            given = 0
            for packet in self._reader.arrivals():
                if packet.size:
                    at = packet.dts * tick if tick and packet.dts is not None else given * interval
                    if start is None:
                        start = due - at
                    due = start + at
                    late = time.monotonic() - due
                    if late < 0:
                        time.sleep(-late)
                    elif late > _FAR_BEHIND_S:
                        start += late
                    given += 1
                if self._stop.is_set():
                    return
                yield packet
            if not given:
                raise SourceFault("there is no picture in this file")
            due, start = due + interval, None
            try:
                self._reader.container.seek(0)
            except (av.error.FFmpegError, OSError) as error:
                raise fault_of(error) from None

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        return self._reader.decode(packet)

    @property
    def bad(self) -> int:
        return self._reader.bad

    def close(self) -> None:
        self._reader.close()


SPEC = SourceSpec(
    kind="file",
    schemes=("file",),
    says="A video file, looped in real time.",
    example="file:/path/to/clip.mp4",
    open=lambda address: LoopedFile(path_of(address.uri), address),
    network=False,
)
