"""Addresses of the past: there and back, nothing secret, and no nonsense that reaches a device."""

from __future__ import annotations

import random
import struct
from datetime import datetime

import pytest

from backends.domain.camera import StreamKind
from backends.domain.ports import PastPictures
from backends.video.faults import NotASource, SourceFault
from backends.video.nvr.past import MakersPast, Recorder, ReplayPast, Span, read_past, replay_past, utc_text
from backends.video.nvr.templates import Device, Maker, NoTemplate
from backends.video.rtsp_replay import describe, recorded

T0 = int(datetime.fromisoformat("2026-11-20T08:15:00Z").timestamp()) * 10**9
T1 = T0 + 300 * 10**9


def test_a_maker_s_address_there_and_back() -> None:
    device = Device(Maker.HIKVISION, "10.0.0.7", 8554, zone="Asia/Ho_Chi_Minh", ahead_s=3.5)
    recorder: PastPictures = Recorder(device)
    uri = recorder.past(3, T0, T1)
    assert uri == (
        "nvr-hikvision://10.0.0.7:8554/3?from=2026-11-20T08:15:00.000Z&to=2026-11-20T08:20:00.000Z"
        "&zone=Asia/Ho_Chi_Minh&ahead=3.5"
    )
    found = read_past(uri)
    assert found == MakersPast(device, 3, StreamKind.MAIN, Span(T0, T1))
    assert isinstance(found, MakersPast)
    assert found.address(T0 + 61 * 10**9) == (
        "rtsp://10.0.0.7:8554/Streaming/tracks/301?starttime=20261120T151605Z&endtime=20261120T152004Z"
    )


def test_every_setting_comes_back() -> None:
    chance = random.Random(7)
    for _ in range(200):
        tls = chance.random() < 0.3
        device = Device(
            chance.choice([Maker.HIKVISION, Maker.DAHUA]),
            chance.choice(["10.0.0.7", "nvr.site", "fe80::1"]),
            chance.choice([554, 322, 8554]),
            tls,
            chance.choice(["UTC", "Asia/Ho_Chi_Minh"]),
            chance.choice([0.0, -2.5, 3600.0]),
            chance.choice([1, 33]),
        )
        kind = chance.choice(list(StreamKind))
        t0 = T0 + chance.randrange(10**6) * 10**6
        t1 = chance.choice([None, t0 + 10**9])
        found = read_past(Recorder(device).past(7, t0, t1, kind))
        assert found == MakersPast(device, 7, kind, Span(t0, t1))


def test_a_replay_there_and_back() -> None:
    pin = "0123456789abcdef" * 4
    for scheme, sent in (("rtsp", ""), ("rtsps", pin)):
        uri = replay_past(f"{scheme}://10.0.0.7/onvif/replay?token=a%20b&x", Span(T0, T1), -3.5, sent)
        assert read_past(uri) == ReplayPast(
            f"{scheme}://10.0.0.7/onvif/replay?token=a%20b&x", sent, Span(T0, T1), -3.5
        )  # fmt: skip
    assert "sha256" not in replay_past("rtsp://a/b", Span(T0), pin=pin), "a pin means nothing without TLS"


@pytest.mark.parametrize(
    "uri",
    [
        "nvr-hikvision://10.0.0.7/3",
        "nvr-hikvision://10.0.0.7/3?from=yesterday",
        "nvr-hikvision://10.0.0.7/3?from=2026-11-20T08:15:00",
        "nvr-hikvision://10.0.0.7/x?from=2026-11-20T08:15:00Z",
        "nvr-hikvision://10.0.0.7/0?from=2026-11-20T08:15:00Z",
        "nvr-hikvision://10.0.0.7/3?from=2026-11-20T08:15:00Z&to=2026-11-20T08:15:00Z",
        "nvr-hikvision://10.0.0.7/3?from=2026-11-20T08:15:00Z&from=2026-11-20T08:15:00Z",
        "nvr-hikvision://10.0.0.7/3?from=2026-11-20T08:15:00Z&password=geheim",
        "nvr-hikvision://operator:geheim@10.0.0.7/3?from=2026-11-20T08:15:00Z",
        "nvr-hikvision://10.0.0.7/3?from=2026-11-20T08:15:00Z&zone=geheim",
        "nvr-hikvision://10.0.0.7/3?from=2026-11-20T08:15:00Z#sha256=" + "a" * 64,
        "nvr-dahua:///3?from=2026-11-20T08:15:00Z",
        "nvr-dahua://10.0.0.7/3?from=2026-11-20T08:15:00Z&stream=geheim",
        "onvif-replay://10.0.0.7/a",
        "onvif-replay:///a#from=2026-11-20T08:15:00Z",
        "onvif-replay://10.0.0.7/a#from=2026-11-20T08:15:00Z&sha256=" + "a" * 64,
        "onvif-replays://10.0.0.7/a#from=2026-11-20T08:15:00Z&sha256=abc",
        "onvif-replay://10.0.0.7/a#from=2026-11-20T08:15:00Z&ahead=nan",
        "onvif-replay://10.0.0.7:0/a#from=2026-11-20T08:15:00Z",
        "onvif-other://10.0.0.7/a#from=2026-11-20T08:15:00Z",
    ],
)
def test_what_is_no_address_of_a_playback(uri: str) -> None:
    with pytest.raises(NotASource) as said:
        read_past(uri)
    assert "10.0.0.7" not in str(said.value)


def test_what_a_recorder_cannot_be_asked() -> None:
    with pytest.raises(NoTemplate):
        Recorder(Device(Maker.HIKVISION_OLD, "10.0.0.7")).past(1, T0)
    with pytest.raises(ValueError, match="end of a playback"):
        Recorder(Device(Maker.DAHUA, "10.0.0.7")).past(1, T0, T0)


def test_times_are_written_to_the_millisecond_before() -> None:
    assert utc_text(T0 + 999_999_999) == "2026-11-20T08:15:00.999Z"
    assert utc_text(-1) == "1969-12-31T23:59:59.999Z"


def test_of_a_description_only_the_picture_is_taken() -> None:
    raw = (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.66\r\nc=IN IP4 192.0.2.66\r\na=range:npt=0-\r\nm=audio 4 RTP/AVP 0\r\n"
        "a=control:audio\r\nm=video 5004 RTP/AVP 96 97\r\nc=IN IP4 192.0.2.66/127\r\na=rtpmap:96 H264/90000\r\n"
        "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0IAH5WoFAFuQA==,aM48gA==\r\na=crypto:1 AES inline:x\r\n"
        "a=source-filter: incl IN IP4 * 192.0.2.66\r\na=control:video\r\nm=video 0 RTP/AVP 98\r\n"
    )
    found = describe(raw.encode(), "rtsp://10.0.0.7/a/")
    assert found.control == "rtsp://10.0.0.7/a/video"
    lines = found.text.decode().split("\r\n")
    assert lines[5:] == [
        "m=video 0 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0IAH5WoFAFuQA==,aM48gA==",
        "",
    ]
    assert b"192.0.2.66" not in found.text
    for other in (b"", b"m=audio 0 RTP/AVP 0\r\n", b"m=video 0 RTP/SAVP 96\r\n", bytes(range(256))):
        with pytest.raises(NotASource):
            describe(other, "rtsp://10.0.0.7/a")


def test_the_recorded_time_of_a_packet() -> None:
    head = struct.pack(">BBHII", 0x90, 96, 1, 0, 1)
    said = struct.pack(">HHIII", 0xABAC, 3, 2_208_988_800 + 1000, 1 << 31, 0)
    assert recorded(head + said + b"x") == 1_000_500_000_000
    assert recorded(bytes((0x91,)) + head[1:] + b"csrc" + said) == 1_000_500_000_000
    assert recorded(bytes((0x80,)) + head[1:] + said) == 0
    for cut in range(len(head + said) - 4):
        assert recorded((head + said)[:cut]) == 0


def test_faults_have_no_secret_name() -> None:
    assert issubclass(NoTemplate, Exception)
    assert not issubclass(NoTemplate, SourceFault)
