"""Addresses of recorders: the makers' own examples, the device's clock, and nothing secret in them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from backends.domain.camera import StreamKind
from backends.domain.times import NS_PER_S
from backends.video.nvr.templates import (
    OLD_FIRST_IP_CHANNEL,
    Device,
    Maker,
    NoTemplate,
    ambiguous,
    live,
    playback,
)

MAIN, SUB = StreamKind.MAIN, StreamKind.SUB
FORMAT = {Maker.HIKVISION: "%Y%m%dT%H%M%SZ", Maker.DAHUA: "%Y_%m_%d_%H_%M_%S"}


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("device", "channel", "kind", "address"),
    [
        # the examples of the makers' papers that the module names
        (Device(Maker.HIKVISION, "10.16.4.25"), 1, MAIN, "rtsp://10.16.4.25/Streaming/Channels/101"),
        (Device(Maker.HIKVISION, "10.16.4.25"), 10, SUB, "rtsp://10.16.4.25/Streaming/Channels/1002"),
        (Device(Maker.HIKVISION_OLD, "192.0.0.64"), 1, SUB, "rtsp://192.0.0.64/h264/ch1/sub/av_stream"),
        (
            Device(Maker.HIKVISION_OLD, "192.0.0.64", first_channel=OLD_FIRST_IP_CHANNEL), 2, MAIN,
            "rtsp://192.0.0.64/h264/ch34/main/av_stream",
        ),
        (Device(Maker.DAHUA, "10.12.4.84"), 2, SUB, "rtsp://10.12.4.84/cam/realmonitor?channel=2&subtype=1"),
        (Device(Maker.DAHUA, "10.12.4.84"), 1, MAIN, "rtsp://10.12.4.84/cam/realmonitor?channel=1&subtype=0"),
        # ports, TLS, names, IPv6
        (Device(Maker.HIKVISION, "nvr-1.lan", 10554), 1, MAIN, "rtsp://nvr-1.lan:10554/Streaming/Channels/101"),
        (Device(Maker.HIKVISION, "nvr-1.lan", 322, tls=True), 1, MAIN, "rtsps://nvr-1.lan:322/Streaming/Channels/101"),
        (Device(Maker.DAHUA, "fd00::2"), 1, MAIN, "rtsp://[fd00::2]/cam/realmonitor?channel=1&subtype=0"),
    ],
)  # fmt: skip
def test_live(device: Device, channel: int, kind: StreamKind, address: str) -> None:
    assert live(device, channel, kind) == address


def test_the_makers_examples_of_playback() -> None:
    hik = Device(Maker.HIKVISION, "192.168.1.131", 10554)
    asked = playback(hik, 1, at("2018-07-30T09:20:30"), at("2018-07-30T09:25:53"))
    assert asked == (
        "rtsp://192.168.1.131:10554/Streaming/tracks/101?starttime=20180730T092030Z&endtime=20180730T092553Z"
    )
    dahua = Device(Maker.DAHUA, "192.168.1.108")
    asked = playback(dahua, 1, at("2012-09-15T12:37:05"), at("2012-09-15T18:34:14"))
    assert asked == (
        "rtsp://192.168.1.108/cam/playback?channel=1&starttime=2012_09_15_12_37_05&endtime=2012_09_15_18_34_14"
    )


def test_a_device_is_asked_in_its_own_time() -> None:
    zone = "Asia/Ho_Chi_Minh"
    moment = at("2026-11-20T09:41:32", zone)
    assert "starttime=20261120T094132Z" in playback(Device(Maker.HIKVISION, "h", zone=zone), 1, moment)
    assert "starttime=20261120T024132Z" in playback(Device(Maker.HIKVISION, "h"), 1, moment)
    assert "starttime=2026_11_20_09_41_32" in playback(Device(Maker.DAHUA, "h", zone=zone), 1, moment)
    fast = Device(Maker.DAHUA, "h", zone=zone, ahead_s=90)
    assert "starttime=2026_11_20_09_43_02" in playback(fast, 1, moment)


def test_without_an_end_it_plays_on_and_the_sub_stream_is_said() -> None:
    assert "endtime" not in playback(Device(Maker.HIKVISION, "h"), 1, 0)
    assert "/Streaming/tracks/302?" in playback(Device(Maker.HIKVISION, "h"), 3, 0, kind=SUB)
    sub = playback(Device(Maker.DAHUA, "h"), 1, 0, NS_PER_S, SUB)
    assert list(parse_qs(urlsplit(sub).query)) == ["channel", "subtype", "starttime", "endtime"]


@pytest.mark.parametrize("maker", [Maker.HIKVISION, Maker.DAHUA])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin", "America/St_Johns"])
def test_what_is_asked_for_lies_inside_and_no_second_more(maker: Maker, zone: str) -> None:
    """Read back as the device would, whatever the moment: a property over 300 spans of seven years."""
    chance = random.Random(4)
    device = Device(maker, "h", zone=zone)
    checked = 0
    for _ in range(300):
        t0_ns = chance.randrange(at("2020-01-01T00:00:00"), at("2027-01-01T00:00:00"))
        t1_ns = t0_ns + chance.randrange(1, 7200 * NS_PER_S)
        if ambiguous(device, t0_ns) or ambiguous(device, t1_ns):
            continue
        query = parse_qs(urlsplit(playback(device, 1, t0_ns, t1_ns)).query)
        first, last = (
            int(datetime.strptime(query[key][0], FORMAT[maker]).replace(tzinfo=ZoneInfo(zone)).timestamp()) * NS_PER_S
            for key in ("starttime", "endtime")
        )
        assert first <= t0_ns < first + NS_PER_S
        assert last - NS_PER_S < t1_ns <= last
        checked += 1
    assert checked > 250


def test_in_the_wrong_zone_the_span_is_missed() -> None:
    """Control of the property above: it sees a device that is asked in another zone than its own."""
    t0_ns = at("2026-11-20T09:41:32", "Asia/Ho_Chi_Minh")
    asked = parse_qs(urlsplit(playback(Device(Maker.DAHUA, "h"), 1, t0_ns)).query)["starttime"][0]
    read = datetime.strptime(asked, FORMAT[Maker.DAHUA]).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    assert abs(read.timestamp() * NS_PER_S - t0_ns) == 7 * 3600 * NS_PER_S


def test_an_hour_that_comes_twice_is_told_and_never_asked_backwards() -> None:
    berlin = Device(Maker.DAHUA, "h", zone="Europe/Berlin")
    before, after = at("2026-10-25T00:50:00"), at("2026-10-25T01:10:00")  # 02:50 and then 02:10 on its clock
    assert ambiguous(berlin, before)
    assert ambiguous(berlin, after)
    assert not ambiguous(berlin, at("2026-10-25T02:10:00"))
    assert not ambiguous(Device(Maker.DAHUA, "h", zone="Asia/Ho_Chi_Minh"), before)
    asked = playback(berlin, 1, before, after)
    assert "starttime=2026_10_25_02_50_00" in asked
    assert "endtime" not in asked


def test_what_cannot_be_is_said_in_words() -> None:
    with pytest.raises(NoTemplate, match="hikvision_old have no address for playback"):
        playback(Device(Maker.HIKVISION_OLD, "h"), 1, 0)
    for channel in (0, -1, 5000):
        with pytest.raises(ValueError, match="channel"):
            live(Device(Maker.DAHUA, "h"), channel)
    with pytest.raises(ValueError, match="come after"):
        playback(Device(Maker.DAHUA, "h"), 1, NS_PER_S, NS_PER_S)
    with pytest.raises(ValueError, match='no time zone "Asia/Dong_Ha"'):
        Device(Maker.DAHUA, "h", zone="Asia/Dong_Ha")
    with pytest.raises(ValueError, match="port"):
        Device(Maker.DAHUA, "h", 0)


@pytest.mark.parametrize(
    "host", ["admin:geheim@10.0.0.1", "10.0.0.1/x", "a b", "", "h?password=geheim", "[::1]", "h#x", "-h", "h\n"]
)
def test_only_a_host_gets_into_an_address_and_a_password_is_not_repeated(host: str) -> None:
    with pytest.raises(ValueError, match="plain name or IP address") as refused:
        Device(Maker.HIKVISION, host)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("maker", list(Maker))
@pytest.mark.parametrize("kind", [MAIN, SUB])
def test_no_address_has_a_place_for_a_secret(maker: Maker, kind: StreamKind) -> None:
    device = Device(maker, "10.0.0.1")
    found = [live(device, 3, kind)]
    if maker is not Maker.HIKVISION_OLD:
        found.append(playback(device, 3, at("2026-11-20T02:00:00"), kind=kind))
    for address in found:
        parts = urlsplit(address)
        assert (parts.username, parts.password, parts.hostname) == (None, None, "10.0.0.1")
        assert not {"user", "username", "password", "pwd"} & parse_qs(parts.query).keys()


def test_moments_are_those_of_the_clock_of_the_world() -> None:
    """UTC nanoseconds in, no zone of this machine in between."""
    t_ns = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S
    assert "starttime=20260101T000000Z" in playback(Device(Maker.HIKVISION, "h"), 1, t_ns)
