"""Blobs on disk: parts in order, repeated, resumed and cut off; hostile names, sizes and contents; one part a turn."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs

from backends.hub.blobs import BlobStore
from backends.hub.transfers import MOST_A_PEER, MOST_A_STATION, PARTS_A_TURN, Transfers
from backends.protocol.messages import BLOB_PART, Blob, BlobKept, BlobPut

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 3000
"""Three parts, the last one short."""
PARTS = 3


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(store: BlobStore, part: int, data: bytes = JPEG, station: str = "desk-1", **other: Any) -> BlobKept:
    fields: dict[str, Any] = {
        "request": part, "blob": name_of(data), "media": "image/jpeg", "size": len(data), "part": part,
        "parts": -(-len(data) // BLOB_PART), **other,
    }  # fmt: skip
    return store.put(station, BlobPut(**fields), data[(part - 1) * BLOB_PART : part * BLOB_PART])


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def test_parts_in_order_become_a_file_under_its_hash(store: BlobStore, tmp_path: Path) -> None:
    assert [put(store, n).part for n in range(1, PARTS + 1)] == [1, 2, 3]
    found = store.find(name_of(JPEG))
    assert found is not None
    assert (found[0].read_bytes(), found[1]) == (JPEG, "image/jpeg")
    assert list((tmp_path / "blobs" / "coming").iterdir()) == []


def test_repeats_and_jumps_are_answered_with_how_far_it_is(store: BlobStore) -> None:
    assert put(store, 2).part == 0, "its first part is missing"
    put(store, 1)
    assert [put(store, 1).part, put(store, 3).part, put(store, 2).part, put(store, 2).part] == [1, 1, 2, 2]
    assert put(store, 3).part == 3
    assert put(store, 1).part == 3, "it is here as a whole"


def test_a_sender_goes_on_after_a_restart_and_a_part_cut_off_by_a_crash_is_sent_again(tmp_path: Path) -> None:
    put(BlobStore(tmp_path), 1)
    put(BlobStore(tmp_path), 2)
    (coming,) = (tmp_path / "blobs" / "coming").iterdir()
    coming.write_bytes(coming.read_bytes()[:-1000])
    again = BlobStore(tmp_path)
    assert [put(again, 3).part, put(again, 2).part, put(again, 3).part] == [1, 2, 3]
    assert again.find(name_of(JPEG)) is not None


def test_a_crash_between_the_last_byte_and_the_rename_is_mended_by_the_last_part(tmp_path: Path) -> None:
    data = JPEG[: 2 * BLOB_PART]
    store = BlobStore(tmp_path)
    put(store, 1, data)
    (coming,) = (tmp_path / "blobs" / "coming").iterdir()
    coming.write_bytes(data)
    assert put(BlobStore(tmp_path), 2, data) == BlobKept(2, name_of(data), 2)


def test_two_stations_do_not_spoil_each_others_blob(store: BlobStore) -> None:
    liar = {"blob": name_of(JPEG), "station": "desk-2"}
    other = JPEG[:4] + b"x" * (len(JPEG) - 4)
    for n in (1, 2):
        put(store, n)
        put(store, n, other, **liar)
    assert put(store, 3, other, **liar).code == "bad_hash"
    assert store.find(name_of(JPEG)) is None
    assert put(store, 3).code == ""
    assert store.find(name_of(JPEG)) is not None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"blob": "../../etc/passwd"}, "bad_hash"),
        ({"blob": "A" * 64}, "bad_hash"),
        ({"size": (8 << 20) + 1}, "too_large"),
        ({"size": 0}, "bad_part"),
        ({"size": -5}, "bad_part"),
        ({"parts": 9}, "bad_part"),
        ({"part": 0}, "bad_part"),
        ({"part": 4}, "bad_part"),
        ({"size": len(JPEG) - BLOB_PART, "parts": 2, "part": 2}, "bad_part"),
        ({"media": "text/html"}, "bad_media"),
        ({"media": "image/png"}, "bad_media"),
        ({"media": "video/mp4"}, "bad_media"),
    ],
)
def test_what_the_bytes_do_not_bear_out_is_refused(store: BlobStore, tmp_path: Path, fields: Any, code: str) -> None:
    message = BlobPut(**{
        "request": 1, "blob": name_of(JPEG), "media": "image/jpeg", "size": len(JPEG), "part": 1, "parts": 3, **fields
    })  # fmt: skip
    assert store.put("desk-1", message, JPEG[:BLOB_PART]) == BlobKept(1, message.blob, 0, code)
    assert list((tmp_path / "blobs" / "coming").iterdir()) == []


def test_the_last_part_cannot_say_that_it_is_something_else(store: BlobStore, tmp_path: Path) -> None:
    """The name of the file, and what is told to everybody, would be a lie."""
    put(store, 1)
    put(store, 2)
    assert put(store, 3, media="video/mp4") == BlobKept(3, name_of(JPEG), 0, "bad_media")
    assert store.find(name_of(JPEG)) is None
    assert list((tmp_path / "blobs" / "coming").iterdir()) == []


def test_a_station_has_room_for_eight_unfinished_ones(store: BlobStore, tmp_path: Path) -> None:
    for n in range(12):
        put(store, 1, JPEG + bytes([n]))
    assert len(list((tmp_path / "blobs" / "coming").iterdir())) == 8


def test_a_disk_that_is_nearly_full_is_left_to_the_log(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.hub.blobs.FREE_LEAST", 1 << 60)
    assert put(store, 1).code == "not_kept"


def test_a_disk_that_fails_is_said(store: BlobStore, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs) -> None:
    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    put(store, 1)
    put(store, 2)
    monkeypatch.setattr("backends.hub.blobs.os.fsync", broken)
    expect_logs("cannot be kept")
    assert put(store, 3).code == "not_kept"
    monkeypatch.undo()
    assert put(store, 3).part == 3


# --- on their way out ------------------------------------------------------------------------------


class Peers:
    """Takes parts; those in `full` take nothing."""

    def __init__(self) -> None:
        self.full: set[bytes] = set()
        self.got: list[tuple[bytes, int, bytes]] = []

    def send(self, routing_id: bytes, message: Blob, data: bytes) -> bool:
        if routing_id in self.full:
            return False
        self.got.append((routing_id, message.part, data))
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "blob.jpg"
    made.write_bytes(JPEG)
    return made


def test_parts_go_out_in_order_and_few_a_turn(path: Path) -> None:
    peers, transfers = Peers(), Transfers()
    for n in range(6):
        assert transfers.begin(bytes([n]), "desk-1", 1, name_of(JPEG), "image/jpeg", path)
    turns = 0
    while transfers.wait_s is not None:
        before = len(peers.got)
        transfers.turn(peers.send)
        assert len(peers.got) - before <= PARTS_A_TURN
        turns += 1
    for n in range(6):
        assert b"".join(data for peer, _, data in peers.got if peer == bytes([n])) == JPEG
    assert turns >= 6 * PARTS / PARTS_A_TURN


def test_a_peer_that_takes_nothing_holds_nobody_up_and_is_dropped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peers, transfers = Peers(), Transfers()
    peers.full = {b"slow"}
    transfers.begin(b"slow", "desk-1", 1, "b", "image/jpeg", path)
    transfers.begin(b"fast", "desk-2", 1, "b", "image/jpeg", path)
    for _ in range(PARTS):
        transfers.turn(peers.send)
    assert [part for peer, part, _ in peers.got if peer == b"fast"] == [1, 2, 3]
    transfers.turn(peers.send)
    assert transfers.wait_s == 0.02, "no spinning while a pipe is full"
    peers.full.clear()
    transfers.turn(peers.send)
    assert peers.got[-1][:2] == (b"slow", 1), "nothing was lost meanwhile"
    peers.full = {b"slow"}
    monkeypatch.setattr("backends.hub.transfers.GIVE_UP_S", 0.0)
    transfers.turn(peers.send)
    assert transfers.wait_s is None


def test_one_peer_has_so_many_and_a_station_that_left_has_none(path: Path) -> None:
    transfers = Transfers()
    begun = [transfers.begin(b"p", "desk-1", n, "b", "image/jpeg", path) for n in range(MOST_A_PEER + 1)]
    assert begun == [True] * MOST_A_PEER + [False]
    assert transfers.begin(b"p", "desk-1", 0, "b", "image/jpeg", path), "the same question again is the same answer"
    for peer in (b"q", b"r"):
        begun += [transfers.begin(peer, "desk-1", n, "b", "image/jpeg", path) for n in range(MOST_A_PEER)]
    assert sum(begun) == MOST_A_STATION, "however many connections it has"
    assert transfers.begin(b"s", "desk-3", 1, "b", "image/jpeg", path), "another station has its own"
    transfers.only({"desk-2"})
    assert transfers.wait_s is None


def test_small_pictures_of_cameras_are_found_but_never_shared_and_go_when_no_record_names_them(
    store: BlobStore, tmp_path: Path
) -> None:
    for n in range(1, PARTS + 1):
        put(store, n)
    old, kept, fresh = (store.keep_small(b"\xff\xd8\xff" + bytes([n])) for n in range(3))
    assert [row.key for row in store.rows()] == [name_of(JPEG)], "other hubs make their own"
    found = store.find(kept)
    assert found is not None
    assert (name_of(found[0].read_bytes()), found[1]) == (kept, "image/jpeg")
    for path in (tmp_path / "blobs").rglob("*.jpg"):
        if path.stem != fresh:
            os.utime(path, (1, 1))
    store.forget_small({kept}, 60.0)
    assert [store.find(blob) is not None for blob in (old, kept, fresh, name_of(JPEG))] == [False, True, True, True]
    with pytest.raises(OSError, match="no JPEG"):
        store.keep_small(b"<html>")
