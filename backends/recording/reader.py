"""A recording that is read: what the state was at a moment, what came after it, and which packets show a camera then.

Opens what a writer has closed, what a killed one has left, and what others have made by docs/recording.md; says in
words what is missing. Never writes. What is damaged is left out by itself, and counted: `lost`.
One thread. Must not: decode pictures, or open anything but the files of its folder.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from backends.protocol.codec import BadMessage, decode_envelope
from backends.protocol.messages import Envelope
from backends.recording import foxglove
from backends.recording.container import BadFile, Chunk, Container, Damaged, Message
from backends.recording.state import FeedState, State
from backends.recording.topics import (
    ABOUT,
    ACTION,
    CAMERA,
    DATA,
    FEED,
    LAYOUT,
    MARK,
    RESULT,
    STATE,
    VERSION,
    VIDEO,
    Acted,
    LayoutShown,
    Mark,
)

GAP_NS = 5_000_000_000
"""So long without a picture of a camera is a gap of its coverage: then a live tile says "lost"."""
MOST_BACK = 3000
"""Pictures from a key frame on: two minutes at 25 a second. What claims more is damaged."""
_FEED_STATE = msgspec.json.Decoder(FeedState)
_MARK = msgspec.json.Decoder(Mark)
_ACTED = msgspec.json.Decoder(Acted)
_SHOWN = msgspec.json.Decoder(LayoutShown)


class Event(NamedTuple):
    """Something of `data.mcap` in its order."""

    t_ns: int
    content: Envelope | Acted | LayoutShown


class Packet(NamedTuple):
    """One coded picture; `key` = needs none before it."""

    t_ns: int
    key: bool
    data: bytes
    format: str
    """h264, h265 or jpeg."""


class Recording:
    """One folder. Context manager."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, and BadFile with a sentence for people."""
        self.folder = folder
        self.data = Container(folder / DATA)
        try:
            self.video = Container(folder / VIDEO) if (folder / VIDEO).exists() else None
        except BaseException:
            self.data.close()
            raise
        about = dict(self.data.metadata).get(ABOUT)
        try:
            self.about = _about(about)
        except BadFile:
            self.close()
            raise
        self.result = dict(self.data.metadata).get(RESULT, {"end": "unfinished"})
        self.lost: list[str] = [text for text in (self.data.lost, self.video.lost if self.video else "") if text]
        self.damaged = 0
        """Chunks and messages that could not be read so far."""
        self._topic = {number: channel.topic for number, channel in self.data.channels.items()}
        self._marks = self._find_marks()
        self._cameras: dict[str, set[int]] = {}
        if self.video is not None:
            for number, channel in self.video.channels.items():
                if channel.topic.startswith(CAMERA):
                    self._cameras.setdefault(channel.topic.removeprefix(CAMERA), set()).add(number)

    def close(self) -> None:
        self.data.close()
        if self.video is not None:
            self.video.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def span(self) -> tuple[int, int]:
        """Session times of the first and the last thing recorded; UTC ns. (0, 0): nothing was."""
        spans = [span for file in (self.data, self.video) if file is not None and (span := file.span) is not None]
        return (min(a for a, _ in spans), max(b for _, b in spans)) if spans else (0, 0)

    @property
    def cameras(self) -> list[str]:
        """Ids of the cameras of which there are pictures."""
        return sorted(self._cameras)

    # --- the state -------------------------------------------------------------------------------

    def _find_marks(self) -> list[tuple[int, int]]:
        """(time, number of its chunk) of every snapshot's end."""
        channels = [number for number, topic in self._topic.items() if topic == MARK]
        found = []
        for number, chunk in enumerate(self.data.chunks):
            try:
                found += [(t_ns, number) for channel in channels for t_ns in self.data.times(chunk, channel)]
            except Damaged:
                self.damaged += 1
        return sorted(found)

    @property
    def marks(self) -> list[int]:
        """Session times at which the whole state was recorded."""
        return [t_ns for t_ns, _ in self._marks]

    def state_at(self, t_ns: int) -> State:
        """The state after everything that was recorded up to and with this time. Before the first snapshot: what the
        records since the beginning give."""
        at = bisect_right(self._marks, t_ns, key=lambda mark: mark[0])
        while at:
            at -= 1
            snapshot = self._snapshot(*self._marks[at])
            if snapshot is not None:
                state = State(snapshot)
                self._roll(state, self._marks[at][0], t_ns)
                return state
        state = State()
        self._roll(state, -1, t_ns)
        return state

    def _snapshot(self, t_ns: int, number: int) -> list[FeedState] | None:
        """The messages before its mark, as many as that says. None: not all of them can be read."""
        feeds: list[FeedState] = []
        wanted = 0
        for chunk in reversed(self.data.chunks[: number + 1]):
            for message in reversed(self._read(chunk)):
                topic = self._topic.get(message.channel, "")
                try:
                    if topic == MARK and message.t_ns == t_ns:
                        wanted = _MARK.decode(message.data).feeds
                    elif wanted and topic.startswith(STATE):
                        feeds.append(_FEED_STATE.decode(message.data))
                except msgspec.DecodeError:
                    self.damaged += 1
                    return None
                if wanted and (len(feeds) == wanted or (topic == MARK and message.t_ns != t_ns)):
                    return feeds if len(feeds) == wanted else None
        return feeds if wanted == len(feeds) else None

    def _roll(self, state: State, after_ns: int, until_ns: int) -> None:
        """Records later than a snapshot. Those of its own moment are in it: the writer takes it after them, and what
        comes at the same moment afterwards is later in the file, which `_after_mark` sees."""
        seen = after_ns < 0
        for message in self._messages(after_ns, until_ns):
            topic = self._topic.get(message.channel, "")
            if not seen:
                seen = message.t_ns > after_ns or topic == MARK
                if topic == MARK or not seen:
                    continue
            if topic.startswith(FEED) and (envelope := self._envelope(message)) is not None:
                state.apply(envelope)

    def _envelope(self, message: Message) -> Envelope | None:
        try:
            return decode_envelope(bytes(message.data))
        except BadMessage:
            self.damaged += 1
            return None

    # --- what came after -------------------------------------------------------------------------

    def events(self, after_ns: int, until_ns: int) -> Iterator[Event]:
        """Later than the one time, up to and with the other, in order."""
        for message in self._messages(after_ns, until_ns):
            if message.t_ns <= after_ns:
                continue
            topic = self._topic.get(message.channel, "")
            content: Envelope | Acted | LayoutShown | None = None
            try:
                if topic.startswith(FEED):
                    content = self._envelope(message)
                elif topic == ACTION:
                    content = _ACTED.decode(message.data)
                elif topic == LAYOUT:
                    content = _SHOWN.decode(message.data)
            except msgspec.DecodeError:
                self.damaged += 1
            if content is not None:
                yield Event(message.t_ns, content)

    def _messages(self, from_ns: int, until_ns: int) -> Iterator[Message]:
        """Of `data.mcap`, at both times and between, in the order of the file."""
        for chunk in self.data.chunks[: self.data.until(until_ns)]:
            if chunk.t1_ns >= from_ns:
                yield from (m for m in self._read(chunk) if from_ns <= m.t_ns <= until_ns)

    def _read(self, chunk: Chunk, file: Container | None = None) -> list[Message]:
        try:
            return (file or self.data).messages(chunk)
        except Damaged:
            self.damaged += 1
            return []

    # --- pictures --------------------------------------------------------------------------------

    def packets(self, camera: str, t_ns: int) -> list[Packet]:
        """What must be decoded to show that camera at this time: the key frame and what follows, the last one is shown.
        Empty: there is no picture, or the one before is older than a gap."""
        channels = self._cameras.get(camera)
        if channels is None or self.video is None:
            return []
        back: list[Message] = []
        for chunk in reversed(self.video.chunks[: self.video.until(t_ns)]):
            if not channels & chunk.indexes.keys():
                if back or t_ns - chunk.t1_ns > GAP_NS:
                    break
                continue
            for message in reversed(self._read(chunk, self.video)):
                if message.channel not in channels or message.t_ns > t_ns:
                    continue
                if not back and t_ns - message.t_ns > GAP_NS:
                    return []
                if back and message.sequence != back[-1].sequence - 1:
                    return []  # one of them is missing
                back.append(message)
                if message.sequence == 0:
                    return [found for m in reversed(back) if (found := self._packet(m)) is not None]
                if len(back) >= MOST_BACK:
                    return []
        return []

    def pictures(self, camera: str, after_ns: int, until_ns: int, *, keys: bool = False) -> Iterator[Packet]:
        """Packets later than the one time, up to and with the other; with `keys` only key frames, for high speed."""
        channels = self._cameras.get(camera)
        if channels is None or self.video is None:
            return
        for chunk in self.video.chunks[: self.video.until(until_ns)]:
            if chunk.t1_ns <= after_ns or not channels & chunk.indexes.keys():
                continue
            for message in self._read(chunk, self.video):
                if message.channel not in channels or not after_ns < message.t_ns <= until_ns:
                    continue
                if (not keys or message.sequence == 0) and (packet := self._packet(message)) is not None:
                    yield packet

    def _packet(self, message: Message) -> Packet | None:
        assert self.video is not None
        try:
            read = foxglove.read_picture(message.data, self.video.channels[message.channel].schema)
        except foxglove.BadPicture:
            self.damaged += 1
            return None
        return Packet(message.t_ns, message.sequence == 0, read.data, read.format)

    def coverage(self, camera: str) -> list[tuple[int, int]]:
        """Times from and to which there are pictures of it, without gaps longer than GAP_NS."""
        channels = self._cameras.get(camera)
        if channels is None or self.video is None:
            return []
        times: list[int] = []
        for chunk in self.video.chunks:
            try:
                for channel in channels & chunk.indexes.keys():
                    times += self.video.times(chunk, channel)
            except Damaged:
                self.damaged += 1
        times.sort()
        spans: list[tuple[int, int]] = []
        start = 0
        for n in range(1, len(times) + 1):
            if n == len(times) or times[n] - times[n - 1] > GAP_NS:
                spans.append((times[start], times[n - 1]))
                start = n
        return spans


def _about(metadata: dict[str, str] | None) -> dict[str, str]:
    if metadata is None:
        raise BadFile("it is an MCAP file, but no recording of this program (no ioc.recording)")
    version = metadata.get("version", "")
    if not version.isdigit() or not 1 <= int(version) <= VERSION:
        raise BadFile(f"it was made by a newer version of this program ({version[:20]!r}): update this one")
    return metadata
