"""A recorder for tests: a real RTSP server on 127.0.0.1 that plays what it has kept, as Hikvision, Dahua and ONVIF ask.

Each picture shows its number in bars of black and white, so that a test can read which moment it sees. FFmpeg cuts the
packets (its RTP muxer); the talk is our own, apart from the program's.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np

FPS = 10
KEY_EVERY = 10
BARS = 8
USER, PASSWORD, REALM = "operator", "ge heim", "recorder"
NS = 1_000_000_000
ADDRESSES = ("/Streaming/tracks/101", "/cam/playback", "/onvif/replay")
_TIME = re.compile(r"(\d{4})[-_]?(\d\d)[-_]?(\d\d)[T_](\d\d)[:_]?(\d\d)[:_]?(\d\d)(?:\.(\d{3}))?")
NAMES = {"libx264": "H264", "libx265": "H265"}


def numbered(number: int) -> np.ndarray:
    image = np.zeros((96, 128, 3), np.uint8)
    for bar in range(BARS):
        image[:, bar * 16 : bar * 16 + 16] = 235 if number >> bar & 1 else 16
    return image


def number_of(frame: av.VideoFrame) -> int:
    """Which picture this is."""
    luma = frame.to_ndarray(format="gray")
    return sum(1 << bar for bar in range(BARS) if luma[40:60, bar * 16 + 4 : bar * 16 + 12].mean() > 128)


class _Sink:
    """Takes RTP packets from FFmpeg's muxer."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def write(self, data: Any) -> int:
        self.packets.append(bytes(data))
        return len(data)


def recorded(count: int, codec: str = "libx264") -> list[list[bytes]]:
    """The RTP packets of each picture, 0 to `count` - 1; a key frame each second."""
    sink = _Sink()
    pictures: list[list[bytes]] = []
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = 128, 96, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    keys = f"keyint={KEY_EVERY}:min-keyint={KEY_EVERY}:scenecut=0:bframes=0"
    params = "x265-params" if codec == "libx265" else "x264-params"
    extra = ":repeat-headers=1:log-level=none" if codec == "libx265" else ":repeat-headers=1"
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", params: keys + extra}
    options = {"packetsize": "1000", "payload_type": "96"}
    with av.open(sink, "w", format="rtp", options=options) as out:
        stream: Any = out.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            for packet in encoder.encode(frame):
                packet.stream = stream
                before = len(sink.packets)
                out.mux(packet)
                pictures.append([p for p in sink.packets[before:] if not 192 <= p[1] <= 223])
    return pictures


class Recorder:
    """A running recorder. What it kept: `count` pictures from `t0_s` on. Settings may be changed while it runs."""

    def __init__(
        self, t0_s: float, count: int = 60, *, codec: str = "libx264", password: str = "", cert: Path | None = None
    ) -> None:
        self.t0_s = t0_s
        self.pictures = recorded(count, codec)
        self.codec = codec
        self.password = password
        self.zone_s = 0
        """By so much the times in addresses are ahead of UTC."""
        self.ahead_s = 0.0
        self.knows_onvif = True
        self.says_times = True
        self.keeps_to_end = True
        """Stops at the end of the wanted span."""
        self.cut_after = 0
        """Breaks the connection after so many pictures; 0: never."""
        self.stays = True
        """At the end of what there is: stays connected and mute (False: ends the connection)."""
        self.control = "track1"
        self.manners = ""
        self.asked: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._context: ssl.SSLContext | None = None
        if cert:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(cert)
        self._threads = [threading.Thread(target=self._accept, name="recorder")]
        self._threads[0].start()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._gone.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            plain, _ = self._listener.accept()
            if self._gone.is_set():
                plain.close()
                return
            thread = threading.Thread(target=self._serve, args=(plain,), name="recorder session")
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        sock = plain
        try:
            if self._context:
                plain.settimeout(5)
                sock = self._context.wrap_socket(plain, server_side=True)
            _Session(self, sock, self._gone).run()
        except (OSError, EOFError):
            return
        finally:
            sock.close()

    def pictures_from(self, t0_s: float, t1_s: float | None) -> Iterator[tuple[int, list[bytes]]]:
        """From the key frame before `t0_s` on."""
        first = max(0, int((t0_s - self.t0_s) * FPS) // KEY_EVERY * KEY_EVERY)
        for number in range(first, len(self.pictures)):
            if t1_s is not None and self.keeps_to_end and number / FPS >= t1_s - self.t0_s:
                return
            yield number, self.pictures[number]


class _Session:
    def __init__(self, recorder: Recorder, sock: socket.socket, gone: threading.Event) -> None:
        self._of, self._sock, self._gone = recorder, sock, gone
        self._buffer = b""

    def run(self) -> None:
        while True:
            self._sock.settimeout(0.05)
            try:
                method, url, headers = self._request()
            except TimeoutError:
                if self._gone.is_set():
                    return
                continue
            if self._of.manners and self._manners(method):
                return
            if not self._may(method, headers):
                self._say(headers, 401, {"WWW-Authenticate": f'Digest realm="{REALM}", nonce="5ca1ab1e"'})
            elif method == "TEARDOWN":
                self._say(headers, 200)
                return
            elif not self._do(method, url, headers):
                return

    def _request(self) -> tuple[str, str, dict[str, str]]:
        while b"\r\n\r\n" not in self._buffer:
            came = self._sock.recv(65536)
            if not came:
                raise EOFError
            self._buffer += came
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, url, _ = first.split(" ")
        self._of.asked.append(f"{method} {url}")
        self._of.requests.append((method, url, headers))
        return method, url, headers

    def _may(self, method: str, headers: dict[str, str]) -> bool:
        if not self._of.password or method == "OPTIONS":
            return True
        said = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("authorization", "")))
        secret = _md5(f"{USER}:{REALM}:{self._of.password}")
        what = _md5(f"{method}:{said.get('uri', '')}")
        return said.get("response") == _md5(f"{secret}:5ca1ab1e:{what}")

    def _say(self, asked: dict[str, str], status: int, headers: dict[str, str] | None = None, body: str = "") -> None:
        said = {"CSeq": asked.get("cseq", "0")} | (headers or {}) | ({"Content-Length": str(len(body))} if body else {})
        head = f"RTSP/1.0 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in said.items())
        self._sock.settimeout(5)
        self._sock.sendall(f"{head}\r\n{body}".encode())

    def _do(self, method: str, url: str, headers: dict[str, str]) -> bool:
        path = urlsplit(url).path
        onvif = path.startswith("/onvif/")
        if not path.startswith(ADDRESSES):
            self._say(headers, 404)
        elif onvif and method in ("DESCRIBE", "SETUP", "PLAY") and headers.get("require") != "onvif-replay":
            self._say(headers, 400)
        elif onvif and not self._of.knows_onvif and "require" in headers:
            self._say(headers, 551, {"Unsupported": "onvif-replay"})
        elif method == "OPTIONS":
            self._say(headers, 200, {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"})
        elif method == "DESCRIBE":
            self._say(headers, 200, {"Content-Type": "application/sdp", "Content-Base": f"{url}/"}, self._description())
        elif method == "SETUP":
            assert "interleaved=0-1" in headers["transport"]
            transport = "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000001"
            self._say(headers, 200, {"Session": "5e551017;timeout=1", "Transport": transport})
        elif method == "PLAY":
            self._say(headers, 200, {"Session": "5e551017", "RTP-Info": f"url={url}"})
            return self._play(url, headers)
        else:
            self._say(headers, 200)
        return True

    def _description(self) -> str:
        name = NAMES[self._of.codec]
        more = "a=fmtp:96 packetization-mode=1\r\n" if name == "H264" else ""
        return (
            "v=0\r\no=- 1 1 IN IP4 192.0.2.66\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=control:a\r\n"
            f"m=video 0 RTP/AVP 96\r\nc=IN IP4 192.0.2.66\r\na=rtpmap:96 {name}/90000\r\n{more}"
            f"a=control:{self._of.control}\r\n"
        )

    def _span(self, url: str, headers: dict[str, str]) -> tuple[float, float | None]:
        said = headers.get("range", "") if "/onvif/" in url else urlsplit(url).query
        times = []
        for *whole, thousandths in _TIME.findall(said):
            year, month, day, hour, minute, second = map(int, whole)
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            times.append(moment.timestamp() + int(thousandths or 0) / 1000)
        ahead_s = self._of.ahead_s if "/onvif/" in url else self._of.zone_s
        times = [t - ahead_s for t in times]
        return times[0], times[1] if len(times) > 1 else None

    def _play(self, url: str, headers: dict[str, str]) -> bool:
        self._sock.settimeout(5)
        for sent, (number, packets) in enumerate(self._of.pictures_from(*self._span(url, headers)), 1):
            for packet in packets:
                self._put(packet if "/onvif/" not in url or not self._of.says_times else self._stamped(packet, number))
            # a report (RTCP) between them, in the channel beside
            self._sock.sendall(b"$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x01")
            if sent == self._of.cut_after:
                return False
            if self._gone.wait(0.2 / FPS):  # five times as fast as it was, so that tests are short
                return False
        return self._of.stays

    def _put(self, packet: bytes) -> None:
        self._sock.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)

    def _stamped(self, packet: bytes, number: int) -> bytes:
        """With ONVIF's header extension: when it was recorded."""
        t_s = self._of.t0_s + self._of.ahead_s + number / FPS
        stamp = struct.pack(">HHII", 0xABAC, 3, int(t_s) + 2_208_988_800, int(t_s % 1 * (1 << 32)))
        return bytes((packet[0] | 0x10,)) + packet[1:12] + stamp + bytes(4) + packet[12:]

    def _manners(self, method: str) -> bool:
        """Bad ones. True: that was all."""
        if self._of.manners == "mute":
            self._sock.settimeout(10)
            while self._sock.recv(65536):
                continue
        elif self._of.manners == "garbage":
            self._sock.sendall(bytes(range(256)) * 100)
        elif self._of.manners == "headers":
            with contextlib.suppress(OSError):
                while not self._gone.is_set():
                    self._sock.sendall(b"RTSP/1.0 200 OK\r\n" + b"x" * 60_000)
        elif self._of.manners == "huge":
            self._sock.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n")
        else:
            return False
        return True


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
