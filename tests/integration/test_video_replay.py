"""Instant replay with a real broker and real workers: pictures of a moment ago at their pace, beside the live ones."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.clips import bar_at, write_clip
from helpers.mjpeg_server import mjpeg_camera
from helpers.picture_rig import Rig, rig, until

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.replay import Replay
from backends.video.broker import BrokerSettings

S = 1_000_000_000
LOOP_S = 8.0
RING = 32 << 20


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bar walks over the picture once in eight seconds."""
    return write_clip(tmp_path_factory.mktemp("replay") / "clip.mp4", seconds=LOOP_S)


@pytest.fixture
def live(clip: Path) -> Demand:
    return Demand("c1", f"file:{clip}", 320, 180)


@pytest.fixture
def running() -> Iterator[Rig]:
    with rig(BrokerSettings(workers=2, ring_bytes=RING)) as made:
        yield made


def again(live: Demand, from_ns: int, until_ns: int, rate: float = 1.0) -> Demand:
    return msgspec.structs.replace(live, uri=Replay(live.uri, from_ns, until_ns, rate).uri)


def hold(running: Rig, live: Demand, seconds: float) -> None:
    running.show(live)
    running.until_state(live, PictureState.LIVE)
    until(lambda: running.client.held_s(live) >= seconds, seconds + 15, lambda: f"held {running.client.held_s(live)}")


def playing(running: Rig, old: Demand, seconds: float = 0.1) -> PictureStatus:
    """Wait until so much of it has been shown; before that, the live picture stands in for it."""
    until(lambda: running.status(old).shown_mono_ns, 15, lambda: f"it begins: {running.status(old)}")
    first_ns = running.status(old).shown_mono_ns
    until(lambda: running.status(old).shown_mono_ns >= first_ns + seconds * S, 15, "it goes on")
    return running.status(old)


def test_pictures_of_three_seconds_ago_come_at_their_pace_and_live_goes_on(running: Rig, live: Demand) -> None:
    hold(running, live, 3.5)
    asked_ns, asked_wall_ns = time.monotonic_ns(), time.time_ns()
    old = again(live, asked_ns - 3 * S, asked_ns)
    running.show(live, old)
    status = running.until_state(old, PictureState.REPLAY)
    began_ns = time.monotonic_ns()
    # The first picture is the one of that time, whatever lies between it and its key frame.
    came_s = (status.received - 1) / 25  # since then: this thread may look late
    assert abs(status.shown_mono_ns - (asked_ns - 3 * S) - came_s * S) < 0.3 * S
    assert abs((status.shown_ns - asked_wall_ns) - (status.shown_mono_ns - asked_ns)) < 0.1 * S
    running.until_moving(live)
    playing(running, old)
    apart = (bar_at(running.copy(live)) - bar_at(running.copy(old))) % 1.0
    behind_s = (time.monotonic_ns() - running.status(old).shown_mono_ns) / S
    assert abs(apart * LOOP_S - behind_s) < 0.5, "it is the picture that was live then"
    assert running.status(live).state is PictureState.LIVE
    assert running.status(live).shown_ns == 0
    ended = running.until_state(old, PictureState.ENDED)
    took_s = (time.monotonic_ns() - began_ns) / S
    assert took_s > 2.0
    assert 0 <= asked_ns - ended.shown_mono_ns < 0.2 * S, "it ends at the present of when it was asked for"
    assert not ended.raised
    # Back to live: what is live is there without a gap.
    running.show(live)
    assert running.status(live).state is PictureState.LIVE
    running.until_moving(live)
    assert running.status(live).reconnects == 0


def test_slow_takes_longer_than_it_took(running: Rig, live: Demand) -> None:
    hold(running, live, 3.0)
    now_ns = time.monotonic_ns()
    old = again(live, now_ns - 3 * S, now_ns, 0.5)
    running.show(live, old)
    began = playing(running, old)
    came, before_ns = running.client.sequence(old), time.monotonic_ns()
    until(lambda: running.status(old).shown_mono_ns > began.shown_mono_ns + 0.5 * S, 15, "it goes on")
    assert time.monotonic_ns() - before_ns > 0.7 * S
    assert running.client.sequence(old) - came > 8, "every picture"


def test_fast_shows_no_more_pictures_than_anybody_sees(running: Rig, live: Demand) -> None:
    hold(running, live, 5.0)
    now_ns = time.monotonic_ns()
    old = again(live, now_ns - 5 * S, now_ns, 4.0)
    running.show(live, old)
    ended = running.until_state(old, PictureState.ENDED, 30)
    assert now_ns - ended.shown_mono_ns < 0.4 * S
    assert 20 <= ended.received <= 44, "of 125 pictures none that is closer than 120 ms of the past to the one before"


def test_one_picture_stays_and_a_second_size_gets_it_too(running: Rig, live: Demand) -> None:
    hold(running, live, 2.5)
    at_ns = time.monotonic_ns() - 2 * S
    still = again(live, at_ns, at_ns)
    running.show(live, still)
    status = running.until_state(still, PictureState.ENDED)
    assert -0.1 * S < status.shown_mono_ns - at_ns < 0.1 * S
    larger = msgspec.structs.replace(still, width=400, height=226)
    running.show(live, still, larger)
    until(lambda: running.status(larger).shown_mono_ns, 10, "the second size, drawn: until then the first stands in")
    assert running.until_state(larger, PictureState.ENDED).shown_mono_ns == status.shown_mono_ns
    assert running.client.sequence(still) & 0xFFFFFFFF == 1, "one picture, drawn once"


def test_a_killed_worker_goes_on_where_it_was(running: Rig, live: Demand, expect_logs: Callable[[str], None]) -> None:
    expect_logs("worker")
    hold(running, live, 5.0)
    now_ns = time.monotonic_ns()
    old = again(live, now_ns - 5 * S, now_ns)
    running.show(live, old)
    playing(running, old, 0.8)
    for pid in running.broker.worker_pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: running.broker.worker_restarts() == 2, 15, "both are back")
    before = running.status(old)
    until(lambda: running.status(old).shown_mono_ns != before.shown_mono_ns, 15, "it goes on")
    after = running.status(old)
    assert 0 < after.shown_mono_ns - before.shown_mono_ns < 1 * S, "neither back to its beginning nor past a part"
    assert after.state in (PictureState.REPLAY, PictureState.SLOW)
    running.until_state(old, PictureState.ENDED)
    running.until_state(live, PictureState.LIVE)


def test_of_a_camera_that_was_never_shown_nothing_can_be_shown_again(running: Rig, live: Demand) -> None:
    now_ns = time.monotonic_ns()
    never = again(live, now_ns - 3 * S, now_ns)
    running.show(never)
    until(lambda: running.status(never).reason, 10, "words")
    status = running.status(never)
    assert (status.state, status.reason) == (PictureState.NO_SOURCE, "nothing is kept of this camera")
    assert running.client.held_s(never) == 0.0
    assert running.broker.segment_count() == 0, "nor is the camera opened for it"


def test_without_a_ring_it_is_refused_too(live: Demand) -> None:
    with rig(BrokerSettings(workers=1, ring_bytes=0)) as running:
        running.show(live)
        running.until_state(live, PictureState.LIVE)
        now_ns = time.monotonic_ns()
        old = again(live, now_ns - 1 * S, now_ns)
        running.show(live, old)
        until(lambda: running.status(old).reason, 10, "words")
        assert running.status(old).state is PictureState.NO_SOURCE
        running.until_moving(live)


def test_a_screen_cannot_name_memory(running: Rig, live: Demand) -> None:
    """What it writes into the address is an address of a stream, and never opened."""
    hold(running, live, 1.0)
    place = running.broker._rings.slab(next(iter(running.broker._places)))
    assert place is not None
    other = Demand("c2", f"ring:0/{time.monotonic_ns()}/1/{place[0]}/{place[1]}", 320, 180)
    running.show(live, other)
    until(lambda: running.status(other).reason, 10, "words")
    assert running.status(other).state is PictureState.NO_SOURCE
    assert running.client.sequence(other) == 0


def test_jpeg_pictures_are_kept_too(running: Rig) -> None:
    with mjpeg_camera() as uri:
        live = Demand("jpeg", uri, 320, 180)
        hold(running, live, 2.0)
        now_ns = time.monotonic_ns()
        old = again(live, now_ns - 2 * S, now_ns)
        running.show(live, old)
        first = running.until_state(old, PictureState.REPLAY)
        assert now_ns - 2 * S <= first.shown_mono_ns < now_ns
        playing(running, old)
        assert running.until_state(old, PictureState.ENDED).bad == 0
