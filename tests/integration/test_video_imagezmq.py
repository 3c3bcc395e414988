"""JPEG over ZeroMQ from senders that do what imagezmq's ImageSender does, in a process of their own; and worse ones."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq
from helpers.waiting import wait_for

from backends.video.reading import MAX_BYTES
from backends.video.source import Address, NotASource, SourceFault
from backends.video.sources import imagezmq
from backends.video.sources.imagezmq import JpegMessages, place_of

_SENDER = """
import json, sys, time, zmq, cv2, numpy
pattern, address, names = sys.argv[1], sys.argv[2], sys.argv[3:]
context = zmq.Context()
sender = context.socket(zmq.REQ if pattern == "req" else zmq.PUB)
port = 0
if pattern == "req":
    sender.connect(address)
else:
    port = sender.bind_to_random_port(address)
print(port, flush=True)
for number in range(1 << 30):
    image = numpy.full((90, 160, 3), 40, numpy.uint8)
    image[:, number % 140 : number % 140 + 16] = (20, 30, 220)
    jpeg = cv2.imencode(".jpg", image)[1]
    sender.send_json({"msg": names[number % len(names)]}, zmq.SNDMORE)
    sender.send(jpeg)
    if pattern == "req" and sender.recv() != b"OK":
        sys.exit("the reply is not what imagezmq sends")
    time.sleep(0.02)
"""
"""The wire of imagezmq 1.2.0's send_jpg: `send_json(dict(msg=msg), SNDMORE)`, then the JPEG."""


@contextmanager
def sender(pattern: str, address: str, *names: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    words = [sys.executable, "-c", _SENDER, pattern, address, *names]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that a test can sit out; what is waited for never comes."""
    monkeypatch.setattr(imagezmq, "OPEN_S", 0.5)
    monkeypatch.setattr(imagezmq, "READ_S", 0.5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def sizes(source: JpegMessages, number: int) -> set[tuple[int, int]]:
    try:
        shots = (shot for packet in source.arrivals() for shot in source.decode(packet))
        return {(shot.width, shot.height) for shot in itertools.islice(shots, number)}
    finally:
        source.close()


def test_pub_sub_gives_pictures() -> None:
    with sender("pub", "tcp://127.0.0.1", "cam-7") as (port, _):
        source = JpegMessages(Address(f"imagezmq://127.0.0.1:{port}"))
        assert sizes(source, 10) == {(160, 90)}
        assert source.bad == 0


def test_req_rep_answers_each_picture() -> None:
    port = free_port()
    with sender("req", f"tcp://127.0.0.1:{port}", "cam-7") as (_, process):
        assert sizes(JpegMessages(Address(f"imagezmq-rep://127.0.0.1:{port}/cam-7")), 10) == {(160, 90)}
        assert process.poll() is None, "each answer was the expected one"


def test_the_name_chooses_among_senders(short: None) -> None:
    with sender("pub", "tcp://127.0.0.1", "cam-7", "cam-8") as (port, _):
        assert sizes(JpegMessages(Address(f"imagezmq://127.0.0.1:{port}/cam-8")), 5) == {(160, 90)}
        with pytest.raises(SourceFault, match="no answer in time"):
            JpegMessages(Address(f"imagezmq://127.0.0.1:{port}/cam-9"))


def test_a_sender_that_dies_is_lost_in_words(short: None) -> None:
    with sender("pub", "tcp://127.0.0.1", "cam-7") as (port, process):
        source = JpegMessages(Address(f"imagezmq://127.0.0.1:{port}"))
        arrivals = source.arrivals()
        next(arrivals)
        process.kill()
        try:
            with pytest.raises(SourceFault, match="no answer in time"):
                list(arrivals)
        finally:
            source.close()


@contextmanager
def publisher() -> Iterator[tuple[int, zmq.Socket[bytes]]]:
    context = zmq.Context()
    out = context.socket(zmq.PUB)
    out.setsockopt(zmq.LINGER, 0)
    port = out.bind_to_random_port("tcp://127.0.0.1")
    try:
        yield port, out
    finally:
        out.close()
        context.term()


GOOD = {"msg": "cam"}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([json.dumps(GOOD).encode(), b"no picture"], "what the camera sends is no JPEG picture"),
        ([b"\xff\x00", b"x"], "what the camera sends is not imagezmq's pair of JSON and JPEG"),
        ([json.dumps(GOOD).encode()], "what the camera sends is not imagezmq's pair of JSON and JPEG"),
        ([json.dumps(GOOD).encode(), b"x", b"y"], "what the camera sends is not imagezmq's pair of JSON and JPEG"),
        (
            [json.dumps({**GOOD, "dtype": "uint8", "shape": [1, 1, 3]}).encode(), b"abc"],
            "the camera sends raw pixels; it must send JPEG (send_jpg)",
        ),
        ([json.dumps(GOOD).encode(), b"\xff\xd8" + bytes(MAX_BYTES)], "no answer in time"),
    ],
)
def test_bad_messages_end_in_words(parts: list[bytes], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The one that is too large never arrives; all others end by their number.
    seconds = 1.0 if words == "no answer in time" else 60.0
    monkeypatch.setattr(imagezmq, "OPEN_S", seconds)
    monkeypatch.setattr(imagezmq, "READ_S", seconds)
    said: list[str] = []

    def watch(port: int) -> None:
        try:
            sizes(JpegMessages(Address(f"imagezmq://127.0.0.1:{port}")), 1)
        except SourceFault as fault:
            said.append(str(fault))

    with publisher() as (port, out):
        watching = threading.Thread(target=watch, args=(port,))
        watching.start()

        def sent() -> bool:
            out.send_multipart(parts)
            return not watching.is_alive()

        wait_for("the source gives up", sent)
        watching.join()
    assert said == [words]


def test_a_bad_picture_is_answered_too(short: None) -> None:
    """A sender without an answer would wait for ever."""
    port = free_port()
    context = zmq.Context()
    out = context.socket(zmq.REQ)
    out.setsockopt(zmq.LINGER, 0)
    out.connect(f"tcp://127.0.0.1:{port}")
    out.send_multipart([b"no JSON"])
    with pytest.raises(SourceFault, match="no answer in time"):
        JpegMessages(Address(f"imagezmq-rep://127.0.0.1:{port}"))
    try:
        assert out.poll(5000)
        assert out.recv() == b"OK"
    finally:
        out.close()
        context.term()


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SourceFault, match="another program already listens"):
            JpegMessages(Address(f"imagezmq-rep://127.0.0.1:{taken.getsockname()[1]}"))


def test_it_ends_when_nobody_wants_it() -> None:
    with sender("pub", "tcp://127.0.0.1", "cam-7") as (port, _):
        address = Address(f"imagezmq://127.0.0.1:{port}")
        source = JpegMessages(address)
        arrivals = source.arrivals()
        next(arrivals)
        address.stop.set()
        assert list(arrivals) == []
        source.close()


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("imagezmq://192.0.2.7:5555", ("tcp://192.0.2.7:5555", "")),
        ("imagezmq-rep://[::1]:5555/cam%207", ("tcp://[::1]:5555", "cam 7")),
    ],
)
def test_addresses(uri: str, place: tuple[str, str]) -> None:
    assert place_of(uri) == place


@pytest.mark.parametrize(
    "uri", ["imagezmq:", "imagezmq://host", "imagezmq://*:5555", "imagezmq://h:99999", "imagezmq://h:5;ipc:x", "imagezmq-rep:///5555"]
)  # fmt: skip
def test_addresses_that_are_none(uri: str) -> None:
    with pytest.raises(NotASource):
        place_of(uri)


def test_no_message_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(SourceFault) as caught:
        JpegMessages(Address("imagezmq-rep://192.0.2.77:5555", "operator", "geheim"))
    assert "192" not in str(caught.value)
    assert "geheim" not in str(caught.value)
