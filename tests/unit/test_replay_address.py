"""The address of an instant replay: what is written comes back, and nothing else is one."""

from __future__ import annotations

import pytest

from backends.domain.replay import PAST_SCHEMES, Replay, is_past, is_replay, past_key, replay_of, span_of, span_text
from backends.video.nvr.past import SCHEMES


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


def test_a_span_comes_back_as_it_was_said() -> None:
    t0 = 1_795_162_500_250_000_000
    said = span_text(t0, t0 + 1_800_000_000_000)
    assert said == "2026-11-20T08:15:00.250Z/2026-11-20T08:45:00.250Z"
    assert span_of(said) == (t0, t0 + 1_800_000_000_000)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "gọi lại người dân",
        "2026-11-20T08:15:00Z",
        "2026-11-20T08:15:00/2026-11-20T08:45:00",
        "2026-11-20T08:45:00Z/2026-11-20T08:15:00Z",
        "2026-11-20T08:15:00Z/2026-11-20T08:15:00Z",
        "2026-11-20T08:15:00Z/2026-11-20T09:15:01Z",
        "2026-11-20T08:15:00Z/2026-11-20T08:20:00Z/2026-11-20T08:25:00Z",
        "1960-11-20T08:15:00Z/1960-11-20T08:20:00Z",
    ],
)
def test_what_is_no_span(said: str) -> None:
    assert span_of(said) is None


def test_every_address_of_a_recorder_is_known_as_one() -> None:
    assert frozenset(SCHEMES) == PAST_SCHEMES
    assert all(is_past(f"{scheme.upper()}://10.0.0.9/1") for scheme in SCHEMES)
    assert not is_past("rtsp://10.0.0.9/1")
    assert past_key("cam-014") != "cam-014"
