"""Streams are chosen with real workers: a switch has no pass without a picture; what is left out reaches decoders."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from time import monotonic_ns

import av
import cv2
import numpy as np
import pytest
from helpers.clips import write_clip
from helpers.picture_rig import Rig, rig, until

from backends.domain.camera import Camera, Demand, PictureState, Stream, StreamKind
from backends.domain.stream_choice import LeftOut, View
from backends.domain.text import LocalText
from backends.video.backoff import OpeningGate
from backends.video.computing import Computing
from backends.video.decoder import StreamDecoder
from backends.video.frames import FrameReader, format_segment, segment_size
from backends.video.plan import StreamKey
from backends.video.segment import Segments
from backends.video.stream_desk import StreamDesk
from backends.video.wire import Orders, OutputOrder, StreamOrder, encode
from backends.video.worker import Worker

WHOLE = (0.0, 0.0, 1.0, 1.0)


@pytest.fixture
def running() -> Iterator[Rig]:
    with rig() as one:
        yield one


def still_clip(path: Path) -> Path:
    """The same coarse picture again and again: from a key frame to the next, and over the loop, nothing changes."""
    noise = np.random.default_rng(1).integers(0, 255, (180, 320, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 3)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"preset": "ultrafast", "g": "10", "bf": "0", "qp": "40", "x264-params": "deblock=1,1"}
        for n in range(50):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_switch_shows_a_picture_at_every_pass(running: Rig, tmp_path: Path) -> None:
    main = write_clip(tmp_path / "main.mp4", size=(640, 360))
    sub = write_clip(tmp_path / "sub.mp4", size=(320, 180))
    streams = (Stream(StreamKind.MAIN, f"file:{main}"), Stream(StreamKind.SUB, f"file:{sub}"))
    desk = StreamDesk(running.client, monotonic_ns)
    desk.set_cameras([Camera("c", "1", LocalText("c"), streams)])
    size = [320, 180]
    passes: list[tuple[str, bool]] = []
    """What was painted, and whether there was a picture."""

    def one_pass() -> str:
        (demand,) = desk.show([View("c", *size)])
        assert demand is not None
        with running.client.pin(demand) as picture:
            passes.append((demand.uri, picture is not None))
        return demand.uri

    until(lambda: one_pass() and passes[-1][1], what="the first picture")
    passes.clear()
    size[:] = [640, 360]
    until(lambda: one_pass() == streams[0].uri, what="the main stream")
    for _ in range(20):
        one_pass()
    assert {uri for uri, _ in passes} == {stream.uri for stream in streams}
    assert all(with_picture for _, with_picture in passes)
    # The sub-stream ends after that, and no sooner.
    assert {demand.uri for demand in running.client._wanted} == {streams[0].uri}


def test_what_is_left_out_reaches_a_decoder_that_runs(running: Rig, tmp_path: Path) -> None:
    demand = Demand("c", f"file:{still_clip(tmp_path / 'still.mp4')}", 320, 180)
    stream = StreamKey("c", demand.uri)
    running.show(demand)
    running.until_moving(demand)
    smooth = running.copy(demand)
    assert running.client.seen(demand).smoothed

    def is_smooth() -> bool:
        return bool((running.copy(demand) == smooth).all())

    until(lambda: running.status(demand).fps > 20, what=lambda: f"its usual rate, is {running.status(demand)}")
    assert is_smooth(), "nothing changes by itself"
    running.client.leave_out({stream: LeftOut(skip_loop_filter=True, draw_every=4)})
    until(lambda: not is_smooth(), what="blocks that are not smoothed")
    until(lambda: running.status(demand).fps < 8, what=lambda: f"fewer pictures, is {running.status(demand)}")
    drawn, received = running.client.sequence(demand), running.status(demand).received
    until(lambda: running.status(demand).received >= received + 40)
    assert 6 <= running.client.sequence(demand) - drawn <= 14, "1 in 4 is drawn, all are decoded"
    status = running.status(demand)
    assert (status.state, status.reconnects) == (PictureState.LIVE, 0)
    running.client.leave_out({})
    until(is_smooth, what="smooth again")
    until(lambda: running.status(demand).fps > 20)


def test_a_change_of_what_is_left_out_opens_no_stream_afresh() -> None:
    def order(left_out: LeftOut) -> bytes:
        return encode(Orders((StreamOrder("c", "testcard:A", (), left_out=left_out),)))

    worker = Worker()
    worker.computing.start()
    try:
        worker.follow(order(LeftOut()))
        (before,) = worker._streams.values()
        worker.follow(order(LeftOut(draw_every=2)))
        assert list(worker._streams.values()) == [before]
        assert before._left_out == LeftOut(draw_every=2)
    finally:
        worker.follow(encode(Orders(())))
        before._thread.join(5.0)
        worker.computing.stop()


def test_the_load_of_the_workers_is_told(running: Rig, tmp_path: Path) -> None:
    demand = Demand("c", "testcard:A", 640, 360)
    running.show(demand)
    running.until_moving(demand)
    figures: list[tuple[float, float]] = []

    def busy() -> bool:
        if (told := running.client.decoding()) is not None:
            figures.append(told)
        return bool(figures) and figures[-1][1] > 0

    assert not running.client.seen(demand).smoothed, "it is drawn here"
    until(busy, what=lambda: f"a worker that computes: {figures[-3:]}")
    assert all(0 <= late <= 1 and 0 <= share <= 1 for late, share in figures)
    running.broker.stop()
    until(lambda: running.client.decoding() is None, what="nothing is known any more")


def test_pictures_that_wait_for_the_processor_are_late() -> None:
    segments = Segments()
    name, memory = segments.create(1, segment_size(320, 180))
    format_segment(memory, 1, 320, 180)
    reader = FrameReader(memory, 1)
    computing, done = Computing(), threading.Event()
    computing.start()
    order = StreamOrder("c", "testcard:A", (OutputOrder(name, 1, WHOLE),))
    decoder = StreamDecoder(order, OpeningGate(), computing)
    decoder.start()
    try:
        until(lambda: reader.counts()[0] > 10)
        before = reader.counts()[1]
        busy = threading.Event()

        def compute(_: None) -> None:
            busy.set()
            done.wait(10.0)

        computing.lane(compute).put(None)
        assert busy.wait(5.0)
        newest = reader.sequence()
        until(lambda: reader.age_s() > 0.3)
        assert reader.sequence() == newest
        done.set()
        until(lambda: reader.counts()[1] > before, what=lambda: f"late ones, is {reader.counts()}")
    finally:
        decoder.stop()
        done.set()
        decoder._thread.join(5.0)
        computing.stop()
        segments.close()
