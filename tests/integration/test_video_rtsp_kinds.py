"""RTSP by every way that cameras offer: codecs, UDP, TLS with trusted and pinned certificates, digest; and bad ones."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest
from helpers.certificates import authority, pin_of, self_signed, signed
from helpers.rtsp_server import RtspServer

from backends.video import tls
from backends.video.source import Address, NotASource, Refused, SourceFault
from backends.video.sources.rtsp import open_rtsp


@contextmanager
def server(**settings: str) -> Iterator[RtspServer]:
    running = RtspServer(**settings)
    try:
        yield running
    finally:
        running.kill()


def frames_of(uri: str, number: int = 5, user: str = "", password: str = "") -> tuple[str, list[av.VideoFrame]]:
    """Codec and frames."""
    source = open_rtsp(Address(uri, user, password))
    try:
        shots = (shot for packet in source.arrivals() for shot in source.decode(packet))  # type: ignore[arg-type]  # packets
        found = list(itertools.islice(shots, number))
        assert source.bad <= 5, "what comes before the first key frame at most"
        return source.stream.codec_context.name, found  # type: ignore[attr-defined]  # a Reader
    finally:
        source.close()


def words_of(uri: str, user: str = "", password: str = "") -> str:
    """The fault, empty when it opens and shows."""
    words = ""
    try:
        frames_of(uri, 1, user, password)
    except SourceFault as fault:
        words = str(fault)
    assert "127.0.0.1" not in words
    return words


@pytest.mark.parametrize(("path", "codec"), [("/live", "h264"), ("/h265", "hevc"), ("/mjpeg", "mjpeg")])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_codecs_and_transports(path: str, codec: str, transport: str) -> None:
    with server(transport=transport) as camera:
        fragment = "#udp" if transport == "udp" else ""
        name, shots = frames_of(camera.address(path) + fragment)
        assert name == codec
        # RFC 2435 carries the sides of a JPEG in units of 8 pixels.
        assert {(shot.width, shot.height) for shot in shots} == {(320, 184 if codec == "mjpeg" else 180)}
        bright = [shot.to_ndarray(format="gray").max() for shot in shots]
        assert max(bright) > 200, "the ball is white"


def test_a_camera_that_sends_over_udp_alone_is_not_opened_inside_the_connection() -> None:
    with server(transport="udp") as camera:
        assert words_of(camera.uri + "#udp") == ""
        assert words_of(camera.uri)


def test_certificates_are_verified_or_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    own, same_name = self_signed(tmp_path, "own"), self_signed(tmp_path, "same-name")
    named = self_signed(tmp_path, "named", san="DNS:camera.lan,IP:192.0.2.7")
    pin = f"#sha256={pin_of(own)}"
    other = "the camera shows another certificate than the pinned one"
    with server(cert=str(signed(tmp_path, "right", "IP:127.0.0.1"))) as camera:
        assert words_of(camera.uri) == ""
        assert words_of(camera.uri + pin) == other
    with server(cert=str(signed(tmp_path, "elsewhere", "DNS:camera-b"))) as camera:
        assert words_of(camera.uri) == "the camera's certificate is for another host"
    with server(cert=str(own)) as camera:
        assert tls.fingerprint("127.0.0.1", camera.port) == pin_of(own)
        assert words_of(camera.uri) == "nobody whom this machine trusts has signed the camera's certificate"
        assert words_of(camera.uri + pin) == ""
    with server(cert=str(same_name)) as camera:
        # The pinned certificate is known by now: it is FFmpeg that refuses this one, of the same name.
        assert words_of(camera.uri + pin) == other
    with server(cert=str(named)) as camera:
        assert words_of(f"{camera.uri}#sha256={pin_of(named)}") == "", "named after another address, but pinned"


def test_tls_with_digest(tmp_path: Path) -> None:
    own = self_signed(tmp_path, "own")
    with server(cert=str(own), password="geheim/1 2") as camera:
        uri = f"{camera.uri}#sha256={pin_of(own)}"
        assert words_of(uri, "operator", "geheim/1 2") == ""
        with pytest.raises(Refused):
            frames_of(uri, 1, "operator", "falsch")


@pytest.mark.parametrize("fragment", ["#upd", "#sha256=" + "a" * 64, "#udp=1", "#udp&x"])
def test_what_is_misspelt_behind_an_address_opens_nothing(fragment: str) -> None:
    with pytest.raises(NotASource, match="is not known"):
        open_rtsp(Address(f"rtsp://127.0.0.1:9/live{fragment}"))


def test_encrypted_addresses_open_nothing_that_is_not_encrypted() -> None:
    with pytest.raises(NotASource):
        open_rtsp(Address("rtsps://127.0.0.1:9/live#udp"))
    with server() as camera:
        assert words_of(camera.uri.replace("rtsp:", "rtsps:"))


@contextmanager
def talker(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A port of 127.0.0.1 where each connection is given to `talk`, until the end is set."""
    end = threading.Event()
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                talk(connection, end)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(connection,)))
            threads[-1].start()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            end.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def _mute(_connection: socket.socket, end: threading.Event) -> None:
    end.wait()


def _drip_tls(connection: socket.socket, end: threading.Event) -> None:
    """The head of a TLS record of 16,000 bytes, then a byte each 0.2 s: no read ever times out."""
    connection.sendall(b"\x16\x03\x03\x3e\x80")
    while not end.wait(0.2):
        connection.sendall(b"x")


def _headers(connection: socket.socket, end: threading.Event) -> None:
    connection.recv(4096)
    connection.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")
    while not end.is_set():
        connection.sendall(b"X-More: and more\r\n" * 1000)


def _to_a_file(connection: socket.socket, end: threading.Event) -> None:
    while not end.is_set():
        if not connection.recv(4096):
            return
        connection.sendall(b"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: file:///etc/passwd\r\n\r\n")


def _many_streams(connection: socket.socket, end: threading.Event) -> None:
    sdp = b"v=0\r\n" + b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:x\r\n" * 3000
    number = 0
    while not end.is_set():
        if not connection.recv(4096):
            return
        number += 1
        head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n"
        if number > 1:
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n"
        connection.sendall(f"{head}\r\n".encode() + sdp * (number > 1))


@pytest.mark.parametrize(
    ("scheme", "talk"),
    [
        ("rtsp", _mute),
        ("rtsps", _mute),
        ("rtsps", _drip_tls),
        ("rtsps", _headers),
        ("rtsp", _headers),
        ("rtsp", _to_a_file),
        ("rtsp", _many_streams),
    ],
)
def test_bad_servers_end_in_words(scheme: str, talk: Callable[[socket.socket, threading.Event], None]) -> None:
    with talker(talk) as port:
        assert words_of(f"{scheme}://127.0.0.1:{port}/live", "operator", "geheim")


def test_a_pin_that_is_still_unknown_is_fetched_against_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.6)
    with talker(_drip_tls) as port:
        assert words_of(f"rtsps://127.0.0.1:{port}/live#sha256={'b' * 64}") == "no answer in time"
