"""The hub's side of the split bench: a process that publishes valid envelopes at a given rate over PUB and ROUTER.

Settings on stdin: {rate, ready, clips, most}; `clips` (may be left out) are video files, which the cameras then
show in turn; `most`: so many messages, then only heartbeats (0 = no end). Of the messages 5 % are alarms (500 a
second at 10,000, as in a flood), 90 % sensors, 5 % cameras. Flows from the first HELLO on, and all of it can be fetched
again: a hub keeps its log for days. Writes its addresses as hub.json does.
"""

from __future__ import annotations

import json
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import zmq

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.feeds import FEEDS, Mode
from backends.domain.quality import Value
from backends.domain.sensor import Sensor
from backends.domain.text import LocalText
from backends.process import child_settings
from backends.protocol.codec import decode_from_console, encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    Batch,
    Envelope,
    FeedHead,
    Fetch,
    Heartbeat,
    Hello,
    Snap,
    SnapGet,
    Welcome,
    topic,
)

SHARES = (("alarms", 5), ("sensors", 90), ("cameras", 5))
KEYS = {"alarms": 2000, "sensors": 139 * 8, "cameras": 364}
BATCH = 500


def bodies(feed: str, clips: Sequence[str] = ()) -> list[tuple[bytes, bytes]]:
    """(id, JSON) of the feed's items."""
    made: list[Any] = []
    for n in range(KEYS[feed]):
        name = LocalText(f"Mực nước sông Hiếu trên BĐ{n % 3 + 1}", f"Hiếu river above alarm level {n % 3 + 1}")
        place = LocalText(f"Phường {n % 9 + 1}, cầu số {n}")
        match feed:
            case "alarms":
                made.append(
                    Alarm(
                        f"a{n}",
                        Priority.HIGH,
                        AlarmState.UNACKNOWLEDGED,
                        name,
                        10**18 + n,
                        detail=name,
                        place=place,
                        area_id=f"w{n % 9}",
                        lon=107.1,
                        lat=16.8,
                        camera_ids=("c1", "c2"),
                        source="limit",
                    )
                )
            case "sensors":
                made.append(Sensor(f"s{n}", name, "m", f"st{n // 8}", place, last=Value(10**18 + n, 4.1 + n % 7)))
            case _:
                uri = f"file:{clips[n % len(clips)]}" if clips else f"scene:{n}"
                streams = (Stream(StreamKind.SUB, uri, 640, 360, 25.0),)
                made.append(Camera(f"c{n}", f"{n:03d}", place, streams))
    return [(record.id.encode(), encode(record)) for record in made]


class Flood:
    """One log a feed: which body has which number is known, so that of each record its time alone is kept."""

    def __init__(self, rate: int, clips: Sequence[str], most: int, snaps_file: Path) -> None:
        self.snaps, self.snaps_file = 0, snaps_file
        """Snapshots asked for: a console that takes one has jumped over messages, not ingested them."""
        self.rate, self.most = rate, most
        self.bodies = {feed: bodies(feed, clips) for feed in KEYS}
        self.times: dict[str, array[int]] = {feed: array("q") for feed in FEEDS}
        self.context: zmq.Context[Any] = zmq.Context()
        public, secret = zmq.curve_keypair()
        self.public = public.decode()
        self.pub, self.router = (self._socket(kind, secret) for kind in (zmq.PUB, zmq.ROUTER))
        self.flowing_since_s: float | None = None
        self.sent = 0

    def _socket(self, kind: int, secret: bytes) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self.context.socket(kind)
        socket.linger = 0
        socket.set_hwm(10_000)
        socket.curve_server, socket.curve_secretkey = True, secret
        socket.bind("tcp://127.0.0.1:*")
        return socket

    def serve(self) -> None:
        beat_s, n = 0.0, 0
        while True:
            if self.router.poll(2):
                who, _, raw = self.router.recv_multipart()
                for answer in self.answer(decode_from_console(raw)):
                    self.router.send_multipart([who, b"1", encode(answer)])
            self.flow()
            if time.monotonic() >= beat_s:
                beat_s, n = time.monotonic() + 0.5, n + 1
                beat = Heartbeat(n, time.time_ns(), "i", Mode.DEMO, self.heads())
                self.pub.send_multipart([HEARTBEAT_TOPIC, encode(beat)])

    def flow(self) -> None:
        if self.flowing_since_s is None:
            return
        due = int((time.monotonic() - self.flowing_since_s) * self.rate) - self.sent
        if self.most:
            due = min(due, self.most - self.sent)
        for _ in range(max(0, min(due, 2000))):
            mark, feed = self.sent % 100, SHARES[-1][0]
            for name, share in SHARES:
                if mark < share:
                    feed = name
                    break
                mark -= share
            self.publish(feed)
            self.sent += 1

    def publish(self, feed: str) -> None:
        self.times[feed].append(time.time_ns())
        self.pub.send_multipart([topic(feed), self.raw(feed, len(self.times[feed]))])

    def raw(self, feed: str, seq: int) -> bytes:
        """The envelope of that number."""
        key, body = self.bodies[feed][seq % KEYS[feed]]
        return b'{"mode":"demo","feed":"%b","epoch":"e","seq":%d,"t":%d,"type":"put","id":"%b","rev":%d,"body":%b}' % (
            feed.encode(), seq, self.times[feed][seq - 1], key, seq, body,
        )  # fmt: skip

    def envelopes(self, feed: str, first: int, most: int) -> tuple[Envelope, ...]:
        last = min(len(self.times[feed]), first + most - 1)
        return tuple(msgspec.json.decode(self.raw(feed, seq), type=Envelope) for seq in range(first, last + 1))

    def heads(self) -> dict[str, FeedHead]:
        return {feed: FeedHead("e", len(times)) for feed, times in self.times.items() if feed != "samples"}

    def answer(self, message: Any) -> list[Any]:
        match message:
            case Hello():
                self.flowing_since_s = self.flowing_since_s or time.monotonic()
                return [Welcome("flood", "i", Mode.DEMO, 1, time.time_ns(), 500, self.heads())]
            case SnapGet():
                self.snaps += 1
                self.snaps_file.write_text(str(self.snaps))
                as_of, keys = len(self.times[message.feed]), KEYS.get(message.feed, 0)
                items = self.envelopes(message.feed, max(1, as_of - keys + 1), keys)
                return [Snap(message.feed, "e", as_of, 1, 1, items)]
            case Fetch():
                missed = self.envelopes(message.feed, message.after + 1, BATCH)
                return [Batch(message.feed, "e", missed, len(self.times[message.feed]))]
        return []


def main() -> None:
    settings = child_settings()
    ready = Path(settings["ready"])
    flood = Flood(settings["rate"], settings.get("clips", ()), settings.get("most", 0), ready.with_suffix(".snaps"))
    live, ctl = (s.last_endpoint.decode().rstrip("\0") for s in (flood.pub, flood.router))
    path = Path(settings["ready"])
    path.with_suffix(".part").write_text(json.dumps({"live": live, "ctl": ctl, "public_key": flood.public}))
    path.with_suffix(".part").rename(path)
    flood.serve()


if __name__ == "__main__":
    main()
