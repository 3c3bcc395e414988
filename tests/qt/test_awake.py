"""Keeping the display awake: asked on the bus, given back at the end, and never at the cost of the start."""

from __future__ import annotations

import logging
import socket
import threading
import time
from pathlib import Path

import pytest
from helpers.waiting import wait_for
from jeepney import Message, MessageType, Parser, new_error, new_method_return
from PySide6.QtWidgets import QApplication

from widgets.awake import KeepAwake


class TinyBus:
    """As much of a session bus as a screen saver's client meets. `hangs`: accepts, and never says a word."""

    def __init__(self, path: Path, *, hangs: bool = False, refuses: bool = False) -> None:
        self.address = f"unix:path={path}"
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.gone = threading.Event()
        self._hangs, self._refuses = hangs, refuses
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(1)
        self._peer: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="tiny-bus", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._peer, _ = self._server.accept()
        except OSError:
            return
        if self._hangs:
            self.gone.wait(30)
            return
        line = b""
        while not line.endswith(b"BEGIN\r\n"):
            got = self._peer.recv(1)
            line = (line + got) if got else b"BEGIN\r\n"
            if line.startswith(b"\0"):
                line = line[1:]
            if line.endswith(b"\r\n") and line.startswith(b"AUTH"):
                self._peer.sendall(b"OK 1234deadbeef\r\n")
                line = b""
        parser = Parser()
        while data := self._receive():
            for message in parser.feed(data):
                self._answer(message)
        self.gone.set()

    def _receive(self) -> bytes:
        assert self._peer is not None
        try:
            return self._peer.recv(4096)
        except OSError:
            return b""

    def _answer(self, message: Message) -> None:
        assert self._peer is not None
        member = str(message.header.fields.get(3, ""))
        self.calls.append((member, tuple(message.body)))
        if message.header.message_type is not MessageType.method_call or member == "UnInhibit":
            return
        if member == "Hello":
            reply = new_method_return(message, "s", (":1.7",))
        elif self._refuses:
            reply = new_error(message, "org.freedesktop.DBus.Error.ServiceUnknown", "s", ("nobody",))
        else:
            reply = new_method_return(message, "u", (42,))
        self._peer.sendall(reply.serialise(serial=len(self.calls)))

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def close(self) -> None:
        self.gone.set()
        if self._peer is not None:
            self._peer.close()
        self._server.close()
        self._thread.join(5)


@pytest.fixture
def bus_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bus"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={path}")
    return path


def test_inhibited_while_on_duty_and_given_back(
    qapp: QApplication, bus_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bus, awake = TinyBus(bus_path), KeepAwake("wayland")
    with caplog.at_level(logging.INFO, "widgets.awake"):
        awake.start()
        wait_for("the wish", lambda: "Inhibit" in bus.names())
        wait_for("its state", lambda: awake.state == "held awake by the session bus")
    assert [r.levelname for r in caplog.records] == ["INFO"]
    assert "UnInhibit" not in bus.names()
    awake.stop()
    wait_for("the wish given back", lambda: ("UnInhibit", (42,)) in bus.calls)
    assert bus.gone.wait(5)
    awake.stop()
    bus.close()


def test_a_hung_bus_does_not_hold_the_start(qapp: QApplication, bus_path: Path) -> None:
    bus, awake = TinyBus(bus_path, hangs=True), KeepAwake("wayland")
    begun_s = time.monotonic()
    awake.start()
    assert time.monotonic() - begun_s < 1.0
    # The interpreter goes on all the while: QtDBus would hold it here until the bus answers.
    counted = 0
    while time.monotonic() - begun_s < 0.5:
        counted += 1
    assert counted > 1000
    bus.close()
    wait_for("an answer all the same", lambda: awake.state.startswith("cannot be held awake"))
    awake.stop()


def test_a_desktop_without_such_a_service(qapp: QApplication, bus_path: Path) -> None:
    bus, awake = TinyBus(bus_path, refuses=True), KeepAwake("wayland")
    awake.start()
    wait_for("its state", lambda: awake.state.startswith("cannot be held awake"))
    awake.stop()
    bus.close()


def test_no_bus_at_all(qapp: QApplication, bus_path: Path) -> None:
    awake = KeepAwake("wayland")
    awake.start()
    wait_for("its state", lambda: awake.state.startswith("cannot be held awake"))
    awake.stop()


def test_a_platform_without_a_display_asks_nobody(qapp: QApplication, bus_path: Path) -> None:
    awake = KeepAwake()
    awake.start()
    assert "offscreen" in awake.state
    awake.stop()
