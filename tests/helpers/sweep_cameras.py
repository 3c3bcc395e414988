"""Cameras for the sweep's tests and bench: one HTTP server, one path a camera, and what each shows can be changed.

`show("/7", "covered")`: street (moving noise, as a sensor's), frozen, black, covered, turned, blurred; mute (accepts
and says nothing), locked (refuses the password), garbage (bytes without end, 1 MB at the most), text. On 127.0.0.1.
"""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
from helpers.street import street_picture

FPS = 10
SIZE = (320, 180)
KINDS = ("street", "frozen", "black", "covered", "turned", "blurred", "mute", "locked", "garbage", "text")
_GARBAGE = np.random.default_rng(7).bytes(1 << 16)


@functools.cache
def jpeg(kind: str, number: int, variant: int) -> bytes:
    """The picture of camera `number`; `variant`: of the noise."""
    noise = np.random.default_rng(variant)
    if kind == "black":
        image = np.full((SIZE[1], SIZE[0], 3), 2, np.uint8)
    elif kind == "covered":
        image = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    else:
        image = street_picture(*SIZE, seed=number + (1000 if kind == "turned" else 0))[:, :, :3]
    if kind == "blurred":
        image = cv2.GaussianBlur(image, (0, 0), 5.0)
    spread = 1 if kind in ("black", "blurred") else 5
    image = np.clip(image + noise.integers(-spread, spread + 1, image.shape), 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kinds: dict[str, str] = {}
        self.opened: dict[str, int] = {}
        self.told: dict[str, int] = {}
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.ending = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Tests keep quiet."""

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.opened[self.path] = server.opened.get(self.path, 0) + 1
            server.told[self.path] = server.told.get(self.path, 0) + ("Authorization" in self.headers)
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            self._answer(server.kinds.get(self.path, "street"))
        except OSError:
            return
        finally:
            with server.lock:
                server.at_once -= 1

    def _answer(self, kind: str) -> None:
        if kind == "mute":
            while self.rfile.read(1):
                continue
            return
        if kind == "locked":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="a camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if kind == "text" else "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        if kind == "text":
            self.wfile.write(b"<html>Log in</html>")
            return
        if kind == "garbage":
            for _ in range(16):
                self.wfile.write(_GARBAGE)
            return
        number = int(self.path.strip("/"))
        variant = self.server.opened[self.path] * 7
        while not self.server.ending.wait(1 / FPS):
            variant += kind != "frozen"
            data = jpeg(kind, number, 1 if kind == "frozen" else variant % 50)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            self.wfile.write(head + data + b"\r\n")


class Cameras:
    """A running server."""

    def __init__(self, server: _Server) -> None:
        self._server = server

    def show(self, number: int, kind: str) -> None:
        """Of the next opening on."""
        assert kind in KINDS
        self._server.kinds[f"/{number}"] = kind

    def uri(self, number: int) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{number}"

    def opened(self, number: int) -> int:
        """How often so far."""
        return self._server.opened.get(f"/{number}", 0)

    def passwords(self, number: int) -> int:
        """How often somebody came with one."""
        return self._server.told.get(f"/{number}", 0)

    @property
    def most_at_once(self) -> int:
        return self._server.most_at_once


@contextmanager
def cameras() -> Iterator[Cameras]:
    """Until the end of the `with`."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sweep cameras")
    thread.start()
    try:
        yield Cameras(server)
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()


def nobody_listens() -> str:
    """An address that refuses the connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/1"
