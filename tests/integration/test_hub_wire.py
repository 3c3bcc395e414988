"""A real hub process against a bare client: join, snapshot, live, fetch, actions, history. Keys: test_hub_gate.py."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.hub_process import HubProcess, WireClient

from backends.domain.feeds import FEEDS


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), extra_series=900, wordy=600) as made:
        made.start()
        yield made


@pytest.fixture
def client(hub: HubProcess) -> Iterator[WireClient]:
    with WireClient(hub.ready(), hub.keys("desk-1")) as made:
        yield made


@pytest.fixture
def colleague(hub: HubProcess) -> Iterator[WireClient]:
    with WireClient(hub.ready(), hub.keys("desk-2")) as made:
        yield made


def test_join_tells_who_what_time_and_where_the_feeds_end(client: WireClient, hub: HubProcess) -> None:
    welcome = client.hello()
    assert welcome["msg"] == "WELCOME"
    assert (welcome["station"], welcome["operator_id"], welcome["mode"]) == ("desk-1", "op-ha", "demo")
    assert welcome["instance"] == hub.ready().instance
    assert set(welcome["feeds"]) == set(FEEDS)
    assert abs(welcome["now"] - time.time_ns()) < 60e9


def test_the_station_is_the_keys_not_the_messages(client: WireClient) -> None:
    welcome = client.ask("HELLO", station="desk-2", mode="demo")
    assert (welcome["station"], welcome["operator_id"]) == ("desk-1", "op-ha")


def test_a_large_feed_comes_in_parts_with_newest_values(client: WireClient) -> None:
    items, parts = client.snapshot("sensors")
    assert len(items) == 903
    head = client.hello()["feeds"]["sensors"]
    assert all((p["as_of"], p["epoch"]) == (head["head"], head["epoch"]) for p in parts)
    assert [p["part"] for p in parts] == list(range(1, parts[0]["parts"] + 1))
    assert len(parts) > 1
    assert all("last" in item["body"] for item in items)


def small(client: WireClient) -> dict[str, Any]:
    """The next answer, which is no larger than it may be."""
    assert client.ctl.poll(20_000), "no answer on CTL"
    _, raw = client.ctl.recv_multipart()
    assert len(raw) < 512 << 10
    answer: dict[str, Any] = json.loads(raw)
    return answer


def test_parts_of_a_snapshot_and_batches_stay_below_half_a_mebibyte(client: WireClient) -> None:
    client.send("SNAPGET", feed="sensors")
    parts = [small(client)]
    while len(parts) < parts[0]["parts"]:
        parts.append(small(client))
    head, after, batches = client.hello()["feeds"]["sensors"], 0, 0
    while after < head["head"]:
        client.send("FETCH", feed="sensors", epoch=head["epoch"], after=after)
        after, batches = small(client)["items"][-1]["seq"], batches + 1
    assert len(parts) > 1
    assert batches > 1


def test_live_items_are_contiguous_and_equal_to_what_fetch_gives(client: WireClient, colleague: WireClient) -> None:
    client.until_live(b"1/hb/")
    head = client.hello()["feeds"]["timeline"]
    for n in range(20):
        colleague.act(f"live-{n}", "comment", "fire", args={"text": f"câu {n}"})
    live = [client.until_live(b"1/timeline/") for _ in range(20)]
    assert [m["seq"] for m in live] == list(range(head["head"] + 1, head["head"] + 21))
    batch = client.ask("FETCH", feed="timeline", epoch=head["epoch"], after=head["head"])
    assert batch["items"] == live
    assert batch["head"] == live[-1]["seq"]


def test_heartbeats_carry_heads_and_canary_and_none_is_left_out(client: WireClient) -> None:
    beats = [client.until_live(b"1/hb/") for _ in range(5)]
    numbers = [b["n"] for b in beats]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert set(beats[-1]["heads"]) == set(FEEDS)
    assert beats[-1]["canary"]["seq"] > beats[0]["canary"]["seq"]
    assert beats[-1]["heads"]["samples"]["period_s"] == 1.0
    assert beats[-1]["rate"] == 1.0


def test_samples_are_published_and_never_fetched(client: WireClient) -> None:
    message = client.until_live(b"1/samples/")
    assert len(message["body"]["samples"]) == 500
    answer = client.ask("FETCH", feed="samples", epoch=message["epoch"], after=0)
    assert (answer["msg"], answer["reason"]) == ("RESET", "lossy")


def test_an_acknowledgement_comes_back_to_everybody_with_its_cause(client: WireClient, colleague: WireClient) -> None:
    client.until_live(b"1/hb/")
    items, _ = client.snapshot("alarms")
    fire = next(i["body"] for i in items if i["id"].startswith("fire@"))
    acks = colleague.act("ack-1", "acknowledge", fire["id"], fire.get("state_rev", 1))
    assert [a["stage"] for a in acks] == ["stored", "applied"]
    echo = client.until_live(b"1/alarms/", lambda m: m.get("cause") == "ack-1")
    assert (echo["body"]["acked_by"], echo["body"]["state"], echo["rev"]) == ("Minh", "acked", acks[-1]["rev"])
    again = colleague.act("ack-1", "acknowledge", fire["id"], fire.get("state_rev", 1))
    assert [(a["stage"], a.get("outcome")) for a in again] == [("duplicate", "applied")]
    late = client.act("ack-2", "acknowledge", fire["id"], fire.get("state_rev", 1))[-1]
    assert (late["stage"], late["code"], late["text"]) == ("conflict", "already_acknowledged", "Minh")
    claim = client.act("claim-1", "claim", fire["id"], echo["body"]["state_rev"])[-1]
    assert claim["stage"] == "applied"
    second = colleague.act("claim-2", "claim", fire["id"], echo["body"]["state_rev"])[-1]
    assert (second["stage"], second["code"], second["text"]) == ("conflict", "already_claimed", "Thu Hà")


def test_history_thins_and_keeps_the_extremes(client: WireClient) -> None:
    all_of_it = client.ask("HISTORY", request=1, series="hieu-level", t0=0, t1=1 << 62, max_points=10_000)
    thinned = client.ask("HISTORY", request=2, series="hieu-level", t0=0, t1=1 << 62, max_points=50)
    assert thinned["request"] == 2
    assert len(all_of_it["t"]) > 3500
    assert len(thinned["t"]) <= 50
    assert max(thinned["value"]) == max(all_of_it["value"])
    assert min(thinned["value"]) == min(all_of_it["value"])
    unknown = client.ask("HISTORY", request=3, series="nothing", t0=0, t1=9)
    assert (unknown["code"], unknown["t"]) == ("unknown_series", [])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"epoch": "other", "after": 0}, "epoch"), ({"after": 10_000_000}, "ahead"), ({"after": -2}, "too_old")],
)
def test_cursors_that_cannot_go_on_are_reset(client: WireClient, fields: dict[str, object], reason: str) -> None:
    epoch = client.hello()["feeds"]["alarms"]["epoch"]
    answer = client.ask("FETCH", **{"feed": "alarms", "epoch": epoch, **fields})
    assert (answer["msg"], answer["reason"], answer["epoch"]) == ("RESET", reason, epoch)


def test_unknown_feeds_and_versions_are_answered(client: WireClient) -> None:
    assert client.ask("SNAPGET", feed="nothing")["code"] == "unknown_feed"
    assert client.ask("FETCH", feed="nothing", epoch="", after=0)["code"] == "unknown_feed"
    assert client.ask("HELLO", station="desk-1", mode="demo", versions=[2])["code"] == "version"
    client.ctl.send_multipart([b"2", b"{}"])
    assert client.answer()["code"] == "version"


def test_a_foreign_mode_is_refused_until_it_says_the_right_one(client: WireClient) -> None:
    client.mode = "exercise"
    assert client.hello()["code"] == "mode"
    assert client.ask("SNAPGET", feed="alarms")["code"] == "mode"
    client.mode = "demo"
    assert client.hello()["msg"] == "WELCOME"
    client.mode = "exercise"
    assert client.act("foreign", "acknowledge", "x") == [
        {"msg": "ACK", "aid": "foreign", "stage": "refused", "code": "mode", "text": "this hub is demo"}
    ]


def test_ping(client: WireClient) -> None:
    pong = client.ask("PING", n=7, sent=5)
    assert (pong["msg"], pong["n"], pong["sent"]) == ("PONG", 7, 5)
