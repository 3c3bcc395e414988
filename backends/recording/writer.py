"""A recording while it is written: two MCAP files in a folder of their own, and what they mean to others' programs.

`data.mcap` (packed, small chunks): every record of every feed as the hub published it, the whole state now and then,
what people did here, which layout stood. `video.mcap` (not packed, a chunk a second): what cameras sent, one picture a
message. Foxglove and others open both; docs/recording.md has the topics.

Times never fall, in `data.mcap` as a whole and in `video.mcap` for each camera: one that steps back counts as the one
before. Each picture's message
has as `sequence` its distance from the key frame that it needs: 0 = a key frame. So a player finds the key frame of
any moment by the index alone.
One thread. Errors of the disk are the caller's (OSError): what was flushed before stays readable.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import IO, Literal, cast

import msgspec
from mcap.writer import CompressionType, Writer

from backends.protocol.codec import encode
from backends.protocol.messages import Envelope
from backends.recording import foxglove
from backends.recording.annexb import BadStream, ByteStream
from backends.recording.state import State
from backends.recording.topics import (
    ABOUT,
    ACTION,
    CAMERA,
    DATA,
    FEED,
    LAYOUT,
    LOG,
    MARK,
    RESULT,
    SCHEMAS,
    STATE,
    SUMS,
    VERSION,
    VIDEO,
    About,
    Acted,
    LayoutShown,
    Mark,
)

log = logging.getLogger(__name__)

DATA_CHUNK, VIDEO_CHUNK = 256 << 10, 4 << 20
End = Literal["stopped", "source_ended", "truncated"]


class Coded(msgspec.Struct, frozen=True):
    """One coded picture of one camera, as it came."""

    camera: str
    t_ns: int
    """Session time at which it was received."""
    codec: str
    """FFmpeg's name: h264, hevc, mjpeg."""
    extradata: bytes
    data: bytes
    key: bool
    pts: int
    """In the stream's own units; only their order is looked at."""


class _Summed:
    """A file that is written from its beginning to its end, and its SHA-256 on the way: hours of video are not read
    again for it."""

    def __init__(self, path: Path) -> None:
        """Raises OSError; FileExistsError: it is there already."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self.name = path.name
        self.file = os.fdopen(os.open(path, flags, 0o600), "wb")
        self.sum = hashlib.sha256()
        self._at = 0

    def write(self, raw: bytes) -> int:
        self.file.write(raw)
        self.sum.update(raw)
        self._at += len(raw)
        return len(raw)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        self.file.flush()


class _Camera:
    """One camera's stream so far."""

    def __init__(self, channel: int, coded: Coded) -> None:
        self.channel = channel
        self.kind = coded.codec, coded.extradata
        self.stream = None if coded.codec == "mjpeg" else ByteStream(coded.codec, coded.extradata)
        self.since_key = -1
        """Pictures since the last key frame; -1 = none has come, nothing can be shown."""
        self.last_pts = coded.pts
        self.t_ns = 0
        self.reordered = False
        """It sends pictures out of their order (B-frames): Foxglove shows them in the wrong order, ours does not."""


class RecordingWriter:
    """One recording."""

    def __init__(self, folder: Path, about: About) -> None:
        """`folder` is made, for this user alone. Raises OSError; FileExistsError: it is there already."""
        folder.mkdir(mode=0o700, parents=True)
        self.folder = folder
        self._files: list[_Summed] = []
        self._data = self._open(DATA, DATA_CHUNK, CompressionType.ZSTD)
        self._video = self._open(VIDEO, VIDEO_CHUNK, CompressionType.NONE)
        self._data.add_metadata(ABOUT, {"version": str(VERSION), **_plain(about)})
        self._schemas: dict[tuple[int, str], int] = {}
        self._channels: dict[str, int] = {}
        self._cameras: dict[str, _Camera] = {}
        self._t_data_ns = 0
        self.state = State()
        self.pictures = 0
        self.refused: dict[str, str] = {}
        """Camera -> why nothing of it could be kept, in words."""

    def _open(self, name: str, chunk: int, compression: CompressionType) -> Writer:
        file = _Summed(self.folder / name)
        self._files.append(file)
        writer = Writer(cast("IO[bytes]", file), chunk_size=chunk, compression=compression)
        writer.start(profile="", library="ioc-console")
        return writer

    # --- data ------------------------------------------------------------------------------------

    def record(self, envelope: Envelope, t_ns: int) -> None:
        """One record of a feed, at its session time of receipt."""
        self.state.apply(envelope)
        self._json(FEED + envelope.feed, "ioc.Envelope", envelope, t_ns, envelope.t)

    def snapshot(self, t_ns: int) -> None:
        """The whole state as it is now; at the beginning, then every SNAPSHOT_S of the recorder's."""
        feeds = self.state.feeds()
        for feed in feeds:
            self._json(STATE + feed.feed, "ioc.FeedState", feed, t_ns, t_ns)
        self._json(MARK, "ioc.Mark", Mark(t_ns, self.state.digest(), len(feeds)), t_ns, t_ns)

    def acted(self, acted: Acted) -> None:
        self._json(ACTION, "ioc.Acted", acted, acted.t_ns, acted.t_ns)

    def layout(self, shown: LayoutShown) -> None:
        self._json(LAYOUT, "ioc.LayoutShown", shown, shown.t_ns, shown.t_ns)

    def line(self, t_ns: int, level: foxglove.Level, words: str, name: str) -> None:
        """For people who open the file with Foxglove: a line of its log."""
        self._add(LOG, foxglove.LOG, foxglove.log(t_ns, level, words, name), t_ns, t_ns)

    def _json(self, topic: str, name: str, content: object, t_ns: int, published_ns: int) -> None:
        if topic not in self._channels:
            schema = self._schema(self._data, name, "jsonschema", SCHEMAS[name])
            self._channels[topic] = self._data.register_channel(topic, "json", schema)
        self._add(topic, name, encode(content), t_ns, published_ns)

    def _add(self, topic: str, name: str, raw: bytes, t_ns: int, published_ns: int) -> None:
        channel = self._channels.get(topic)
        if channel is None:
            schema = self._schema(self._data, name, "protobuf", foxglove.DESCRIPTORS[name])
            channel = self._channels[topic] = self._data.register_channel(topic, "protobuf", schema)
        self._t_data_ns = max(self._t_data_ns, t_ns)
        self._data.add_message(channel, self._t_data_ns, raw, max(0, published_ns))

    def _schema(self, writer: Writer, name: str, encoding: str, raw: bytes) -> int:
        key = id(writer), name
        if key not in self._schemas:
            self._schemas[key] = writer.register_schema(name, encoding, raw)
        return self._schemas[key]

    # --- pictures --------------------------------------------------------------------------------

    def picture(self, coded: Coded) -> bool:
        """False: not kept (no key frame yet, or `refused` says why)."""
        camera = self._cameras.get(coded.camera)
        try:
            if camera is None or camera.kind != (coded.codec, coded.extradata):
                before, camera = camera, _Camera(self._channel_of(coded), coded)
                camera.reordered = before is not None and before.reordered
                self._cameras[coded.camera] = camera
            data = camera.stream.packet(coded.data, key=coded.key) if camera.stream is not None else coded.data
        except BadStream as bad:
            self.refused[coded.camera] = str(bad)
            return False
        if coded.key or camera.stream is None:
            camera.since_key = 0
        elif camera.since_key >= 0:
            camera.since_key += 1
        else:
            return False
        camera.reordered |= not coded.key and coded.pts < camera.last_pts
        camera.last_pts = coded.pts
        if camera.stream is None:
            raw = foxglove.image(coded.t_ns, coded.camera, data)
        else:
            raw = foxglove.video(coded.t_ns, coded.camera, data, "h265" if coded.codec == "hevc" else coded.codec)
        camera.t_ns = max(camera.t_ns, coded.t_ns)
        self._video.add_message(camera.channel, camera.t_ns, raw, max(0, coded.t_ns), camera.since_key)
        self.pictures += 1
        return True

    def _channel_of(self, coded: Coded) -> int:
        name = foxglove.IMAGE if coded.codec == "mjpeg" else foxglove.VIDEO
        schema = self._schema(self._video, name, "protobuf", foxglove.DESCRIPTORS[name])
        return self._video.register_channel(CAMERA + coded.camera, "protobuf", schema)

    def broken(self, camera: str) -> bool:
        """Packets of that camera are missing: the next that is kept is a key frame. False: none were kept before."""
        known = self._cameras.get(camera)
        if known is None or known.since_key < 0:
            return False
        known.since_key = -1
        return True

    # --- to the disk -----------------------------------------------------------------------------

    def flush(self) -> None:
        """What was given so far is in the files, whole, whatever happens to this process; to be called every second or
        two. Not on the platter yet: `sync`."""
        self._data.flush()
        self._video.flush()

    def sync(self) -> None:
        """On the platter. Takes as long as the disk takes."""
        for file in self._files:
            os.fsync(file.file.fileno())

    def close(self, end: End, dropped: dict[str, int]) -> None:
        """Index, result and check sums (for `sha256sum -c`). `dropped`: kind of message -> how many were given
        up on the way; with any the recording is lossy. Raises OSError."""
        reordered = sorted(name for name, camera in self._cameras.items() if camera.reordered)
        result = {
            "end": end,
            "quality": "lossy" if any(dropped.values()) else "clean",
            "pictures": str(self.pictures),
            "b_frames": " ".join(reordered),
            **{f"dropped_{kind}": str(count) for kind, count in sorted(dropped.items())},
            **{f"refused_{camera}": why for camera, why in sorted(self.refused.items())},
        }
        try:
            self._data.add_metadata(RESULT, result)
            for writer in (self._data, self._video):
                writer.finish()
            self.sync()
        finally:
            for file in self._files:
                file.file.close()
        sums = "".join(f"{file.sum.hexdigest()}  {file.name}\n" for file in self._files)
        (self.folder / SUMS).write_text(sums, encoding="ascii", newline="\n")

    def abandon(self) -> None:
        """Leave the files as they are: the disk takes nothing more. They can be read up to the last flush."""
        for file in self._files:
            try:
                file.file.close()
            except OSError as error:
                log.warning("recording %s: %s", self.folder.name, error)


def _plain(about: About) -> dict[str, str]:
    return {name: str(value) for name, value in msgspec.structs.asdict(about).items()}
