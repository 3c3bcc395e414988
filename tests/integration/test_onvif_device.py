"""An ONVIF device over real HTTP: clocks, passwords, hosts, streams, turning, recordings, and devices of bad will."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.certificates import pin_of, self_signed
from helpers.onvif_device import MANNERS, PASSWORD, USER, OnvifCamera

from backends.domain.camera import StreamKind
from backends.domain.device import Preset, PtzPosition
from backends.domain.ports import PtzDriver
from backends.onvif import replay
from backends.onvif.device import Login, OnvifDevice, Service, url_of
from backends.onvif.media import still_address, survey, to_camera
from backends.onvif.ptz import OnvifPtz
from backends.onvif.soap import DeviceFault
from backends.video.faults import NotASource, Refused, SourceFault

DAY_S = 86_400


@pytest.fixture
def camera() -> Iterator[OnvifCamera]:
    with OnvifCamera() as running:
        yield running


def connected(camera: OnvifCamera, password: str = PASSWORD, user: str = USER) -> OnvifDevice:
    device = OnvifDevice(Login(camera.url, user, password))
    device.connect()
    return device


@pytest.mark.parametrize("ahead_s", [0, -300 * DAY_S, 7 * 3600])
def test_a_wrong_clock_is_measured_and_kept_to(camera: OnvifCamera, ahead_s: float) -> None:
    camera.ahead_s = ahead_s
    device = connected(camera)
    assert device.identity().model == "Eye 4"
    assert device.ahead_s == pytest.approx(ahead_s, abs=1.0)
    assert device.zone == "CST-7"
    assert camera.refusals == 0


def test_a_clock_that_is_set_meanwhile_costs_one_refusal(camera: OnvifCamera) -> None:
    device = connected(camera)
    camera.ahead_s = 3600
    assert device.identity().maker == "Acme"
    assert camera.refusals == 1


def test_a_wrong_password_is_shown_once_and_said_in_words(camera: OnvifCamera) -> None:
    with pytest.raises(Refused) as said:
        connected(camera, "wrong")
    assert str(said.value) == "the camera refuses user name or password"
    assert camera.refusals == 1, "devices lock accounts"


def test_nobody_s_password_is_no_password(camera: OnvifCamera) -> None:
    with pytest.raises(Refused):
        connected(camera, "", "")


def test_digest_of_http(camera: OnvifCamera) -> None:
    camera.http_login = "digest"
    assert connected(camera).identity().serial == "0042"
    assert camera.authorizations


def test_a_device_that_wants_the_password_in_clear_does_not_get_it(camera: OnvifCamera) -> None:
    camera.http_login = "basic"
    with pytest.raises(Refused):
        connected(camera)
    assert camera.authorizations
    assert not any(camera.authorizations)


@pytest.mark.parametrize("manners", [*MANNERS, "500"])
def test_bad_answers_are_words(camera: OnvifCamera, manners: str) -> None:
    camera.manners = manners
    began = time.monotonic()
    with pytest.raises(SourceFault) as said:
        connected(camera)
    assert time.monotonic() - began < 5
    assert not [secret for secret in (PASSWORD, "127.0.0.1", "onvif/device") if secret in str(said.value)]
    if manners in ("bomb", "outside"):
        assert "document type" in str(said.value)


@pytest.mark.parametrize("manners", ["endless", "drip", "mute"])
def test_an_answer_that_does_not_end_is_given_up(
    camera: OnvifCamera, manners: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.onvif.device.CALL_S", 0.7)
    monkeypatch.setattr("backends.onvif.device.MAX_BYTES", 1 << 20)
    camera.manners = manners
    began = time.monotonic()
    with pytest.raises(SourceFault) as said:
        connected(camera)
    assert time.monotonic() - began < 3
    assert str(said.value) == {"endless": "the camera answers at too great length"}.get(manners, "no answer in time")


def test_nobody_there() -> None:
    with pytest.raises(SourceFault, match="connection refused"):
        OnvifDevice(Login("http://127.0.0.1:9/onvif/device_service")).connect()


def test_https_is_verified_or_pinned(tmp_path: Path) -> None:
    pem = self_signed(tmp_path, "camera")
    with OnvifCamera(pem) as camera:
        for good, pin in ((True, pin_of(pem)), (False, "0" * 64), (False, "")):
            device = OnvifDevice(Login(url_of(camera.url, pin=pin), USER, PASSWORD))
            if good:
                device.connect()
                assert device.identity().model == "Eye 4"
            else:
                asked = len(camera.asked)
                with pytest.raises(SourceFault, match="certificate"):
                    device.connect()
                assert len(camera.asked) == asked


@pytest.mark.parametrize("url", ["ftp://a/", "http://", "http://u:p@a/", "http://a:0/", "http://a/#sha256=ab", "a"])
def test_what_is_no_address_of_a_device(url: str) -> None:
    with pytest.raises(NotASource):
        Login(url)


def test_a_login_shows_no_secret() -> None:
    assert PASSWORD not in repr(Login("http://a/", USER, PASSWORD))
    assert USER not in repr(Login("http://a/", USER, PASSWORD))


@pytest.mark.parametrize("media2", [True, False])
def test_streams_are_found_by_size(camera: OnvifCamera, media2: bool) -> None:
    camera.media2 = media2
    camera.names = ("third", "web", "main", "sub")
    device = connected(camera)
    (found,) = survey(device)
    main, sub = found.streams
    assert (main.kind, main.width, main.height, main.fps) == (StreamKind.MAIN, 1920, 1080, 15.0)
    assert (sub.kind, sub.width, sub.height) == (StreamKind.SUB, 640, 360)
    assert main.uri == "rtsp://127.0.0.1:554/main_1"
    assert sub.uri == "rtsp://127.0.0.1:554/sub_1"
    assert found.channel.ptz
    assert still_address(device, found.channel.main) == "http://127.0.0.1/snap/main_1"
    made = to_camera(found, "201", "Cổng")
    assert (made.number, made.name.vi, made.streams) == ("201", "Cổng", found.streams)


def test_without_a_small_stream_there_is_none(camera: OnvifCamera) -> None:
    camera.names = ("main",)
    camera.ptz = False
    (found,) = survey(connected(camera))
    assert [stream.kind for stream in found.streams] == [StreamKind.MAIN]
    assert not found.channel.ptz


def test_one_stream_under_two_names_is_one(camera: OnvifCamera) -> None:
    camera.streams = "rtsp://127.0.0.1/live"
    (found,) = survey(connected(camera))
    assert [stream.kind for stream in found.streams] == [StreamKind.MAIN]


def test_every_camera_of_a_recorder(camera: OnvifCamera) -> None:
    camera.channels = 16
    found = survey(connected(camera))
    assert [one.channel.source for one in found] == [f"video_{n}" for n in range(1, 17)]
    assert found[15].streams[1].uri.endswith("/sub_16")


def test_a_password_that_a_device_writes_into_an_address_is_left_out(camera: OnvifCamera) -> None:
    camera.streams = "rtsp://operator:secret@127.0.0.1:8554/{token}?x=1"
    (found,) = survey(connected(camera))
    assert found.streams[0].uri == "rtsp://127.0.0.1:8554/main_1?x=1"


@pytest.mark.parametrize("where", ["file:///etc/passwd", "rtsp://127.0.0.1:99999/x", "rtsp://127.0.0.1/a b"])
def test_an_address_that_no_stream_has_costs_that_camera_alone(camera: OnvifCamera, where: str) -> None:
    camera.streams = where
    (found,) = survey(connected(camera))
    assert found.streams == ()
    assert "address" in found.wrong


def test_everything_stays_at_the_host_that_was_asked(camera: OnvifCamera) -> None:
    """Behind NAT a device names its own address; a false one names whose it likes."""
    camera.xaddr_host = "192.0.2.66"
    camera.streams = "rtsp://192.0.2.66:554/{token}"
    device = connected(camera)
    (found,) = survey(device)
    assert found.streams[0].uri == "rtsp://127.0.0.1:554/main_1"
    assert device.at_home("https://192.0.2.66:1/a?b=c") == f"http://127.0.0.1:{camera.port}/a?b=c"
    assert device.at_home("http://127.0.0.1:81/a") == "http://127.0.0.1:81/a"


def test_a_device_from_before_get_services(camera: OnvifCamera) -> None:
    camera.old = True
    device = connected(camera)
    assert device.has(Service.MEDIA)
    assert device.has(Service.REPLAY)
    assert not device.has(Service.MEDIA2)
    assert len(survey(device)) == 1


def test_what_a_device_does_not_offer_is_said() -> None:
    device = OnvifDevice(Login("http://127.0.0.1:9/"))
    with pytest.raises(DeviceFault, match="offers no ptz"):
        OnvifPtz(device, "p").stop()


# -- turning -----------------------------------------------------------------------------------------


def test_every_move_carries_the_time_after_which_the_camera_stops_by_itself(camera: OnvifCamera) -> None:
    driver: PtzDriver = OnvifPtz(connected(camera), "main_1")
    driver.prepare()
    asked = len(camera.asked)
    driver.move(0.5, -2.0, 0.0, 1.0)
    driver.move(0.0, 0.0, 0.25, 3600.0)
    driver.move(0.1, 0.0, float("nan"), float("nan"))
    driver.stop()
    assert camera.moves == [
        "move PanTilt[('x', '0.500'), ('y', '-1.000')] PT1.0S",
        "move Zoom[('x', '0.250')] PT10.0S",
        "move PanTilt[('x', '0.100'), ('y', '0.000')] PT0.2S",
        "stop",
    ]
    assert camera.asked[asked:] == ["ContinuousMove"] * 3 + ["Stop"], "no move waits for another question"


@pytest.mark.parametrize(
    ("bounds", "asked", "sent"), [(("PT2S", "PT5S"), 1.0, "PT2.0S"), (("PT0S", "PT1.5S"), 4.0, "PT1.5S"),
                                  (("", "nonsense"), 4.0, "PT4.0S"), (("PT0S", "PT0S"), 4.0, "PT4.0S"),
                                  (("PT1H", "PT2H"), 4.0, "PT10.0S")]
)  # fmt: skip
def test_the_camera_s_own_bounds_of_that_time(
    camera: OnvifCamera, bounds: tuple[str, str], asked: float, sent: str
) -> None:
    camera.timeouts = bounds
    driver = OnvifPtz(connected(camera), "main_1")
    driver.prepare()
    driver.move(1.0, 0.0, 0.0, asked)
    driver.move(1.0, 0.0, 0.0, asked)
    assert [move.split()[-1] for move in camera.moves] == [sent, sent]
    assert camera.asked.count("GetConfigurationOptions") == 1


def test_presets(camera: OnvifCamera) -> None:
    driver = OnvifPtz(connected(camera), "main_1")
    assert driver.presets() == (Preset("1", "Cổng chính"), Preset("2", "Bãi xe"))
    driver.go_to("2")
    assert driver.keep_preset('Cầu <mới> & "cũ"') == "3"
    assert driver.keep_preset("Cổng", "1") == "1"
    assert camera.presets == {"1": "Cổng", "2": "Bãi xe", "3": 'Cầu <mới> & "cũ"'}
    assert camera.moves == ["preset 2"]
    with pytest.raises(DeviceFault, match="the camera says no: Preset does not exist"):
        driver.go_to("99")
    with pytest.raises(ValueError, match="control character"):
        driver.keep_preset("a\x00b")


def test_where_it_looks(camera: OnvifCamera) -> None:
    driver = OnvifPtz(connected(camera), "main_1")
    assert driver.position() == PtzPosition(0.25, -0.5, 0.75, moving=False)
    driver.move(1.0, 0.0, 0.0, 1.0)
    assert driver.position().moving


# -- recordings --------------------------------------------------------------------------------------


def test_recordings_and_where_they_are_played_from(camera: OnvifCamera) -> None:
    camera.ahead_s = 3600
    camera.recordings = {"rec_1": "video_1", "rec_2": "video_2"}
    camera.replay = "rtsp://10.9.9.9:554/onvif/replay?recording=rec_2"
    device = connected(camera)
    first, second = replay.recordings(device)
    assert (first.token, second.source) == ("rec_1", "video_2")
    assert first.t1_ns / 1e9 == pytest.approx(time.time(), abs=3.0)
    assert replay.address(device, second.token) == "rtsp://127.0.0.1:554/onvif/replay?recording=rec_2"
    with pytest.raises(DeviceFault, match="no such recording"):
        replay.address(device, "rec_9")
