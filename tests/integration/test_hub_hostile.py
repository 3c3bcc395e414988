"""What a broken or hostile station can do to the others: nothing."""

from __future__ import annotations

import contextlib
import json
import logging
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import client_at, hub_here, make_accounts
from helpers.hub_people import sign_in as people_sign_in
from helpers.hub_process import HubProcess, WireClient
from helpers.waiting import wait_for

from backends.domain.action import Action, Verb
from backends.domain.feeds import Mode
from backends.hub import peers
from backends.hub.answers import Answers
from backends.hub.peers import Peers
from backends.protocol.messages import BlobPut, FromConsole


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    stations = ("desk-1", "desk-2", "many")
    with HubProcess(tmp_path_factory.mktemp("hub"), stations=stations, extra_series=900) as made:
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


_TEXTS = ("", "alarms", "x" * 3000, "../../etc/passwd", "đ\u0301\u202e", "0" * 64, "image/jpeg", "reporter", "demo")
_NUMBERS = (0, 1, -1, 2, 1 << 31, (1 << 63) - 1, -(1 << 63))
_MODES = ("demo", "demo", "demo", "exercise")
"""After a foreign one all is refused until the next HELLO: most messages are to get further."""


def any_message(rng: random.Random, token: str) -> list[bytes]:
    """A message of every kind, its fields of the right type with values that nobody sends."""
    kind = rng.choice(FromConsole.__args__)
    message: dict[str, object] = {"msg": kind.__struct_config__.tag}
    for field in msgspec.structs.fields(kind):
        match field.type:
            case _ if field.name == "token":
                message[field.name] = rng.choice((token, token, rng.choice(_TEXTS)))
            case t if t is int:
                message[field.name] = rng.choice(_NUMBERS)
            case t if t is str:
                message[field.name] = rng.choice(_TEXTS)
            case t if t is Mode:
                message[field.name] = rng.choice(_MODES)
            case t if t == dict[str, str]:
                message[field.name] = {key: rng.choice(_TEXTS) for key in ("name", "phone")}
            case t if t is Action:
                message[field.name] = {
                    "aid": rng.choice(_TEXTS), "verb": rng.choice(list(Verb)), "feed": rng.choice(_TEXTS),
                    "target": rng.choice(_TEXTS), "expect_state_rev": rng.choice(_NUMBERS),
                    "made_at_ns": rng.choice(_NUMBERS), "expires_at_ns": rng.choice(_NUMBERS),
                    "args": {k: rng.choice(_TEXTS) for k in ("text", "until_ns", "reason", "toml", "name_vi")},
                }  # fmt: skip
    frames = [b"1", json.dumps(message).encode()]
    return [*frames, rng.randbytes(rng.randrange(300))] if kind is BlobPut else frames


@pytest.mark.parametrize("sign_in", ["seat", "password"])
def test_every_message_with_values_that_nobody_sends_meets_no_fault(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    expect_logs: ExpectLogs,
    sign_in: str,
) -> None:
    """The hub runs here, without a budget: in its own process most of them would cost too much to be looked at."""
    monkeypatch.setattr(peers, "COST_PER_S", 1e9)
    taken: Counter[str] = Counter()
    to = Answers.to

    def counted(self: Answers, station: str, message: Any, data: bytes = b"") -> Any:
        taken[type(message).__name__] += 1
        return to(self, station, message, data)

    monkeypatch.setattr(Answers, "to", counted)
    make_accounts(tmp_path)
    expect_logs("")  # security events of all kinds, and that they are told; what must not be there is looked for below
    rng = random.Random(11)
    with (
        hub_here(tmp_path, sign_in=sign_in) as ready,
        client_at(tmp_path, ready) as client,
        client_at(tmp_path, ready, "desk-2") as other,
    ):
        token = "" if sign_in == "seat" else people_sign_in(client, "lan")["token"]
        for n in range(3000):
            client.ctl.send_multipart(any_message(rng, token))
            if n % 20 == 0:
                while client.ctl.poll(0):
                    client.ctl.recv_multipart()
                assert other.ask("PING", n=n, sent=0)["n"] == n
        other.until_live(b"1/hb/", lambda m: "canary" in m)
    assert [kind.__name__ for kind in FromConsole.__args__ if taken[kind.__name__] < 50] == [], taken
    assert "met a fault" not in caplog.text
    assert [r.getMessage() for r in caplog.records if r.exc_info or r.levelno >= logging.ERROR] == []


def test_a_station_that_reads_nothing_stops_nobody(hub: HubProcess) -> None:
    """It asks for 300 snapshots of half a megabyte and takes none; the other is served meanwhile."""
    with WireClient(hub.ready(), hub.keys("desk-1")) as greedy, WireClient(hub.ready(), hub.keys("desk-2")) as other:
        other.until_live(b"1/hb/")
        for _ in range(300):
            greedy.send("SNAPGET", feed="sensors")
        for n in range(20):
            assert other.ask("PING", n=n, sent=0)["n"] == n
        beats = [other.until_live(b"1/hb/")["n"] for _ in range(6)]
        assert beats == list(range(beats[0], beats[0] + 6))
        assert other.act("still-here", "comment", "fire", args={"text": "x"})[-1]["stage"] in ("applied", "duplicate")


def test_a_message_over_the_limit_costs_its_sender_the_connection_and_nobody_else(hub: HubProcess) -> None:
    with WireClient(hub.ready(), hub.keys("desk-1")) as client, WireClient(hub.ready(), hub.keys("desk-2")) as other:
        assert client.hello()["msg"] == "WELCOME"
        with client.ctl.get_monitor_socket(zmq.EVENT_DISCONNECTED) as monitor:
            client.ctl.send_multipart([b"1", b'"' + b"x" * (1 << 19) + b'"'])
            assert client.ask("PING", n=1, sent=0)["n"] == 1
            assert not monitor.poll(0), "control: what is below the limit is only no message"
            client.ctl.send_multipart([b"1", b'"' + b"x" * (2 << 20) + b'"'])
            assert monitor.poll(20_000), "it is still connected"
            client.ctl.disable_monitor()
        assert other.hello()["msg"] == "WELCOME"
        other.until_live(b"1/hb/")


def flood(client: WireClient, numbers: Iterable[int]) -> set[str]:
    """These actions at once; which of them are answered before the PING behind them."""
    for n in numbers:
        action = {"aid": f"flood-{n}", "verb": "acknowledge", "feed": "alarms", "target": "gone"}
        client.send("ACT", mode="demo", action={**action, "expect_state_rev": 0, "made_at_ns": 1})
    client.send("PING", n=9, sent=0)
    final = set()
    while (answer := client.answer())["msg"] != "PONG":
        if answer["stage"] in ("conflict", "duplicate"):
            final.add(answer["aid"])
    return final


def test_the_queue_of_a_station_that_was_alone_for_an_hour_passes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within its budget. What a slow client did not take is sent again, as every console does."""
    refused: list[float] = []
    affords = Peers.affords

    def watched(self: Peers, station: str, cost: float) -> bool:
        if not (may := affords(self, station, cost)):
            refused.append(cost)
        return may

    monkeypatch.setattr(Peers, "affords", watched)
    with hub_here(tmp_path, sign_in="seat") as ready, client_at(tmp_path, ready) as client:
        waiting = list(range(1000))
        for _ in range(10):
            answered = flood(client, waiting)
            waiting = [n for n in waiting if f"flood-{n}" not in answered]
        assert not waiting
    assert not refused


def test_a_flood_of_actions_is_answered_as_far_as_the_budget_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    """A small budget: a large one is used up by the time that the answers take. What is not answered comes again."""
    expect_logs("desk-1 has spent")
    monkeypatch.setattr(peers, "COST_PER_S", 5.0)
    with hub_here(tmp_path, sign_in="seat") as ready, client_at(tmp_path, ready) as client:
        began_s = time.monotonic()
        final = len(flood(client, range(1000)))
        took_s = time.monotonic() - began_s
    assert 50 <= final <= 10 * (2 * 5.0 + 5.0 * took_s) + 10
    assert final < 1000


def test_nobody_takes_the_routing_id_of_another_station(hub: HubProcess) -> None:
    """Neither while its owner is there, nor soon after: what the hub still owes the owner goes to nobody."""
    with WireClient(hub.ready(), hub.keys("desk-1"), routing_id=b"same") as owner:
        assert owner.hello()["msg"] == "WELCOME"
        with WireClient(hub.ready(), hub.keys("desk-2"), routing_id=b"same") as thief:
            thief.send("HELLO", station="desk-2", mode="demo")
            assert not thief.ctl.poll(1000)
            assert owner.ask("PING", n=7, sent=0)["n"] == 7
    with WireClient(hub.ready(), hub.keys("desk-2"), routing_id=b"same") as heir:
        heir.send("HELLO", station="desk-2", mode="demo")
        wait_for("it is refused", lambda: "desk-2 uses the routing id of desk-1" in hub.log())
        assert not heir.ctl.poll(0)


def test_large_messages_have_their_price_before_anybody_reads_them(tmp_path: Path) -> None:
    """Half a megabyte of brackets a hundred times over: most of it is not even parsed, and nobody waits."""
    with HubProcess(tmp_path, past_s=60) as hub:
        ready = hub.start()
        with WireClient(ready, hub.keys("desk-1")) as client, WireClient(ready, hub.keys("desk-2")) as other:
            for _ in range(100):
                client.ctl.send_multipart([b"1", b"[" * (500 << 10)])
            assert other.ask("PING", n=1, sent=0)["n"] == 1
            assert client.ask("PING", n=2, sent=0)["n"] == 2, "small ones are not affected"
            hub.stop()
        counts = re.search(r"'bad': (\d+).*'over_budget': (\d+)", hub.log())
        assert counts is not None
        assert int(counts[1]) + int(counts[2]) == 100
        assert int(counts[2]) > 50


def test_a_station_has_four_connections_and_those_that_are_gone_make_room(hub: HubProcess) -> None:
    with contextlib.ExitStack() as stack:
        four = [stack.enter_context(WireClient(hub.ready(), hub.keys("many"))) for _ in range(4)]
        for client in four:
            assert client.hello()["msg"] == "WELCOME"
        fifth = stack.enter_context(WireClient(hub.ready(), hub.keys("many")))
        fifth.send("HELLO", station="many", mode="demo")
        assert not fifth.ctl.poll(1000)
        with WireClient(hub.ready(), hub.keys("desk-2")) as other:
            assert other.hello()["msg"] == "WELCOME"
        four[0].close()

        def welcome() -> bool:
            fifth.send("HELLO", station="many", mode="demo")
            return bool(fifth.ctl.poll(200))

        wait_for("there is room again", welcome)
        assert fifth.answer()["msg"] == "WELCOME"
