"""The seconds around an alarm with a real broker and a real worker: kept out of the ring, and played from the file."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from helpers.clips import bar_at, write_clip
from helpers.picture_rig import rig, until

from backends.domain.camera import Demand, PictureState
from backends.domain.replay import Replay, kept_uri
from backends.video.broker import BrokerSettings
from backends.video.kept import KeptReader

S = 1_000_000_000


def test_what_was_kept_is_shown_again_after_the_ring_has_gone(tmp_path: Path) -> None:
    live = Demand("c1", f"file:{write_clip(tmp_path / 'clip.mp4', seconds=4.0)}", 320, 180)
    folder = tmp_path / "moments"
    settings = BrokerSettings(workers=1, ring_bytes=32 << 20, keep_dir=str(folder))
    with rig(settings) as running:
        running.show(live)
        running.until_state(live, PictureState.LIVE)
        until(lambda: running.client.held_s(live) >= 1.0, 15, "a second is held")
        at_ns = time.monotonic_ns()
        running.client.keep_clip("m-1", live, at_ns - S, at_ns + S)
        until((folder / "m-1.clip").is_file, 15, "it is written when it is over")
    span = KeptReader(folder / "m-1.clip").span()
    assert span is not None
    assert span[0] <= at_ns - S // 2
    assert 0 <= at_ns + S - span[1] < S // 5
    with rig(settings) as running:  # another start: nothing of that stream is in a ring
        old = msgspec.structs.replace(live, uri=Replay(kept_uri("m-1"), at_ns - S // 2, at_ns + S).uri)
        running.show(old)
        until(lambda: running.status(old).shown_mono_ns, 15, lambda: f"it is played: {running.status(old)}")
        assert abs(running.status(old).shown_mono_ns - (at_ns - S // 2)) < S
        ended = running.until_state(old, PictureState.ENDED)
        assert at_ns + S - ended.shown_mono_ns < S // 5
        assert 0.0 <= bar_at(running.copy(old)) <= 1.0
        none = msgspec.structs.replace(old, uri=Replay(kept_uri("m-2"), at_ns, at_ns + S).uri)
        running.show(none)
        until(lambda: running.status(none).reason, 15, "what is not there is said")
