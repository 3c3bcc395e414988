"""HTTP cameras for tests, good and bad ones, as a process of its own on 127.0.0.1: one path for each (`PATHS`).

The parent encodes what they send (`content`), the process needs the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FPS = 12
USER, PASSWORD = "operator", 'ge"heim/1 2'
REALM, NONCE = "a camera", "5ca1ab1e"


def content(folder: Path, *, hevc: bool = False) -> Path:
    """Encodes pictures, a transport stream and HLS segments of one second into `folder`, 320x180."""
    import cv2
    import numpy as np
    from helpers.clips import write_clip

    for number in range(FPS):
        image = np.full((180, 320, 3), 40, np.uint8)
        image[:, number * 20 : number * 20 + 16] = (20, 30, 220)  # BGR: red, so that swapped colours show
        cv2.imwrite(str(folder / f"{number:02}.jpg"), image)
    import av

    clip = write_clip(folder / "clip.mp4", seconds=6.0, codec="libx265" if hevc else "libx264")
    for name, form, options in (
        ("live.ts", "mpegts", {}),
        ("vod.m3u8", "hls", {"hls_time": "1", "hls_list_size": "0"}),
    ):
        with av.open(str(clip)) as source, av.open(str(folder / name), "w", format=form, options=options) as out:
            stream = out.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
    return folder


class HttpCamera:
    """A running process. `address("/mjpeg")` is a camera."""

    def __init__(self, folder: Path, cert: Path | None = None) -> None:
        settings = {"folder": str(folder), "cert": str(cert or "")}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": os.defpath}
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(settings).encode() + b"\n")
        self._process.stdin.flush()
        self.port = int(self._process.stdout.readline())
        self._scheme = "https" if cert else "http"

    def address(self, path: str) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}{path}"

    def asked(self) -> list[str]:
        """Paths that have been asked for, so far, with "+" where a password came along."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        answer: list[str] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, cert: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pictures = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
        self.folder = folder
        self.segments = sorted(folder.glob("vod*.ts"), key=lambda path: int(path.stem[3:]))
        self.began = time.monotonic()
        self.asked: list[str] = []
        self.context: ssl.SSLContext | None = None
        if cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(cert)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def setup(self) -> None:
        if self.server.context:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def do_GET(self) -> None:
        self.server.asked.append(self.path + ("+" if "Authorization" in self.headers else ""))
        name = self.path.partition("?")[0][1:].replace("-", "_").partition(".")[0]
        try:
            getattr(self, f"send_{name}", self.send_missing)()
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        """Tests keep quiet."""

    def head(self, content_type: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def multipart(self) -> None:
        self.head("multipart/x-mixed-replace; boundary=frame")

    def part(self, data: bytes, length: int | None = None) -> None:
        length = len(data) if length is None else length
        self.wfile.write(f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n".encode())
        self.wfile.write(data + b"\r\n")

    def until_gone(self) -> None:
        while self.rfile.read(1):
            continue

    def send_missing(self) -> None:
        self.head("text/plain", 404)

    def send_mjpeg(self) -> None:
        self.multipart()
        for number in range(1 << 30):
            self.part(self.server.pictures[number % FPS])
            time.sleep(1 / FPS)

    def send_nolength(self) -> None:
        self.head('multipart/x-mixed-replace;boundary="--my frame"')
        for number in range(1 << 30):
            self.wfile.write(b"--my frame\nContent-type: image/jpeg\n\n" + self.server.pictures[number % FPS] + b"\n")
            time.sleep(1 / FPS)

    def send_untyped(self) -> None:
        self.head("")
        self.part(self.server.pictures[0])
        self.send_more()

    def send_more(self) -> None:
        for number in range(1, 1 << 30):
            self.part(self.server.pictures[number % FPS])
            time.sleep(1 / FPS)

    def send_ts(self) -> None:
        self.head("video/mp2t")
        data = (self.server.folder / "live.ts").read_bytes()
        piece = max(188, len(data) // 150 // 188 * 188)
        while True:
            for at in range(0, len(data), piece):
                self.wfile.write(data[at : at + piece])
                time.sleep(0.04)

    def send_live(self) -> None:
        """Three segments; a second later the next three. The clip begins again after its end."""
        known = len(self.server.segments)
        first = int(time.monotonic() - self.server.began) + known
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for number in range(first, first + 3):
            lines += ["#EXT-X-DISCONTINUITY"] * (number % known == 0)
            lines += ["#EXTINF:1.0,", f"seg.ts?{number % known}"]
        self.head("application/vnd.apple.mpegurl")
        self.wfile.write("\n".join([*lines, ""]).encode())

    def send_seg(self) -> None:
        self.head("video/mp2t")
        self.wfile.write(self.server.segments[int(self.path.partition("?")[2])].read_bytes())

    def send_list_of_files(self) -> None:
        self.head("application/vnd.apple.mpegurl")
        inside = self.server.folder / self.server.segments[0].name
        self.wfile.write(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nfile://{inside}\n".encode())

    def send_still(self) -> None:
        self.head("image/jpeg")
        self.wfile.write(self.server.pictures[0])

    def send_text(self) -> None:
        self.head("text/html")
        self.wfile.write(b"<html>Log in</html>")

    def send_digest(self) -> None:
        if self.digest_is_right():
            self.send_mjpeg()
        else:
            challenge = f'Digest realm="{REALM}", nonce="{NONCE}", qop="auth,auth-int", algorithm=MD5, opaque="x"'
            self.head("text/plain", 401, WWW_Authenticate=challenge)

    def digest_is_right(self) -> bool:
        """Reckoned apart from the program's own code."""
        said = self.headers.get("Authorization", "")
        pairs = (field.partition("=") for field in said[7:].split(", "))
        fields = {key.strip(): value.strip('"') for key, _, value in pairs}
        secret = _md5(f"{USER}:{REALM}:{PASSWORD}")
        middle = f"{NONCE}:{fields.get('nc')}:{fields.get('cnonce')}:auth"
        return fields.get("response") == _md5(f"{secret}:{middle}:{_md5(f'GET:{self.path}')}")

    def send_to_digest(self) -> None:
        self.head("", 302, Location="/digest")

    def send_to_other_host(self) -> None:
        self.head("", 302, Location=f"http://localhost:{self.server.server_port}/digest")

    def send_to_file(self) -> None:
        self.head("", 302, Location=f"file://{self.server.folder}/live.ts")

    def send_to_itself(self) -> None:
        self.head("", 302, Location="/to-itself")

    def send_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.wfile.write(b"Set-Cookie: " + os.urandom(20).hex().encode() + b"\r\n")

    def send_long_header(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            self.wfile.write(b"x" * 65536)

    def send_drip(self) -> None:
        while True:
            self.wfile.write(b"H")
            time.sleep(0.1)

    def send_slow_body(self) -> None:
        """A byte each 0.1 s: a picture would take minutes."""
        self.multipart()
        self.part(self.server.pictures[0])
        for byte in b"--frame\r\n\r\n" + self.server.pictures[1]:
            self.wfile.write(bytes((byte,)))
            time.sleep(0.1)

    def send_mute(self) -> None:
        self.until_gone()

    def send_cut(self) -> None:
        """Stops in the middle of the second picture and stays connected."""
        self.multipart()
        self.part(self.server.pictures[0])
        self.wfile.write(b"--frame\r\nContent-Length: 5000\r\n\r\n" + self.server.pictures[1][:900])
        self.until_gone()

    def send_ends(self) -> None:
        """Closes in the middle of the second picture."""
        self.multipart()
        self.part(self.server.pictures[0])
        self.wfile.write(b"--frame\r\nContent-Length: 5000\r\n\r\n" + self.server.pictures[1][:900])

    def send_huge_part(self) -> None:
        self.multipart()
        self.part(self.server.pictures[0], 2_000_000_000)
        while True:
            self.wfile.write(bytes(1 << 16))

    def send_flood(self) -> None:
        """A part without a length or an end."""
        self.multipart()
        self.wfile.write(b"--frame\r\n\r\n")
        while True:
            self.wfile.write(bytes(1 << 16))

    def send_huge_picture(self) -> None:
        """The head of each JPEG claims 65500 x 65500."""
        self.multipart()
        picture = bytearray(self.server.pictures[0])
        at = picture.index(b"\xff\xc0") + 5
        picture[at : at + 4] = b"\xff\xdc\xff\xdc"
        for _ in range(1 << 30):
            self.part(bytes(picture))
            time.sleep(0.01)

    def send_words(self) -> None:
        """Parts that are no pictures."""
        self.multipart()
        for _ in range(1 << 30):
            self.part(b"no picture today")
            time.sleep(0.01)


PATHS = sorted(name[5:].replace("_", "-") for name in dir(_Handler) if name.startswith("send_"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _serve() -> None:
    settings = json.loads(sys.stdin.readline())
    server = _Server(Path(settings["folder"]), settings["cert"])
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(server.server_port, flush=True)
    while sys.stdin.readline():
        print(json.dumps(server.asked), flush=True)
    os._exit(0)


if __name__ == "__main__":
    _serve()
