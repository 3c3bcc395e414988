"""The address of an instant replay: what is written comes back, and nothing else is one."""

from __future__ import annotations

import pytest

from backends.domain.replay import Replay, is_replay, replay_of


@pytest.mark.parametrize("rate", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("live", ["rtsp://192.0.2.7:554/a/b/c?x=1/2#udp", "file:/clips/1.mp4", "testcard:A"])
def test_what_is_written_comes_back(live: str, rate: float) -> None:
    replay = Replay(live, 1_000_000_001, 31_000_000_000, rate)
    assert is_replay(replay.uri)
    assert replay_of(replay.uri) == replay


@pytest.mark.parametrize(
    "uri",
    [
        "ring:",
        "ring:1/2/1",
        "ring:1/2/1/",
        "ring:2/1/1/rtsp://c",
        "ring:-1/2/1/rtsp://c",
        "ring:1/2/0/rtsp://c",
        "ring:1/2/-1/rtsp://c",
        "ring:1/2/17/rtsp://c",
        "ring:1/2/nan/rtsp://c",
        "ring:1/2/inf/rtsp://c",
        "ring:a/2/1/rtsp://c",
        "ring:1/2/1/ring:1/2/1/rtsp://c",
    ],
)
def test_what_cannot_be_played_is_none(uri: str) -> None:
    assert is_replay(uri), "though it stays an address of this kind, and is refused as one"
    assert replay_of(uri) is None


def test_other_addresses_are_none() -> None:
    for uri in ("rtsp://ring/1/2/1/x", "file:ring:1/2/1/x", ""):
        assert not is_replay(uri)
        assert replay_of(uri) is None
