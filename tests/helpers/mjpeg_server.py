"""An HTTP camera for tests: multipart/x-mixed-replace JPEG, moving, on 127.0.0.1; and one that stays mute."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

FPS = 12


def _jpeg(number: int) -> bytes:
    image = np.full((180, 320, 3), 40, np.uint8)
    x = number * 8 % 300
    image[:, x : x + 16] = (20, 30, 220)  # BGR: a red bar, so that swapped colours show
    return cv2.imencode(".jpg", image)[1].tobytes()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        while not self.server.ending.wait(1 / FPS):
            data = _jpeg(number)
            number += 1
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            try:
                self.wfile.write(head + data + b"\r\n")
            except OSError:
                return

    def log_message(self, format: str, *args: object) -> None:
        """Tests keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.ending = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


@contextmanager
def mjpeg_camera() -> Iterator[str]:
    """Gives the address of a camera."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/video.mjpg"
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def mute_camera() -> Iterator[str]:
    """Gives host:port of something that accepts and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
