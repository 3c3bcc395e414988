"""What devices answer, damaged in a thousand ways: a fault in words, or something harmless; never anything else."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from helpers import onvif_answers as says
from helpers.onvif_device import MANNERS

from backends.onvif import device as device_module
from backends.onvif.device import Login, OnvifDevice
from backends.onvif.events import read_event
from backends.onvif.media import survey
from backends.onvif.ptz import OnvifPtz, seconds_of
from backends.onvif.replay import Recording, by_channel, recordings
from backends.onvif.soap import SPACES, answer, envelope, tag
from backends.onvif.untrusted import MAX_DEPTH, BadXml, number, parse, plain
from backends.video.faults import Refused, SourceFault

BASE = "http://10.0.0.7"
ANSWERS = {
    "GetSystemDateAndTime": says.clock(1_000_000.0),
    "GetServices": says.services(BASE, {uri: f"/{name}" for name, uri in SPACES.items()}),
    "GetProfiles": says.profiles(3, ("main", "sub"), ptz=True, second=True),
    "GetStreamUri": says.uri("GetStreamUri", "rtsp://10.0.0.7/live", second=True),
    "GetPresets": says.presets({"1": "a", "2": "b"}),
    "GetStatus": says.ptz_status(moving=True),
    "GetConfigurations": says.ptz_configurations(),
    "GetConfigurationOptions": says.ptz_options("PT1S", "PT9S"),
    "ContinuousMove": "<tptz:ContinuousMoveResponse/>",
    "FindRecordings": "<tse:FindRecordingsResponse><tse:SearchToken>s</tse:SearchToken></tse:FindRecordingsResponse>",
    "GetRecordingSearchResults": says.recordings({"r1": "video_1"}, 0.0, 9.0),
    "EndSearch": "<tse:EndSearchResponse/>",
}


def damage(raw: bytes, chance: random.Random) -> bytes:
    """Bytes turned, parts cut out or doubled, numbers and words exchanged."""
    out = bytearray(raw)
    for _ in range(chance.choice((0, 1, 1, 2, 8))):
        match chance.randrange(4):
            case 0 if out:
                out[chance.randrange(len(out))] = chance.randrange(256)
            case 1:
                at = chance.randrange(len(out) + 1)
                del out[at : at + chance.choice((1, 20, 400, 4000))]
            case 2:
                at = chance.randrange(len(out) + 1)
                out[at:at] = out[at : at + chance.choice((1, 50, 500))]
            case _:
                word = chance.choice((b"-1", b"1e999", b"nan", b"9" * 400, b"", b"\xc3\xa9", b"&amp;", b"PT9999999H"))
                found = list(re.finditer(rb">[^<>]+<", bytes(out)))
                if found:
                    one = chance.choice(found)
                    out[one.start() + 1 : one.end() - 1] = word
    return bytes(out)


def damaging(seed: int) -> Callable[..., tuple[int, bytes]]:
    chance = random.Random(seed)

    def post(url: str, access: object, kind: str, body: bytes, seconds: float, most: int) -> tuple[int, bytes]:
        asked = parse(body).find("Body")
        assert asked is not None
        whole = says.envelope(ANSWERS[asked[0].tag]) if asked[0].tag in ANSWERS else says.fault("NoSuch", "no")
        status = 400 if chance.random() < 0.02 else 200
        return status, damage(whole, chance) if chance.random() < 0.2 else whole

    return post


def everything(device: OnvifDevice) -> None:
    device.connect()
    for found in survey(device):
        assert all(stream.uri.startswith("rtsp://10.0.0.7") for stream in found.streams)
        assert all(0 <= side <= 65_535 for stream in found.streams for side in (stream.width, stream.height))
    driver = OnvifPtz(device, "main_1")
    driver.prepare()
    driver.move(1.0, 0.0, 0.0, 1.0)
    driver.presets()
    driver.position()
    recordings(device)


def test_damaged_answers_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    went_through = 0
    for seed in range(400):
        monkeypatch.setattr(device_module, "post", damaging(seed))
        try:
            everything(OnvifDevice(Login(f"{BASE}/onvif/device_service", "u", "p")))
            went_through += 1
        except SourceFault as fault:
            words = str(fault)
        else:
            words = "good"
        assert words
        assert words.isprintable()
    assert 5 < went_through < 395, "some are damaged too much, and some not"


def test_damaged_events_are_none_or_harmless() -> None:
    whole = says.envelope(says.notification("tns1:VideoSource/MotionAlarm", "State", "true", 5.0))
    read = 0
    for seed in range(1000):
        try:
            message = parse(damage(whole, random.Random(seed))).find("Body/NotificationMessage")
        except BadXml:
            continue
        event = None if message is None else read_event(message, lambda said: 0, 7)
        if event is not None:
            assert event.topic.isprintable()
            assert len(event.topic) <= 120
            read += 1
    assert read > 100


@pytest.mark.parametrize("kind", sorted(MANNERS))
def test_what_is_not_read(kind: str) -> None:
    with pytest.raises(SourceFault):
        answer(200, MANNERS[kind])


def test_depth_is_bounded() -> None:
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag == "a"
    with pytest.raises(BadXml, match="too deep"):
        parse(b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1))
    with pytest.raises(BadXml, match="too many"):
        parse(b"<a><b/><b/></a>", most=2)


@pytest.mark.parametrize("code", ["NotAuthorized", "FailedAuthentication"])
def test_a_fault_about_the_password(code: str) -> None:
    with pytest.raises(Refused):
        answer(400, says.fault(code, "no"))
    with pytest.raises(Refused):
        answer(401, b"")


def test_a_fault_is_told_in_the_device_s_words_on_one_line() -> None:
    with pytest.raises(SourceFault) as said:
        answer(500, says.fault("Action", "not\nnow " + "x" * 500))
    assert str(said.value).startswith("the camera says no: not now x")
    assert len(str(said.value)) < 150


def test_what_we_say_is_escaped() -> None:
    raw = envelope(tag("tptz:PresetName", '<b>&"', **{"a": 'x"<'}))
    body = parse(raw).find("Body")
    assert body is not None
    assert (body[0].text, body[0].get("a")) == ('<b>&"', 'x"<')
    with pytest.raises(ValueError, match="control"):
        tag("a", "x\ud800")


def test_numbers_and_durations() -> None:
    assert [number(parse(f"<a><b>{said}</b></a>".encode()), "b") for said in ("3", " 4.5 ", "x", "1e999", "nan")] == [
        3, 4.5, 0, 0, 0,
    ]  # fmt: skip
    assert [seconds_of(said) for said in ("PT5S", "PT1M30.5S", "P0DT1H", "P1Y", "", "PT", "-PT5S")] == [
        5, 90.5, 3600, 0, 0, 0, 0,
    ]  # fmt: skip
    assert plain("a\x00b\n" + "c" * 200, 10) == "a b cccccc"


def test_recordings_by_channel() -> None:
    kept = [Recording("r1", "video_2", "", 0, 0), Recording("r2", "video_1", "", 0, 0)]
    assert by_channel(["video_1", "video_2"], kept) == ["r2", "r1"]
    assert by_channel(["other", "video_2"], kept) == ["r1", "r2"]
    assert by_channel([], kept) == ["r1", "r2"]
