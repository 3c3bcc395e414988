"""Packets of shown cameras in the ring of a real broker, written by real workers, one of which is killed."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path

from helpers.clips import write_clip
from helpers.picture_rig import rig, until

from backends.domain.camera import Demand, PictureState
from backends.video.broker import BrokerSettings
from backends.video.plan import StreamKey
from backends.video.ring_source import RingSource, open_ring


def test_what_came_before_a_worker_died_is_shown_again(tmp_path: Path, expect_logs: Callable[[str], None]) -> None:
    expect_logs("worker")
    clip = write_clip(tmp_path / "clip.mp4", seconds=2.0)
    shown = Demand("c1", f"file:{clip}", 320, 180)
    stream = StreamKey("c1", shown.uri)
    with rig(BrokerSettings(workers=1, ring_bytes=16 << 20)) as running:
        running.show(shown)
        running.until_state(shown, PictureState.LIVE)
        until(lambda: running.broker.ring_held_s(stream) > 1.5, 15, "a second and a half is held")
        place = running.broker._rings.slab(stream)
        assert place is not None
        reader = open_ring(*place)
        before = reader.keys()
        os.kill(running.broker.worker_pids()[0], signal.SIGKILL)
        until(lambda: running.broker.worker_restarts() == 1, 15, "the worker is back")
        until(lambda: len(reader.keys()) > len(before) + 1, 15, "the next one goes on in the same ring")
        assert reader.keys()[0] == before[0]
        span = reader.span()
        assert span is not None
        source = RingSource(reader, span[0], clock=itertools.count(step=1000.0).__next__)
        frames = [frame for packet in source.arrivals() for frame in source.decode(packet)]
        assert len(frames) > 50
        assert (source.bad, source.gaps) == (0, 1)  # the death is the hole
        source.close()
