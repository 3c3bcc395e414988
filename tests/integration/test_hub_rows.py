"""The rows that hubs share, on one real nats-server, without hubs: nothing holds them up, nobody overwrites another."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.hub_people import SECRET
from helpers.hubs import ROWS
from helpers.nats_cluster import SERVER, NatsCluster
from helpers.waiting import wait_for

from backends.domain.feeds import Mode
from backends.domain.people import Role
from backends.domain.times import SystemClock
from backends.hub.accounts import AccountBook
from backends.hub.blobs import BlobStore
from backends.hub.jetstream_client import JetStreamClient, NatsSettings
from backends.hub.jetstream_rows import SharedRows, Site, rows_of_the_site, write_site
from backends.hub.member import Member
from backends.hub.ports import LogTrouble
from backends.hub.shared import Row

pytestmark = pytest.mark.skipif(not Path(SERVER).exists(), reason="needs nats-server (Debian package nats-server)")

Begin = Callable[..., SharedRows]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsCluster]:
    with NatsCluster(tmp_path, 1) as made:
        yield made


@pytest.fixture
def begin(tmp_path: Path, server: NatsCluster) -> Iterator[Begin]:
    """A hub's rows, begun and in step."""
    made: list[tuple[SharedRows, JetStreamClient]] = []

    def one(name: str, blob_mb: int = 16) -> SharedRows:
        site = Site(NatsSettings(server.urls, replicas=1, blob_mb=blob_mb), ROWS)
        client = JetStreamClient(site.nats, site.name, name)
        client.start()
        rows = SharedRows(client, site, tmp_path / name)
        made.append((rows, client))
        client.connect()
        rows.begin()
        rows.wait_in_step(10.0)
        return rows

    yield one
    for rows, client in made:
        rows.close()
        client.close()


def put_raw(rows: SharedRows, subject: str, raw: bytes) -> None:
    async def put() -> None:
        await rows._client.js().publish(f"{ROWS}.{subject}", raw)

    rows._client.call(put, 5.0)


def picture(n: int, size: int = 1000) -> bytes:
    return b"\xff\xd8\xff" + bytes([n]) * size


def keep(folder: Path, *pictures: bytes) -> list[str]:
    """As the hub that was alone has kept them."""
    store = BlobStore(folder)
    names = [hashlib.sha256(one).hexdigest() for one in pictures]
    for name, one in zip(names, pictures, strict=True):
        assert store.add(name, "image/jpeg", one)
    return names


def test_a_row_that_nobody_can_take_holds_up_no_other(begin: Begin, tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("cannot be read")
    rows = begin("a")
    put_raw(rows, "look.1", b"\x95\xa1\xff")
    told = {
        "id": "x",
        "name": "x",
        "short": "x",
        "role": "x",
        "disabled": 0,
        "epoch": 1 << 70,
        "hash": "",
        "t_secret": 0,
    }
    put_raw(rows, "account.1", msgspec.msgpack.encode(Row("account", "x", 1, msgspec.json.encode(told))))
    put_raw(rows, "session.1", b"no row")
    rows.catch_up(10.0)
    assert begin("b").in_step


def test_a_change_is_refused_when_a_newer_row_has_come_and_is_not_in_the_file_yet(begin: Begin, tmp_path: Path) -> None:
    """Else the one who is slow would take back that an account was disabled."""
    one, two = begin("a"), begin("b")
    slow, quick = AccountBook(tmp_path / "a", sharing=one), AccountBook(tmp_path / "b", sharing=two)
    slow.add("ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, SECRET)
    two.catch_up()

    def change_slowly() -> None:
        with slow.transaction():  # its file is locked from here on
            quick.set_disabled("ha", True)
            subject = one._subject(Row("account", "ha", 0, b""))
            wait_for("its row has come to the slow one", lambda: one._known[subject].rev == 2)
            slow._db.execute("UPDATE account SET role='admin', rev=rev+1 WHERE id='ha'")
            slow._tell_account("ha")

    with pytest.raises(LogTrouble, match="same moment"):
        change_slowly()
    two.catch_up(10.0)
    assert quick.find("ha").disabled
    wait_for("the slow one has it too", lambda: slow.find("ha").disabled)
    slow.close()
    quick.close()


def test_blobs_for_which_the_servers_have_no_room_keep_no_hub_from_leading(
    begin: Begin, tmp_path: Path, expect_logs: ExpectLogs
) -> None:
    expect_logs("cannot be given")
    names = keep(tmp_path / "a", picture(1, 3 << 20), picture(2))
    first = begin("a", 1)  # it is in step
    begin("b", 1)
    wait_for("the small one has come", lambda: BlobStore(tmp_path / "b").find(names[1]) is not None)
    assert BlobStore(tmp_path / "b").find(names[0]) is None
    # With more room, it is given at the next try.
    begin("c", 16)
    blobs = first._blobs
    assert blobs is not None
    wait_for("it has failed", lambda: names[0] in blobs._later)
    blobs._later[names[0]].at_s = 0.0
    wait_for("the large one has come", lambda: BlobStore(tmp_path / "b").find(names[0]) is not None)


def test_a_blob_without_bytes_holds_up_no_other_and_leaves_nothing_behind(
    begin: Begin, tmp_path: Path, expect_logs: ExpectLogs
) -> None:
    expect_logs("cannot be fetched")
    one = begin("a")
    lost = [hashlib.sha256(bytes([n])).hexdigest() for n in range(3)]
    one.share([Row("blob", name, 0, b"image/jpeg") for name in lost])
    two = begin("b")
    whole = tmp_path / "whole.jpg"
    whole.write_bytes(picture(7))
    name = hashlib.sha256(picture(7)).hexdigest()
    one.share_blob(name, "image/jpeg", whole)
    wait_for("the whole one has come", lambda: BlobStore(tmp_path / "b").find(name) is not None)
    blobs = two._blobs
    assert blobs is not None
    assert set(blobs._later) == set(lost)

    async def subscriptions() -> int:
        return len(two._client._nc._subs)  # type: ignore[union-attr]

    async def without_parts() -> None:
        info = await (await blobs._objects()).get_info(name)
        await two._client.js().purge_stream(blobs._stream, subject=f"$O.{blobs._bucket}.C.{info.nuid}")

    two._client.call(without_parts, 5.0)
    before = two._client.call(subscriptions, 5.0)
    with pytest.raises(LogTrouble):
        two._client.call(lambda: blobs._get(name), 10.0)
    assert two._client.call(subscriptions, 5.0) == before


def test_what_a_hubs_own_world_brings_is_shared_afterwards(begin: Begin, tmp_path: Path) -> None:
    begin("b")
    data = picture(9)
    name = hashlib.sha256(data).hexdigest()
    BlobStore(tmp_path / "a", sharing=begin("a")).give(name, "image/jpeg", data)
    wait_for("the other hub has it", lambda: BlobStore(tmp_path / "b").find(name) is not None)


def test_what_is_over_is_not_shared_again_at_each_start(begin: Begin, tmp_path: Path) -> None:
    book = AccountBook(tmp_path / "a")
    with book.transaction():
        book.enter("added", "ha")
    book._db.execute("DROP TRIGGER entry_as_it_was")
    book._db.execute("UPDATE entry SET t=1")
    (row,) = book.rows()
    book.close()
    assert 0 < row.until < time.time_ns()
    rows = begin("a")

    async def last() -> int:
        return (await rows._client.js().stream_info(ROWS)).state.last_seq

    assert rows._client.call(last, 5.0) == 1, "the mark alone"


def test_a_hub_begins_again_when_the_servers_have_little_room_beside_the_blobs(
    begin: Begin, expect_logs: ExpectLogs
) -> None:
    """They have 512 MB, and count what is reserved twice when it is asked for again."""
    expect_logs("keep 300 MB of blobs and not more")
    begin("a", 300)
    assert begin("b", 300).in_step
    assert begin("c", 600).in_step


def test_the_command_line_touches_the_accounts_alone(begin: Begin, tmp_path: Path, server: NatsCluster) -> None:
    keep(tmp_path / "a", picture(1))
    begin("a")
    folder = tmp_path / "typed"
    write_site(folder, Site(NatsSettings(server.urls, replicas=1, blob_mb=16), ROWS))
    with rows_of_the_site(folder):
        assert sorted(path.name for path in folder.iterdir()) == ["accounts.db", "site-rows.json"]


def test_a_hub_reads_on_when_its_reader_has_died(begin: Begin, expect_logs: ExpectLogs) -> None:
    expect_logs("not those of before")
    rows = begin("a")
    rows._client.call(rows._end, 2.0)
    rows.begin()
    rows.wait_in_step(10.0)
    rows.catch_up()


def test_a_file_that_is_locked_is_trouble_of_this_turn_and_no_end(
    tmp_path: Path, expect_logs: ExpectLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_logs("database is locked")
    stop, tries = threading.Event(), 0
    nats = NatsSettings(("nats://127.0.0.1:1",))
    client = JetStreamClient(nats, "ioc", "A/1")
    member = Member(
        client, SharedRows(client, Site(nats, "ioc-rows"), tmp_path), tmp_path / "hub.db", Mode.TEST,
        make_world=lambda _: pytest.fail("never"), start=lambda _: 0, clock=lambda _: SystemClock(),
        serve=lambda *_: None, follows=lambda: None,
    )  # fmt: skip

    def cycle(*_: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            stop.set()
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(member, "_cycle", cycle)
    member.run(stop)
    assert tries == 2
