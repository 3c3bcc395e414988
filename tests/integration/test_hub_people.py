"""What people and stations have with one hub they have with the next: sessions, accounts, blobs, anchors, secrets.

Three real nats-servers, two or three real hubs with passwords; the leader is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import SECRET, get_blob, hub_here, make_accounts, put_blob
from helpers.hub_people import sign_in as sign_in_by_hand
from helpers.hub_room import Room
from helpers.hubs import ROWS, Hubs
from helpers.nats_cluster import SERVER, NatsCluster
from helpers.waiting import wait_for
from typer.testing import CliRunner

from backends.domain.action import Stage
from backends.domain.people import Role
from backends.hub.accounts import AccountBook
from backends.hub.blobs import BlobStore
from backends.hub.jetstream_client import JetStreamClient, NatsSettings
from backends.hub.jetstream_rows import SharedRows, Site, rows_of_the_site, write_site
from backends.hub.keys import ensure_station_keys
from backends.hub.ports import LogTrouble
from backends.hub.private import REPORTER, Vault
from backends.hub.shared import SITE_FILE
from backends.hub.witness import Witness
from console.cli import app

pytestmark = pytest.mark.skipif(not Path(SERVER).exists(), reason="needs nats-server (Debian package nats-server)")

QUIET = 100.0
PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 2000
"""Two parts."""


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def command(hubs: Hubs, hub: str, *words: str, secret: str = "") -> str:
    """`ioc-console` on that hub's machine."""
    done = CliRunner().invoke(app, [*words, "--data-dir", str(hubs.folder / hub)], input=secret and f"{secret}\n")
    assert done.exit_code == 0, done.output
    return done.output


def test_people_stay_signed_in_and_their_clicks_count_when_the_leader_dies(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    make_accounts(tmp_path / "a")  # hub b has heard of nobody
    with Room(tmp_path, rate=QUIET, sign_in="password") as room:
        assert room.hubs.wait_leader() == "a"
        desk = room.desks[0]
        desk.feed.sign_in("ha", SECRET)
        wait_for("ha is signed in", lambda: desk.look() and desk.feed.core.access.grant.operator_id == "ha")
        early, _ = room.act()
        room.wait_finished(early)
        room.hubs.kill("a")
        queued, _ = room.act()
        assert room.hubs.wait_leader() == "b"
        room.wait_live()
        room.wait_finished(queued)
        assert room.finished(queued) is Stage.APPLIED, "the click under the session of before counts"
        assert desk.feed.core.access.grant.operator_id == "ha"
        # Signed out at b, it is over everywhere: a leads again and knows it.
        token = desk.feed.core.access._session.token
        with room.hubs.client("b") as client:
            client.token = token
            assert client.hello()["operator_id"] == "ha"
            assert client.ask("SIGNOUT", request=2, token=token)["code"] == "signed_out"
            room.hubs.start("a")
            room.wait_follows("a")
            room.hubs.kill("b")
        assert room.hubs.wait_leader() == "a"
        with room.hubs.client("a") as client:
            client.token = token
            assert client.hello().get("operator_id", "") == ""
            assert client.act("late", "comment", "cam-1", feed="cameras", args={"text": "x"})[-1]["code"] == (
                "nobody_signed_in"
            )
        feeds = room.check()
    causes = [e.cause for e in feeds["timeline"]]
    assert [causes.count(aid) for aid in (early, queued)] == [1, 1]


@pytest.fixture
def hubs(tmp_path: Path) -> Iterator[Hubs]:
    """Two hubs; nobody has an account yet."""
    with NatsCluster(tmp_path) as cluster, Hubs(tmp_path, cluster.urls, 2, sign_in="password", past_s=60) as made:
        yield made


def test_one_site_whichever_hub_leads(hubs: Hubs) -> None:
    """In one go, because each step needs what stood before it."""
    first = hubs.wait_leader()
    second = next(name for name in hubs.names if name != first)
    wait_for("the other one follows", lambda: hubs.follows(second) and "follows" in hubs.log(second))

    # An account that is made beside the hub that follows counts at the one that leads.
    command(hubs, second, "accounts", "add", "ha", "--name", "Nguyễn Thu Hà", secret=SECRET)
    command(hubs, second, "accounts", "add", "lan", "--name", "Lê Ngọc Lan", "--role", "shift_lead", secret=SECRET)
    with hubs.client(first) as client:
        assert sign_in_by_hand(client, "lan")["role"] == "shift_lead"
        told = client.ask("REVEAL", request=3, what="reporter", target="PA-1", reason="gọi lại", token=client.token)
        assert told["values"]["phone"] == "0000 123 456"
        assert put_blob(client, PICTURE)[-1]["part"] == 2
        for n in (1, 2):
            assert client.ask("ANCHOR", n=n, hash=sha(str(n)), t=n).get("code", "") == ""
        token = client.token
    name = hashlib.sha256(PICTURE).hexdigest()
    wait_for("the other one has the picture", lambda: picture_in(hubs.folder / second, name))
    wait_for("and knows who sent the report", lambda: reporter_in(hubs.folder / second))
    hubs.kill(first)

    # The other one leads: the same person, picture, anchors and look.
    assert hubs.wait_leader(but=first) == second
    with hubs.client(second) as client:
        client.token = token
        assert client.hello()["operator_id"] == "lan"
        assert get_blob(client, name, 7) == (PICTURE, "image/jpeg")
        assert client.ask("ANCHOR", n=2, hash=sha("two"), t=9)["code"] == "differs"
        assert client.ask("ANCHOR", n=3, hash=sha("3"), t=9).get("code", "") == ""
        assert [n for n, _, _ in client.ask("ANCHORGET", request=2)["anchors"]] == [1, 2, 3]
        told = client.ask("REVEAL", request=4, what="reporter", target="PA-1", reason="gọi lại", token=client.token)
        assert told["values"]["phone"] == "0000 123 456"
        assert [look[2:4] for look in looks_in(hubs.folder / second)] == [("lan", "shift_lead")] * 2

        # A role, and a disabling, on the machine whose hub is dead.
        command(hubs, first, "accounts", "role", "lan", "operator")
        wait_for("the role counts", lambda: client.hello()["role"] == "operator")
        assert "at desk-1" in command(hubs, first, "accounts", "list")
        command(hubs, first, "accounts", "disable", "lan")
        wait_for("lan is out", lambda: not client.hello().get("operator_id"))

    # A machine that was lost altogether: its new hub has everything before it may lead.
    shutil.rmtree(hubs.folder / first)
    hubs.start(first)
    wait_for("the new one follows", lambda: hubs.follows(first) and "follows" in hubs.log(first))
    wait_for("and has the picture", lambda: picture_in(hubs.folder / first, name))
    assert reporter_in(hubs.folder / first)
    assert hubs.stop(second) == 0
    assert hubs.wait_leader(but=second) == first
    with hubs.client(first) as client:
        assert client.ask("SIGNIN", request=1, person="lan", secret=SECRET)["code"] == "disabled"
        assert sign_in_by_hand(client, "ha")["role"] == "operator"
        assert get_blob(client, name, 8) == (PICTURE, "image/jpeg")
        assert client.ask("ANCHOR", n=2, hash=sha("2"), t=9)["code"] == "behind"
    assert len(looks_in(hubs.folder / first)) == 2


def picture_in(folder: Path, name: str) -> bool:
    return BlobStore(folder).find(name) is not None


def reporter_in(folder: Path) -> bool:
    with contextlib.closing(Vault(folder)) as vault:
        return vault.find(REPORTER, "PA-1") is not None


def looks_in(folder: Path) -> list[tuple[Any, ...]]:
    witness = Witness(folder)
    try:
        return [msgspec.structs.astuple(look) for look in witness.looks()]
    finally:
        witness.close()


# --- without hubs: the rows alone -------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with NatsCluster(tmp_path_factory.mktemp("nats"), 1) as cluster:
        yield Site(NatsSettings(cluster.urls, replicas=1, blob_mb=16), ROWS)


def machine(folder: Path, site: Site) -> Path:
    write_site(folder, site)
    return folder


def test_of_two_command_lines_at_once_one_is_told_that_nothing_was_changed(tmp_path: Path, site: Site) -> None:
    one, two = machine(tmp_path / "one", site), machine(tmp_path / "two", site)
    with rows_of_the_site(one) as sharing:
        book = AccountBook(one, sharing=sharing)
        book.add("binh", "Trần Bình", "Bình", Role.OPERATOR, SECRET)
        with rows_of_the_site(two) as other_sharing:
            other = AccountBook(two, sharing=other_sharing)
            assert other.find("binh").role is Role.OPERATOR
            assert isinstance(other_sharing, SharedRows)
            known = dict(other_sharing._known)
            book.set_role("binh", Role.SHIFT_LEAD)
            wait_for("its row has come", lambda: other_sharing._known != known)
            other_sharing._known = known  # as if it had not come in time
            with pytest.raises(LogTrouble, match="same moment"):
                other.set_role("binh", Role.ADMIN)
            other.close()
        book.close()
    with rows_of_the_site(two):
        book = AccountBook(two)
        assert book.find("binh").role is Role.SHIFT_LEAD
        book.close()


def test_what_the_servers_have_lost_comes_back_from_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    for n in (0, 1):
        with NatsCluster(tmp_path / f"nats-{n}", 1) as cluster:
            there = Site(NatsSettings(cluster.urls, replicas=1, blob_mb=16), ROWS)
            with rows_of_the_site(machine(folder, there)) as sharing:
                book = AccountBook(folder, sharing=sharing)
                if n == 0:
                    book.add("binh", "Trần Bình", "Bình", Role.OPERATOR, SECRET)
                    book.set_role("binh", Role.TRAINER)
                book.close()
            # Another machine, which knows the servers alone.
            with rows_of_the_site(machine(tmp_path / f"new-{n}", there)):
                book = AccountBook(tmp_path / f"new-{n}")
                assert book.find("binh").role is Role.TRAINER
                book.close()


def test_without_servers_the_command_line_changes_nothing_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And tries them ten times a second, not as often as a processor can."""
    caplog.set_level(logging.INFO, "backends.hub.jetstream_client")
    make_accounts(tmp_path)
    machine(tmp_path, Site(NatsSettings(("nats://127.0.0.1:1",)), ROWS))
    done = CliRunner().invoke(app, ["accounts", "disable", "ha", "--data-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "JetStream" in done.output
    tries = sum(record.getMessage().startswith("nats: ") for record in caplog.records)
    assert 10 < tries < 250
    book = AccountBook(tmp_path)
    assert not book.find("ha").disabled
    book.close()


def test_servers_without_room_for_blobs_are_named(tmp_path: Path, site: Site) -> None:
    client = JetStreamClient(site.nats, "narrow", "test")
    client.start()
    try:
        client.connect()
        wide = Site(NatsSettings(site.nats.servers, replicas=1, blob_mb=1 << 20), "narrow-rows")
        with pytest.raises(LogTrouble, match="--nats-blob-mb"):
            SharedRows(client, wide, tmp_path).begin()
    finally:
        client.close()


def test_one_hub_alone_forgets_the_site(tmp_path: Path) -> None:
    machine(tmp_path, Site(NatsSettings(("nats://127.0.0.1:1",)), ROWS))
    with hub_here(tmp_path):
        assert not (tmp_path / SITE_FILE).exists()


def test_keys_remind_of_the_other_hubs(tmp_path: Path, site: Site) -> None:
    pair = ensure_station_keys(tmp_path / "keys", "desk-1")
    words = ["keys", "authorise", str(tmp_path / "keys" / "desk-1.key"), "--data-dir", str(tmp_path)]
    assert "several hubs" not in CliRunner().invoke(app, words).output
    machine(tmp_path, site)
    output = CliRunner().invoke(app, ["keys", "revoke", pair.name, "--data-dir", str(tmp_path)]).output
    assert "several hubs" in output


def test_servers_that_were_emptied_while_a_hub_ran_are_given_its_rows(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("not those of before|what the hubs share|nats:")
    folder = tmp_path / "hub"
    with NatsCluster(tmp_path / "nats", 1) as cluster:
        there = Site(NatsSettings(cluster.urls, replicas=1, blob_mb=16), ROWS)
        machine(folder, there)
        with rows_of_the_site(folder) as sharing:
            assert isinstance(sharing, SharedRows)
            book = AccountBook(folder, sharing=sharing)
            book.add("binh", "Trần Bình", "Bình", Role.OPERATOR, SECRET)
            cluster.kill(0)
            shutil.rmtree(tmp_path / "nats" / "nats-0" / "js")
            cluster.start(0)

            def begun() -> bool:
                """As a hub does that has lost its servers: again until it succeeds."""
                with contextlib.suppress(LogTrouble):
                    sharing.begin()
                    sharing.wait_in_step(5.0)
                    return True
                return False

            wait_for("everything was shared anew", begun)
            sharing.catch_up()
            book.set_role("binh", Role.TRAINER)
            book.close()
        with rows_of_the_site(machine(tmp_path / "new", there)):
            book = AccountBook(tmp_path / "new")
            assert book.find("binh").role is Role.TRAINER
            book.close()
