"""Something to record: a small world whose feeds change at random, and the packets of real encoded clips."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import av
import msgspec
from helpers.clips import write_clip

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import Mode
from backends.domain.incident import TimelineEvent
from backends.domain.sensor import Sample, SampleBatch
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.protocol.codec import encode
from backends.protocol.messages import Envelope
from backends.recording.topics import About
from backends.recording.writer import Coded

T0 = 1_602_979_200 * NS_PER_S
"""18 October 2020, 00:00 UTC."""
ABOUT = About(
    capture="c-1", site="Đông Hà", mode="live", station="ban-1", reason="alarm river-hieu-high", t_start_ns=T0
)


class World:
    """Feeds of a seeded city; `step` gives the records of the next tenth of a second."""

    def __init__(self, seed: int = 7, alarms: int = 40, series: int = 50) -> None:
        self._random = random.Random(seed)
        self._seq = {"alarms": 0, "timeline": 0, "samples": 0}
        self._alarms, self._series = alarms, series
        self.t_ns = T0

    def _envelope(self, feed: str, kind: str, id_: str, body: object) -> Envelope:
        self._seq[feed] += 1
        raw = msgspec.Raw(encode(body)) if body is not None else msgspec.Raw(b"null")
        seq = self._seq[feed]
        return Envelope(Mode.LIVE, feed, "e1", seq, self.t_ns - 5_000_000, kind, id=id_, rev=seq, body=raw)

    def step(self) -> list[Envelope]:
        pick = self._random
        self.t_ns += NS_PER_S // 10
        samples = tuple(
            Sample(f"s{pick.randrange(self._series)}", self.t_ns, round(pick.random(), 3)) for _ in range(8)
        )
        out = [self._envelope("samples", "event", "", SampleBatch(samples))]
        if pick.random() < 0.5:
            id_ = f"a{pick.randrange(self._alarms)}"
            alarm = Alarm(id_, pick.choice(list(Priority)), AlarmState.UNACKNOWLEDGED, LocalText("Nước cao"), self.t_ns)
            out.append(self._envelope("alarms", "put", id_, alarm))
            event = TimelineEvent(f"t{self._seq['timeline']}", self.t_ns, "alarm_raised", id_)
            out.append(self._envelope("timeline", "event", event.id, event))
        elif pick.random() < 0.1:
            out.append(self._envelope("alarms", "del", f"a{pick.randrange(self._alarms)}", None))
        return out


def packets(
    folder: Path, camera: str = "cam-001", container: str = "ts", seconds: float = 6.0, codec: str = "libx264"
) -> Iterator[Coded]:
    """A clip as a camera sends it: byte stream (`ts`) or lengths and sets apart (`mp4`); a key frame each second."""
    path = write_clip(folder / f"{camera}.{container}", seconds=seconds, codec=codec)
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        context = stream.codec_context
        for number, packet in enumerate(p for p in source.demux(stream) if p.size):
            assert packet.pts is not None
            yield Coded(
                camera, T0 + number * NS_PER_S // 25, context.name, bytes(context.extradata or b""), bytes(packet),
                packet.is_keyframe, packet.pts,
            )  # fmt: skip
