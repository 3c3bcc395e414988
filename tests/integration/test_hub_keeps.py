"""What stations leave at a real hub: blobs up and down, and anchors of their audit chains."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import get_blob, make_accounts, put_blob, sign_in
from helpers.hub_process import HubProcess, WireClient

from backends.protocol.messages import BLOB_PART


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    make_accounts(folder)
    with HubProcess(folder, sign_in="password", stations=("desk-1", "desk-2")) as made:
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


def picture(size: int) -> bytes:
    return b"\xff\xd8\xff" + os.urandom(size - 3)


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [4, BLOB_PART, BLOB_PART + 1, 8 << 20])
def test_a_blob_goes_up_at_one_station_and_down_at_another(
    client: WireClient, colleague: WireClient, size: int
) -> None:
    sign_in(client, "ha")
    data = picture(size)
    answers = put_blob(client, data)
    assert [a["part"] for a in answers] == list(range(1, -(-size // BLOB_PART) + 1))
    assert get_blob(colleague, name_of(data)) == (data, "image/jpeg")


def test_who_may_not_write_may_not_send_blobs(client: WireClient) -> None:
    data = picture(1000)
    assert put_blob(client, data)[-1]["code"] == "not_allowed"
    sign_in(client, "khach")
    assert put_blob(client, data)[-1]["code"] == "not_allowed"
    assert client.ask("BLOBGET", request=2, blob=name_of(data))["code"] == "unknown"
    assert client.ask("BLOBGET", request=3, blob="../accounts.db")["code"] == "unknown"


def test_an_upload_goes_on_over_the_hubs_death(tmp_path: Path) -> None:
    make_accounts(tmp_path)
    data = picture(4 * BLOB_PART)
    with HubProcess(tmp_path, sign_in="password") as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            token = sign_in(client, "ha")["token"]
            put_blob(client, data[: 2 * BLOB_PART])  # another blob, whole
            name, parts = name_of(data), 4
            for part in (1, 2):
                head = {"msg": "BLOBPUT", "request": part, "blob": name, "media": "image/jpeg", "size": len(data)}
                raw = json.dumps({**head, "part": part, "parts": parts, "token": token}).encode()
                client.ctl.send_multipart([b"1", raw, data[(part - 1) * BLOB_PART : part * BLOB_PART]])
                assert client.answer()["part"] == part
            hub.kill()
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.token = token
            jump = put_blob(client, data, first=4)
            assert jump[-1]["part"] == 2, "it tells how far it is"
            assert [a["part"] for a in put_blob(client, data, first=3)] == [3, 4]
            assert get_blob(client, name) == (data, "image/jpeg")


def test_a_frame_2_where_none_belongs_and_none_where_one_does_are_no_messages(client: WireClient) -> None:
    client.ctl.send_multipart([b"1", b'{"msg":"PING","n":1,"sent":1}', b"x"])
    raw = {"msg": "BLOBPUT", "request": 1, "blob": "0" * 64, "media": "image/png", "size": 1, "part": 1, "parts": 1}
    client.ctl.send_multipart([b"1", json.dumps(raw).encode()])
    assert client.ask("PING", n=2, sent=1)["n"] == 2


def test_who_takes_no_parts_holds_nobody_up(client: WireClient, colleague: WireClient) -> None:
    """32 MiB wait for a station that reads nothing; the others' heartbeats, pings and blobs go on."""
    sign_in(client, "ha")
    blobs = [picture(8 << 20) for _ in range(3)]
    for data in blobs:
        put_blob(client, data)
    for n in range(40):
        colleague.send("BLOBGET", request=n, blob=name_of(blobs[n % 3]))
    client.until_live(b"1/hb/")
    began_s, widest_s = time.monotonic(), 0.0
    for n in range(6):
        seen_s = time.monotonic()
        assert client.ask("PING", n=n, sent=0)["n"] == n
        client.until_live(b"1/hb/")
        widest_s = max(widest_s, time.monotonic() - seen_s)
    assert widest_s < 1.5, f"{widest_s:.2f} s"
    assert get_blob(client, name_of(blobs[0]))[0] == blobs[0]
    assert time.monotonic() - began_s < 30


# --- anchors ---------------------------------------------------------------------------------------


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_anchors_are_kept_for_each_station_over_a_death_and_a_new_day(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            for n in (1, 5, 9):
                assert client.ask("ANCHOR", n=n, hash=sha(f"row {n}"), t=n) == {"msg": "ANCHORED", "n": n}
            hub.kill()
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            assert client.ask("ANCHOR", n=9, hash=sha("row 9"), t=9).get("code", "") == "", "the same again"
            hub.stop()
        with (
            WireClient(hub.start(), hub.keys("desk-1")) as client,
            WireClient(hub.ready(), hub.keys("desk-2")) as other,
        ):
            kept = client.ask("ANCHORGET", request=3)
            assert kept == {
                "msg": "ANCHORS", "request": 3, "anchors": [[n, sha(f"row {n}"), n] for n in (1, 5, 9)]
            }  # fmt: skip
            assert client.ask("ANCHORGET", request=4, after=5)["anchors"] == [[9, sha("row 9"), 9]]
            assert other.ask("ANCHORGET", request=1).get("anchors", []) == [], "another station's are its own"


@pytest.mark.parametrize(("n", "text", "code"), [(4, "row 4", "behind"), (5, "another row 5", "differs")])
def test_a_chain_that_does_not_go_on_is_a_security_event(tmp_path: Path, n: int, text: str, code: str) -> None:
    with HubProcess(tmp_path) as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.until_live(b"1/hb/")
            client.ask("ANCHOR", n=5, hash=sha("row 5"), t=5)
            for _ in range(3):
                assert client.ask("ANCHOR", n=n, hash=sha(text), t=6)["code"] == code
            event = client.until_live(b"1/timeline/", lambda m: m["body"]["what"] == f"anchor_{code}")["body"]
            assert (event["target"], event["text"]["vi"]) == ("desk-1", str(n))
            events = [i["body"]["what"] for i in client.snapshot("timeline")[0]]
            assert events.count(f"anchor_{code}") == 1, "said once"
            assert client.ask("ANCHORGET", request=1)["anchors"] == [[5, sha("row 5"), 5]], "and nothing is replaced"
            hub.stop()
        assert hub.log().count(f"security: the audit chain of station desk-1: anchor {n} is {code}") == 1
        assert f"'anchor_{code}': 3" in hub.log()


def test_no_anchor_no_answer(client: WireClient) -> None:
    for fields in ({"n": 1, "hash": "xyz"}, {"n": -1, "hash": sha("")}, {"n": 1, "hash": sha("").upper()}):
        client.send("ANCHOR", t=1, **fields)
    assert client.ask("PING", n=3, sent=1)["n"] == 3
