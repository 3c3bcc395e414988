"""A past time from a real RTSP server: the pictures that were asked for, over losses, to the end and no further."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from helpers.certificates import pin_of, self_signed
from helpers.onvif_device import PASSWORD as ONVIF_PASSWORD
from helpers.onvif_device import USER as ONVIF_USER
from helpers.onvif_device import OnvifCamera
from helpers.picture_rig import rig, until
from helpers.recorder import PASSWORD, USER, number_of
from helpers.recorder import Recorder as RunningRecorder
from helpers.rtsp_server import RtspServer
from helpers.waiting import wait_for

from backends.domain.camera import Demand
from backends.domain.ports import PastPictures
from backends.domain.replay import past_key
from backends.onvif.device import Login
from backends.onvif.replay import OnvifRecorder
from backends.video.broker import BrokerSettings, Credentials
from backends.video.nvr.past import Recorder, Span, replay_past
from backends.video.nvr.templates import Device, Maker
from backends.video.source import Address, NotASource, Refused, SourceFault, spec_of
from backends.video.sources.playback import Playback

T0_S = datetime.fromisoformat("2026-11-20T08:15:00Z").timestamp()
NS = 10**9
Seen = list[tuple[int, float]]
"""Number of each picture, and when it is said to be from, seconds after T0_S."""


@pytest.fixture(scope="module")
def kept() -> Iterator[RunningRecorder]:
    """Six seconds, ten pictures each."""
    with RunningRecorder(T0_S) as running:
        yield running


@pytest.fixture
def recorder(kept: RunningRecorder) -> Iterator[RunningRecorder]:
    before = {name: value for name, value in vars(kept).items() if isinstance(value, bool | int | float | str)}
    kept.asked.clear()
    kept.requests.clear()
    yield kept
    vars(kept).update(before)


def at(seconds: float) -> int:
    return int((T0_S + seconds) * NS)


def hikvision(recorder: RunningRecorder, t0_s: float, t1_s: float | None, **more: object) -> str:
    device = Device(Maker.HIKVISION, "127.0.0.1", recorder.port, **more)  # type: ignore[arg-type]
    return Recorder(device).past(1, at(t0_s), None if t1_s is None else at(t1_s))


def dahua(recorder: RunningRecorder, t0_s: float, t1_s: float | None) -> str:
    device = Device(Maker.DAHUA, "127.0.0.1", recorder.port)
    return Recorder(device).past(1, at(t0_s), None if t1_s is None else at(t1_s))


def onvif(recorder: RunningRecorder, t0_s: float, t1_s: float | None) -> str:
    span = Span(at(t0_s), None if t1_s is None else at(t1_s))
    return replay_past(f"rtsp://127.0.0.1:{recorder.port}/onvif/replay", span, recorder.ahead_s)


WAYS = {"hikvision": hikvision, "dahua": dahua, "onvif": onvif}
Way = Callable[[RunningRecorder, float, float | None], str]


@pytest.fixture(params=sorted(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]  # type: ignore[return-value]


def shown(address: Address, seen: Seen) -> None:
    """One opening until it ends. Raises what the source raises; `seen` has what came before."""
    source = spec_of(address.uri).open(address)
    assert isinstance(source, Playback)
    assert source.codec is None, "the ring is for the present"
    try:
        for came in source.arrivals():
            assert not isinstance(came, np.ndarray)
            for frame in source.decode(came):
                mono_ns, wall_ns = source.when(frame)
                assert mono_ns >= 0
                seen.append((number_of(frame), wall_ns / NS - T0_S))
    finally:
        source.close()


def all_shown(uri: str, user: str = "", password: str = "") -> Seen:
    seen: Seen = []
    shown(Address(uri, user, password), seen)
    return seen


def numbers(seen: Seen) -> list[int]:
    return [number for number, _ in seen]


def test_the_wanted_time_is_shown_and_then_it_ends(recorder: RunningRecorder, way: Way) -> None:
    began = time.monotonic()
    seen = all_shown(way(recorder, 2.0, 4.0))
    assert time.monotonic() - began < 3, "it does not wait for what does not come"
    assert numbers(seen) == list(range(20, 20 + len(seen)))
    assert len(seen) >= 17
    assert [second for _, second in seen] == pytest.approx([number / 10 for number in numbers(seen)], abs=0.11)


def test_a_recorder_that_does_not_stop_is_left(recorder: RunningRecorder, way: Way) -> None:
    recorder.keeps_to_end = False
    assert max(numbers(all_shown(way(recorder, 1.0, 3.0)))) <= 30


def test_after_a_loss_it_goes_on_where_it_was(recorder: RunningRecorder, way: Way) -> None:
    recorder.cut_after = 25
    address = Address(way(recorder, 0.0, 4.0))
    seen: Seen = []
    with pytest.raises(SourceFault) as said:
        shown(address, seen)
    assert "recorder ended" in str(said.value) or "closed the connection" in str(said.value)
    before = max(numbers(seen))
    assert before >= 20
    recorder.cut_after = 0
    shown(address, seen)
    after = numbers(seen)[numbers(seen).index(before) + 1 :]
    assert after[0] == before // 10 * 10, "from the key frame before"
    assert max(after) >= 36
    with pytest.raises(NotASource, match="the recording ends here"):
        shown(address, seen)


@pytest.mark.parametrize("stays", [True, False])
def test_without_an_end_it_goes_on_until_there_is_nothing_more(
    recorder: RunningRecorder, way: Way, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.video.rtsp_replay.READ_S", 0.7)
    monkeypatch.setattr("backends.video.sources.rtsp.OPTIONS", {"timeout": "700000", "allowed_media_types": "video"})
    recorder.stays = stays
    address = Address(way(recorder, 3.0, None))
    seen: Seen = []
    with pytest.raises(SourceFault):
        shown(address, seen)
    assert numbers(seen)[0] == 30
    assert max(numbers(seen)) >= 58
    shown(address, seen)


def test_the_device_s_zone_and_clock(recorder: RunningRecorder) -> None:
    recorder.zone_s = 7 * 3600 + 5
    assert numbers(all_shown(hikvision(recorder, 2.0, 4.0, zone="Asia/Ho_Chi_Minh", ahead_s=5.0)))[0] == 20
    recorder.ahead_s = -90.0
    seen = all_shown(onvif(recorder, 2.0, 4.0))
    assert seen[0] == (20, pytest.approx(2.0, abs=0.01))
    assert any(
        "clock=20261120T081332.000Z-20261120T081334.000Z" in said.get("range", "") for *_, said in recorder.requests
    )


def test_a_password_is_shown_as_a_digest_and_a_wrong_one_once(recorder: RunningRecorder, way: Way) -> None:
    recorder.password = PASSWORD
    assert len(all_shown(way(recorder, 2.0, 4.0), USER, PASSWORD)) >= 17
    assert not [one for one in recorder.asked if PASSWORD in one or USER in one]
    recorder.asked.clear()
    with pytest.raises(Refused, match="refuses user name or password"):
        all_shown(way(recorder, 2.0, 4.0), USER, "wrong")
    assert sum(one.startswith("DESCRIBE") for one in recorder.asked) <= 2


def test_h265(monkeypatch: pytest.MonkeyPatch) -> None:
    with RunningRecorder(T0_S, 40, codec="libx265") as recorder:
        for make in (hikvision, onvif):
            assert numbers(all_shown(make(recorder, 1.0, 3.0)))[:5] == [10, 11, 12, 13, 14]


# -- Profile G ---------------------------------------------------------------------------------------


def test_without_times_in_its_packets_they_are_counted(recorder: RunningRecorder) -> None:
    recorder.says_times = False
    seen = all_shown(onvif(recorder, 2.0, 4.0))
    assert [second for _, second in seen] == pytest.approx([number / 10 for number in numbers(seen)], abs=0.11)


def test_a_sign_of_life_is_sent_while_it_plays(recorder: RunningRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.video.rtsp_replay.LEAST_SIGN_S", 0.1)
    seen = all_shown(onvif(recorder, 0.0, 6.0))
    assert numbers(seen) == list(range(len(seen)))
    wait_for("the good-bye", lambda: recorder.asked[-1].startswith("TEARDOWN"))
    assert sum(one.startswith("GET_PARAMETER") for one in recorder.asked) >= 1


def test_a_recorder_that_does_not_know_it(recorder: RunningRecorder) -> None:
    recorder.knows_onvif = False
    with pytest.raises(NotASource, match="does not know playback by ONVIF"):
        all_shown(onvif(recorder, 2.0, 4.0))


def test_it_goes_to_no_other_host(recorder: RunningRecorder) -> None:
    recorder.control = "rtsp://192.0.2.66:99/onvif/replay/track1?a=b"
    assert numbers(all_shown(onvif(recorder, 2.0, 4.0)))[0] == 20
    assert f"SETUP rtsp://127.0.0.1:{recorder.port}/onvif/replay/track1?a=b" in recorder.asked


def test_another_maker_s_server_says_so_too() -> None:
    server = RtspServer()
    try:
        uri = replay_past(server.uri, Span(at(0), at(2)))
        with pytest.raises(NotASource, match="does not know playback by ONVIF"):
            all_shown(uri)
    finally:
        server.kill()


def test_nothing_there(recorder: RunningRecorder) -> None:
    uri = replay_past(f"rtsp://127.0.0.1:{recorder.port}/other", Span(at(0)))
    with pytest.raises(SourceFault, match="nothing of that time"):
        all_shown(uri)
    with pytest.raises(SourceFault, match="connection refused"):
        all_shown(replay_past("rtsp://127.0.0.1:9/x", Span(at(0))))


@pytest.mark.parametrize("manners", ["mute", "garbage", "headers", "huge"])
def test_bad_talk_is_given_up(recorder: RunningRecorder, manners: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.video.rtsp_replay.OPEN_S", 1.0)
    recorder.manners = manners
    began = time.monotonic()
    with pytest.raises(SourceFault) as said:
        all_shown(onvif(recorder, 0.0, 2.0), "operator", "geheim")
    assert time.monotonic() - began < 3
    assert not [secret for secret in ("geheim", "127.0.0.1", "/onvif") if secret in str(said.value)]


def test_over_tls_the_certificate_is_pinned(tmp_path: Path) -> None:
    pem = self_signed(tmp_path, "recorder")
    with RunningRecorder(T0_S, 40, cert=pem) as recorder:
        rtsps = f"rtsps://127.0.0.1:{recorder.port}/onvif/replay"
        assert numbers(all_shown(replay_past(rtsps, Span(at(1), at(3)), pin=pin_of(pem))))[0] == 10
        asked = len(recorder.asked)
        for pin in ("0" * 64, ""):
            with pytest.raises(SourceFault, match="certificate"):
                all_shown(replay_past(rtsps, Span(at(1), at(3)), pin=pin))
        assert len(recorder.asked) == asked


def test_damaged_packets_end_nothing_but_themselves(
    recorder: RunningRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Whatever stands in a packet: pictures go on, or a fault in words comes."""
    monkeypatch.setattr("backends.video.rtsp_replay.READ_S", 0.5)
    chance = random.Random(11)
    whole = recorder.pictures
    try:
        for _ in range(6):
            recorder.pictures = [[_damaged(packet, chance) for packet in one] for one in whole]
            with contextlib.suppress(SourceFault):
                all_shown(onvif(recorder, 0.0, 4.0))
    finally:
        recorder.pictures = whole


def _damaged(packet: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.8:
        return packet
    raw = bytearray(packet[: chance.randrange(1, len(packet) + 1)])
    for _ in range(3):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def test_one_that_is_not_wanted_any_more_ends(recorder: RunningRecorder) -> None:
    stop = threading.Event()
    source = spec_of("onvif-replay:").open(Address(onvif(recorder, 0.0, 6.0), stop=stop))
    try:
        arrivals = source.arrivals()
        next(arrivals)
        stop.set()
        assert list(arrivals) == []
    finally:
        source.close()


# -- from the device on ------------------------------------------------------------------------------


def test_a_recorder_by_onvif_from_its_address_to_its_pictures(recorder: RunningRecorder) -> None:
    """Both ports: what was kept is asked over SOAP, played over RTSP; the device's clock is wrong."""
    with OnvifCamera() as camera:
        camera.channels = 2
        camera.recordings = {"rec_1": "video_2", "rec_2": "video_1"}
        camera.ahead_s = recorder.ahead_s = 3600.0
        camera.replay = f"rtsp://192.0.2.66:{recorder.port}/onvif/replay"
        keeper: PastPictures = OnvifRecorder(Login(camera.url, ONVIF_USER, ONVIF_PASSWORD))
        uri = keeper.past(2, at(2.0), at(4.0))
        asked = [node for node in camera.bodies[-1].iter() if node.tag.endswith("RecordingToken")]
        assert [node.text for node in asked] == ["rec_1"], "by its source, not by counting"
        with pytest.raises(SourceFault, match="none of channel 3"):
            keeper.past(3, at(2.0))
        assert camera.asked.count("FindRecordings") == 1
    seen = all_shown(uri)
    # The device's clock is measured to half a second.
    assert seen[0][0] in (10, 20)
    assert len(seen) >= 15


def test_the_port_is_free_afterwards(recorder: RunningRecorder) -> None:
    socket.create_connection(("127.0.0.1", recorder.port), 1).close()


def test_on_a_tile_by_a_worker(recorder: RunningRecorder) -> None:
    """The whole way: password by the worker's pipe, the wanted moment in shared memory, and rest at the end."""
    recorder.password = PASSWORD
    ways = {"h": hikvision(recorder, 3.0, 6.0), "o": onvif(recorder, 3.0, 6.0)}
    demands = [Demand(name, uri, 128, 96) for name, uri in ways.items()]
    allowed = {past_key(name): Credentials(USER, PASSWORD, frozenset({uri})) for name, uri in ways.items()}
    with rig(BrokerSettings(workers=1), allowed) as running:
        running.show(*demands)
        for demand in demands:
            until(lambda shown=demand: running.status(shown).state.value in ("no_source", "ended"), 20.0)
            with running.client.pin(demand) as picture:
                assert picture is not None
                bars = [picture.bgra()[48, bar * 16 + 8, 1] > 128 for bar in range(8)]
            last = sum(1 << bar for bar in range(8) if bars[bar])
            assert 52 <= last <= 59, "the last picture stays"
