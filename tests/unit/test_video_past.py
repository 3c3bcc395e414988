"""Old pictures in shared memory, and in place of others: they never look live."""

from __future__ import annotations

import mmap

import pytest

from backends.domain.camera import Demand, PictureState
from backends.domain.replay import Replay
from backends.video.client import stand_in
from backends.video.frames import FrameReader, FrameWriter, format_segment, segment_size
from backends.video.planes import Colours
from console.doctor import ring_finding

S = 1_000_000_000


def output() -> tuple[mmap.mmap, FrameWriter]:
    memory = mmap.mmap(-1, segment_size(32, 18))
    format_segment(memory, 7, 32, 18, now_ns=S)
    return memory, FrameWriter(memory, 7)


@pytest.mark.parametrize(
    ("said", "age_s", "state"),
    [
        (None, 0.1, PictureState.REPLAY),
        (None, 1.6, PictureState.SLOW),
        (None, 5.1, PictureState.LOST),
        (PictureState.CONNECTING, 0.1, PictureState.REPLAY),
        (PictureState.WAITING_KEY, 0.1, PictureState.REPLAY),
        (PictureState.ENDED, 0.1, PictureState.ENDED),
        (PictureState.ENDED, 900.0, PictureState.ENDED),
    ],
)
def test_an_old_picture_is_never_live(said: PictureState | None, age_s: float, state: PictureState) -> None:
    memory, writer = output()
    writer.begin()
    writer.say_when(5, 6)
    writer.publish(S, 40_000_000, 1, Colours())
    if said is not None:
        writer.say(said)
    status = FrameReader(memory, 7, lambda: S + int(age_s * S)).status()
    assert status.state is state
    assert (status.shown_mono_ns, status.shown_ns) == (5, 6)
    assert FrameWriter(memory, 7).shown_mono_ns == 5, "where the next worker goes on"


def test_a_replay_without_a_picture_is_on_its_way_and_a_live_picture_has_no_other_time() -> None:
    memory, writer = output()
    writer.say(PictureState.REPLAY)
    assert FrameReader(memory, 7, lambda: S).status().state is PictureState.CONNECTING
    writer.begin()
    writer.publish(S, 40_000_000, 1, Colours())
    status = FrameReader(memory, 7, lambda: S).status()
    assert (status.state, status.shown_ns) == (PictureState.LIVE, 0)


def test_what_was_does_not_stand_in_for_what_is() -> None:
    live = Demand("a", "sub", 320, 180)
    old = Demand("a", Replay("sub", 1, 2).uri, 320, 180)
    older = Demand("a", Replay("sub", 0, 2).uri, 320, 180)
    assert stand_in(live, [old]) is None
    assert stand_in(Demand("a", "sub", 400, 226), [old, live]) == live
    assert stand_in(older, [old]) == old, "a jump does not go through black"


@pytest.mark.parametrize(("ring_mb", "free_mb", "ok"), [(512, 768, True), (512, 500, False), (512, 100, False)])
def test_the_doctor_says_when_there_is_no_room_for_the_past(ring_mb: int, free_mb: int, ok: bool) -> None:
    (finding,) = ring_finding(ring_mb, free_mb)
    assert finding.ok is ok
    assert not finding.needed, "pictures come without it"
    assert f"{max(0, min(free_mb - 256, ring_mb))} MB of {ring_mb} MB" in finding.what
    assert ok or "size=1g" in finding.mend
    assert not list(ring_finding(0, free_mb))
