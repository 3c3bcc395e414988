"""HTTP cameras, good and bad, from a real server of another process: what they send, and what we say of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.certificates import authority, pin_of, self_signed, signed
from helpers.http_camera import PASSWORD, USER, HttpCamera, content
from helpers.picture_rig import rig

from backends.domain.camera import Demand, PictureState
from backends.video.broker import BrokerSettings, Credentials
from backends.video.places import places_of
from backends.video.scaling import Shot, size_of
from backends.video.source import Address, NotASource, Refused, Source, SourceFault
from backends.video.sources.http import Hls, JpegParts, TransportStream, open_http


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return content(tmp_path_factory.mktemp("camera"))


@pytest.fixture(scope="module")
def camera(folder: Path) -> Iterator[HttpCamera]:
    running = HttpCamera(folder)
    yield running
    running.close()


def shots_of(source: Source) -> Iterator[Shot]:
    for came in source.arrivals():
        yield from (came,) if isinstance(came, np.ndarray) else source.decode(came)


def first_shots(source: Source, number: int) -> list[Shot]:
    try:
        return list(itertools.islice(shots_of(source), number))
    finally:
        source.close()


def _watch(address: Address) -> None:
    source = open_http(address)
    try:
        for _ in shots_of(source):
            pass
    finally:
        source.close()
    raise SourceFault("it ended without a word")


def fault_of_camera(uri: str, user: str = USER, password: str = PASSWORD) -> SourceFault:
    """What is said of it, when it opens or later."""
    with pytest.raises(SourceFault) as caught:
        _watch(Address(uri, user, password))
    words = str(caught.value)
    assert not [secret for secret in (password, "127.0.0.1", "file:", "etc") if secret in words]
    return caught.value


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mjpeg", JpegParts),
        ("/nolength", JpegParts),
        ("/untyped", JpegParts),
        ("/ts", TransportStream),
        ("/live.m3u8", Hls),
    ],
)
def test_what_comes_is_told_apart_and_moves(camera: HttpCamera, path: str, kind: type) -> None:
    source = open_http(Address(camera.address(path)))
    assert isinstance(source, kind)
    shots = first_shots(source, 20)
    assert {size_of(shot) for shot in shots} == {(320, 180)}
    first, last = (shot.to_ndarray(format="bgr24") for shot in (shots[0], shots[-1]))  # type: ignore[union-attr]
    assert (first != last).any(), "it moves"
    assert source.bad == 0


def test_red_is_red(camera: HttpCamera) -> None:
    shot = first_shots(open_http(Address(camera.address("/mjpeg"))), 1)[0]
    pixel = shot.to_ndarray(format="rgb24")[90, 4].astype(int)  # type: ignore[union-attr]
    assert pixel[0] > 180
    assert max(pixel[1:]) < 70


def test_hls_begins_at_the_newest_segment_and_is_paced(camera: HttpCamera) -> None:
    asked = len(camera.asked())
    source = open_http(Address(camera.address("/live.m3u8")))
    began = time.monotonic()
    shots = first_shots(source, 60)
    assert len(shots) == 60
    assert time.monotonic() - began > 1.0, "60 pictures of a camera of 25 a second are no burst"
    segments = [path for path in camera.asked()[asked:] if path.startswith("/seg")]
    assert len(segments) <= 6, "neither the older segments of the list nor one twice"


def test_digest_opens_and_a_wrong_password_is_refused(camera: HttpCamera) -> None:
    for path in ("/digest", "/to-digest"):
        assert first_shots(open_http(Address(camera.address(path), USER, PASSWORD)), 2)
    assert isinstance(fault_of_camera(camera.address("/digest"), password="falsch"), Refused)
    assert isinstance(fault_of_camera(camera.address("/digest"), user=""), Refused)


def test_another_host_is_not_told_the_password(camera: HttpCamera) -> None:
    asked = len(camera.asked())
    assert isinstance(fault_of_camera(camera.address("/to-other-host")), Refused)
    assert camera.asked()[asked:] == ["/to-other-host", "/digest"], "asked, but not answered with a password"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/missing", "the camera does not know this address (404)"),
        ("/text", "what it sends is no video"),
        ("/to-file", "the camera sends us on to an address that may not be opened"),
        ("/to-itself", "the camera sends us from one address to the next"),
        ("/headers", "the camera sends headers without end"),
        ("/long-header", "the camera sends headers without end"),
        ("/drip", "no answer in time"),
        ("/mute", "no answer in time"),
        ("/slow-body", "no answer in time"),
        ("/cut", "no answer in time"),
        ("/ends", "it ended without a word"),
        ("/huge-part", "a picture of more than 8 MB"),
        ("/flood", "a picture of more than 8 MB"),
        ("/huge-picture", "a picture of 65500 x 65500 pixels is too large"),
        ("/words", "what the camera sends is no JPEG picture"),
    ],
)
def test_bad_cameras_end_in_words(camera: HttpCamera, path: str, words: str) -> None:
    assert str(fault_of_camera(camera.address(path))) == words


def test_one_picture_is_no_stream(camera: HttpCamera) -> None:
    assert isinstance(fault_of_camera(camera.address("/still")), NotASource)


def test_a_playlist_cannot_lead_to_a_file(camera: HttpCamera) -> None:
    fault_of_camera(camera.address("/list-of-files"))


def test_certificates(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = authority(tmp_path)
    own, same_name = self_signed(tmp_path, "own"), self_signed(tmp_path, "same-name")
    right = signed(tmp_path, "right", "IP:127.0.0.1")
    elsewhere = signed(tmp_path, "elsewhere", "DNS:camera-b")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    def fault(cert: Path, fragment: str = "", path: str = "/mjpeg") -> str:
        running = HttpCamera(folder, cert)
        try:
            assert first_shots(open_http(Address(running.address(path) + fragment)), 2)
        except SourceFault as fault:
            return str(fault)
        finally:
            running.close()
        return ""

    assert fault(right) == ""
    assert fault(right, path="/live.m3u8") == ""
    assert fault(own, f"#sha256={pin_of(own)}") == ""
    assert fault(own, f"#sha256={pin_of(own)}", "/live.m3u8") == ""
    assert fault(own) == "nobody whom this machine trusts has signed the camera's certificate"
    assert fault(elsewhere) == "the camera's certificate is for another host"
    other = "the camera shows another certificate than the pinned one"
    assert fault(same_name, f"#sha256={pin_of(own)}") == other
    assert fault(right, f"#sha256={pin_of(own)}") == other
    assert "64 hexadecimal digits" in fault(right, "#sha256=abc")
    assert "is not known" in fault(right, f"#sha25={pin_of(right)}")


def test_in_a_real_worker_with_a_password(camera: HttpCamera, caplog: pytest.LogCaptureFixture) -> None:
    here = places_of([camera.address("/")])
    known = {"digest": Credentials(USER, PASSWORD, here), "wrong": Credentials(USER, "falsch", here)}
    paths = {"digest": "/digest", "wrong": "/digest", "ts": "/ts", "hls": "/live.m3u8"}
    shown = {name: Demand(name, camera.address(path), 160, 90) for name, path in paths.items()}
    with rig(BrokerSettings(workers=1), known) as running:
        running.show(*shown.values())
        for name in ("digest", "ts", "hls"):
            running.until_moving(shown[name])
        status = running.until_state(shown["wrong"], PictureState.REFUSED)
        assert status.reason == "the camera refuses user name or password"
        running.until_state(shown["hls"], PictureState.LIVE)
    assert "heim" not in caplog.text
    assert "falsch" not in caplog.text
