"""What cameras send over HTTP, taken apart: multipart, JPEG heads, digest, and what stands behind an address."""

from __future__ import annotations

import itertools
import random

import cv2
import numpy as np
import pytest

from backends.video import multipart
from backends.video.address import reach_of
from backends.video.digest import authorization
from backends.video.jpeg import JpegDecoder, NoJpeg, check, size_in_head
from backends.video.multipart import MAX_HEAD, Parts, boundary_in
from backends.video.reading import MAX_BAD, MAX_BYTES
from backends.video.source import Address, NotASource, SourceFault, spec_of
from backends.video.sources.http import Pace
from backends.video.tls import name_in


def jpeg(width: int = 64, height: int = 36, seed: int = 0) -> bytes:
    image = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


PICTURES = [jpeg(seed=seed) for seed in range(6)]


def stream(*, lengths: bool, end: bytes, liar: int | None = None) -> bytes:
    """`liar`: the picture whose length is said to be half of what it is."""
    out = b"preamble that nobody reads" + end
    for number, picture in enumerate(PICTURES):
        out += b"--mark" + end + b"Content-Type: image/jpeg" + end
        if lengths:
            out += b"content-LENGTH:  %d" % (len(picture) // (1 + (number == liar))) + end
        out += end + picture + end
    return out + b"--mark--" + end


@pytest.mark.parametrize("lengths", [True, False])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_pictures_come_whole_wherever_the_bytes_are_cut(lengths: bool, end: bytes) -> None:
    whole = stream(lengths=lengths, end=end)
    for seed in range(40):
        rng = random.Random(seed)
        cuts = sorted(rng.sample(range(1, len(whole)), rng.choice((0, 1, 7, 300))))
        parts = Parts(b"mark")
        pieces = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]
        assert [part for piece in pieces for part in parts.feed(piece)] == PICTURES


def test_a_wrong_length_costs_that_picture_alone() -> None:
    for liar in (None, 0, 3):
        got = Parts(b"mark").feed(stream(lengths=True, end=b"\r\n", liar=liar))
        assert [i for i in range(6) if got[i] != PICTURES[i]] == ([] if liar is None else [liar])


def test_nothing_grows_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MAX_BYTES", 100_000)
    with pytest.raises(SourceFault, match="headers without end"):
        Parts(b"m").feed(b"--m\r\n" + b"x: y\r\n" * MAX_HEAD)
    with pytest.raises(SourceFault, match="a picture of more than"):
        Parts(b"m").feed(b"--m\r\nContent-Length: 100001\r\n\r\n")
    flood = Parts(b"m")
    assert flood.feed(b"--m\r\n\r\n" + bytes(99_000)) == []
    with pytest.raises(SourceFault, match="a picture of more than"):
        flood.feed(bytes(2000))
    before = Parts(b"m")
    for _ in range(100):
        assert before.feed(bytes(10_000)) == []
    assert len(before._held) < 10


@pytest.mark.parametrize(
    ("said", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=frame", b"frame"),
        ('multipart/x-mixed-replace;BOUNDARY = "--my frame"; x=y', b"my frame"),
        ("multipart/x-mixed-replace; boundary=--myboundary", b"myboundary"),
    ],
)
def test_boundaries(said: str, boundary: bytes) -> None:
    assert boundary_in(said) == boundary


@pytest.mark.parametrize("said", ["multipart/x-mixed-replace", "multipart/x; boundary=", "a; boundary=" + "x" * 300])
def test_boundaries_that_are_none(said: str) -> None:
    with pytest.raises(SourceFault):
        boundary_in(said)


@pytest.mark.parametrize("options", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]])
def test_the_size_is_in_the_head(options: list[int]) -> None:
    data = cv2.imencode(".jpg", np.zeros((90, 162, 3), np.uint8), options)[1].tobytes()
    assert size_in_head(data) == (162, 90)
    assert size_in_head(memoryview(data)) == (162, 90)


def test_damaged_heads_are_faults_and_never_anything_else() -> None:
    data = jpeg()
    rng = random.Random(4)
    faults = 0
    for _ in range(3000):
        bad = bytearray(data[: rng.randrange(2, 700)])
        for _ in range(rng.randrange(1, 6)):
            bad[rng.randrange(len(bad))] = rng.choice((0, 1, 0xC0, 0xC9, 0xD8, 0xDA, 0xFF, rng.randrange(256)))
        try:
            width, height = check(bytes(bad))
        except NoJpeg:
            faults += 1
        else:
            assert 0 < width * height <= 36_000_000
    assert 300 < faults < 3000, "some are damaged beyond reading, others are not"


def test_what_claims_too_much_is_refused_before_it_is_decoded() -> None:
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xdc\xff\xdc"
    with pytest.raises(NoJpeg, match="65500 x 65500"):
        check(bytes(data))
    with pytest.raises(NoJpeg, match="more than 8 MB"):
        check(jpeg() + bytes(MAX_BYTES))


def test_bad_pictures_are_counted_and_too_many_in_a_row_are_a_loss() -> None:
    decoder = JpegDecoder()
    for _ in range(MAX_BAD):
        assert decoder.packet(b"none") is None
    packet = decoder.packet(jpeg())
    assert packet is not None
    assert [(frame.width, frame.height) for frame in decoder.decode(packet)] == [(64, 36)]
    for _ in range(MAX_BAD):
        decoder.packet(b"none")
    assert decoder.bad == 2 * MAX_BAD
    with pytest.raises(SourceFault, match="no JPEG"):
        decoder.packet(b"none")


def test_digest_as_in_the_rfc() -> None:
    """RFC 7616, section 3.9.1: MD5 and SHA-256 are offered, SHA-256 is taken."""
    ask = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, nonce="{}", opaque="{}"'
    nonce, opaque = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    ours = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    challenges = [ask.format(kind, nonce, opaque) for kind in ("MD5", "SHA-256")]

    def answer(*asked: str) -> str:
        return authorization(asked, "Mufasa", "Circle of Life", "/dir/index.html", lambda: ours)

    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in answer(*challenges)
    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in answer(challenges[0])


def test_digest_of_old_cameras_and_basic() -> None:
    """RFC 2617's predecessor knows neither qop nor algorithm; the response is that of RFC 2069 with its erratum."""
    ask = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    words = authorization([ask], "Mufasa", "CircleOfLife", "/dir/index.html")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in words
    assert "qop" not in words
    assert authorization(["Basic realm=x", ask], "u", "p", "/").startswith("Digest"), "never basic where digest is"
    assert authorization(['Basic realm="x"'], "u", "p", "/") == "Basic dTpw"
    assert authorization(["Negotiate", "Digest realm=x, algorithm=MD9, nonce=y"], "u", "p", "/") == ""


def test_a_users_name_cannot_end_its_field() -> None:
    words = authorization(['Digest realm="r", nonce="n"'], 'a"\r\nX: y', "p", "/")
    assert "\n" not in words
    assert r'username="a\"X: y"' in words


def test_what_stands_behind_an_address() -> None:
    pin = "AB" * 32
    colons = ":".join(["ab"] * 32)
    assert reach_of("rtsp://h/live#udp", may_udp=True).udp
    assert reach_of(f"rtsps://h/x?y#sha256={pin}", may_pin=True) == reach_of(
        f"rtsps://h/x?y#sha256={colons}", may_pin=True
    )
    assert reach_of("rtsp://h/live").uri == "rtsp://h/live"
    for wrong in ("#udp", f"#sha256={pin}", "#x"):
        with pytest.raises(NotASource):
            reach_of(f"rtsp://h/{wrong}")
    with pytest.raises(NotASource):
        reach_of("rtsps://h/#sha256=", may_pin=True)


@pytest.mark.parametrize(
    "uri", ["rtsp://u:geheim@h/x", "rtsp://u:ge#heim@h/x", "http://geheim@h", "imagezmq://u:geheim@h:5"]
)
def test_an_address_with_a_password_is_refused_without_saying_it(uri: str) -> None:
    with pytest.raises(NotASource) as caught:
        spec_of(uri).open(Address(uri))
    assert "heim" not in str(caught.value)
    assert reach_of("http://h/mail?to=a@b").uri == "http://h/mail?to=a@b"


@pytest.mark.parametrize(
    ("certificate", "name"),
    [
        ({"subject": ((("commonName", "IPC"),),)}, "IPC"),
        ({"subject": ((("countryName", "VN"),), (("commonName", "b"),)), "subjectAltName": (("DNS", "a"),)}, "a"),
        ({"subjectAltName": (("DNS", "*.cam.lan"),)}, "any.cam.lan"),
        ({}, ""),
    ],
)
def test_the_name_in_a_certificate(certificate: dict[str, object], name: str) -> None:
    assert name_in(certificate) == name


def test_a_playlist_is_paced_by_its_own_times() -> None:
    pace = Pace()
    assert pace.wait_s(100.0, 7.0) == 0.0
    assert pace.wait_s(100.04, 7.0) == pytest.approx(0.04)
    assert pace.wait_s(100.08, 8.0) == 0.0, "late: now"
    assert pace.wait_s(100.12, 8.0) == pytest.approx(0.04), "what follows is not hurried after it"
    assert pace.wait_s(3.0, 8.1) == 0.0, "another clock"
    assert pace.wait_s(3.04, 8.1) == pytest.approx(0.04)
    assert pace.wait_s(9.04, 8.2) == 0.0, "segments were skipped: nobody waits for their time to pass"


def test_a_playlist_that_falls_far_behind_is_opened_afresh() -> None:
    pace = Pace()

    def watch(took_s: float) -> None:
        """100 pictures of a camera of 25 a second, each of which comes `took_s` after the one before it."""
        for n in range(100):
            pace.wait_s(n * 0.04, n * took_s)

    watch(0.04)
    pace = Pace()
    with pytest.raises(SourceFault, match="too far behind"):
        watch(0.2)
