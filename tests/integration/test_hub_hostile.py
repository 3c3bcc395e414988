"""What a broken or hostile station can do to the others: nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from helpers.hub_process import HubProcess, WireClient


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), extra_series=900) as made:
        made.start()
        yield made


def garbage(n: int, seed: int = 7) -> Iterator[list[bytes]]:
    """Frames that follow the protocol up to some point."""
    rng = random.Random(seed)
    hello = json.dumps({"msg": "HELLO", "station": "desk-1", "mode": "demo"}).encode()
    act = {"msg": "ACT", "mode": "demo", "action": {"aid": "x", "verb": "acknowledge"}}
    shapes = [
        lambda: [b"1", rng.randbytes(rng.randrange(200))],
        lambda: [b"1", hello[: rng.randrange(len(hello))]],
        lambda: [b"1", b"[" * 5000],
        lambda: [b"1", b'{"msg":"HELLO","msg":"PING"}'],
        lambda: [b"1", json.dumps(act).encode()],
        lambda: [b"1", b'{"msg":"FETCH","feed":"alarms","epoch":"e","after":99999999999999999999}'],
        lambda: [b"1", b'{"msg":"HISTORY","request":1,"series":"\\u0000","t0":1,"t1":2}'],
        lambda: [b"1", b"{}", b"x", b"y"],
        lambda: [b"1"],
        lambda: [b""],
        lambda: [b"1", b""],
        lambda: [rng.randbytes(1 + rng.randrange(20))],
    ]
    for k in range(n):
        yield shapes[k % len(shapes)]()


def test_five_hundred_garbage_frames_then_a_valid_request_is_answered(hub: HubProcess) -> None:
    with WireClient(hub.ready(), hub.keys("desk-1")) as client, WireClient(hub.ready(), hub.keys("desk-2")) as other:
        for frames in garbage(500):
            client.ctl.send_multipart(frames)
        client.send("PING", n=500, sent=0)
        answers = [client.answer()]
        while answers[-1]["msg"] != "PONG":
            answers.append(client.answer())
        assert {a["msg"] for a in answers} <= {"DENIED", "PONG"}
        assert other.hello()["msg"] == "WELCOME"
        other.until_live(b"1/hb/")


def test_a_station_that_reads_nothing_stops_nobody(hub: HubProcess) -> None:
    """It asks for 300 snapshots of half a megabyte and takes none; the other is served meanwhile."""
    with WireClient(hub.ready(), hub.keys("desk-1")) as greedy, WireClient(hub.ready(), hub.keys("desk-2")) as other:
        first = other.until_live(b"1/hb/")["n"]
        for _ in range(300):
            greedy.send("SNAPGET", feed="sensors")
        for n in range(20):
            assert other.ask("PING", n=n, sent=0)["n"] == n
        beats = [other.until_live(b"1/hb/")["n"] for _ in range(6)]
        assert beats == list(range(beats[0], beats[0] + 6))
        assert beats[0] > first - 1
        assert other.act("still-here", "comment", "fire", args={"text": "x"})[-1]["stage"] in ("applied", "duplicate")


def test_a_message_over_the_limit_costs_its_sender_the_connection_and_nobody_else(hub: HubProcess) -> None:
    with WireClient(hub.ready(), hub.keys("desk-1")) as client, WireClient(hub.ready(), hub.keys("desk-2")) as other:
        assert client.hello()["msg"] == "WELCOME"
        client.ctl.send_multipart([b"1", b'"' + b"x" * (2 << 20) + b'"'])
        assert other.hello()["msg"] == "WELCOME"
        other.until_live(b"1/hb/")
