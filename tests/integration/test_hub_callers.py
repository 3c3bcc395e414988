"""Who called about a report, where there are several hubs: never lost when it was confirmed, never taken for another.

Three real nats-servers, real hubs with passwords.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.hub_people import make_accounts, sign_in
from helpers.hub_process import WireClient
from helpers.hubs import Hubs
from helpers.nats_cluster import SERVER, NatsCluster
from helpers.spoiled import DIES_CONFIDED, ONE_NUMBER, TELLS_NOBODY
from helpers.waiting import wait_for

from backends.hub.private import Vault

pytestmark = pytest.mark.skipif(not Path(SERVER).exists(), reason="needs nats-server (Debian package nats-server)")

CALLER, OTHER = {"name": "Trần Văn An", "phone": "0912 345 678"}, {"name": "Lê Thị Bốn", "phone": "0987 654 321"}
NUMBER = "TT-0001"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    with NatsCluster(tmp_path) as made:
        yield made


@contextlib.contextmanager
def hub_a(folder: Path, cluster: NatsCluster, *spoils: str) -> Iterator[Hubs]:
    """Hub a, which leads; people have accounts."""
    make_accounts(folder / "a")
    hubs = Hubs(folder, cluster.urls, 1, sign_in="password", past_s=60)
    hubs.spoils = dict.fromkeys("abc", spoils)
    with hubs:
        assert hubs.wait_leader() == "a"
        yield hubs


@contextlib.contextmanager
def signed_in(hubs: Hubs, hub: str) -> Iterator[WireClient]:
    with hubs.client(hub) as client:
        sign_in(client, "lan")
        yield client


def take_call(client: WireClient) -> None:
    """A report of the centre's own, without its caller."""
    args = {"category": "flood", "title": "Ngập", "channel": "hotline"}
    assert client.act(f"intake-{client.hello()['now']}", "intake", "new", feed="reports", args=args)[-1]["stage"] == (
        "applied"
    )
    assert NUMBER in {item["id"] for item in client.snapshot("reports")[0]}


def confide(client: WireClient, values: dict[str, str]) -> str:
    answer = client.ask("CONFIDE", request=2, target=NUMBER, values=values, token=client.token)
    assert answer["msg"] == "CONFIDED"
    return str(answer.get("code", ""))


def seen(client: WireClient) -> dict[str, str]:
    """Whom the hub takes for the caller."""
    told = client.ask("REVEAL", request=3, what="reporter", target=NUMBER, reason="gọi lại", token=client.token)
    assert told["msg"] == "REVEALED"
    values: dict[str, str] = told.get("values", {})
    assert values or told["code"] == "unknown"
    return values


def callers_in(folder: Path) -> list[bytes]:
    """What the vault of a hub holds of callers, whatever the number means."""
    with contextlib.closing(Vault(folder)) as vault:
        return [row.told for row in vault.rows() if row.key.startswith(f"reporter/{NUMBER}") and row.told]


@pytest.mark.parametrize("spoils", [(DIES_CONFIDED,), (DIES_CONFIDED, TELLS_NOBODY)])
def test_a_leader_that_dies_as_it_confirms_a_caller_takes_him_along_to_nobody(
    tmp_path: Path, cluster: NatsCluster, spoils: tuple[str, ...]
) -> None:
    """What a console has heard, every hub knows. The control keeps it for itself and shares it in its own time."""
    with hub_a(tmp_path, cluster, *spoils) as hubs:
        hubs.spoils.clear()
        hubs.follow("b")
        with signed_in(hubs, "a") as client:
            take_call(client)
            client.send("CONFIDE", request=2, target=NUMBER, values=CALLER, token=client.token)
            hubs.died("a")
        assert hubs.wait_leader() == "b"
        with signed_in(hubs, "b") as client:
            assert seen(client) == ({} if TELLS_NOBODY in spoils else CALLER)
            assert confide(client, CALLER) == "", "the console, which has heard nothing, asks again"
            assert seen(client) == CALLER


def test_callers_of_a_log_that_is_gone_are_forgotten_at_every_hub(tmp_path: Path, cluster: NatsCluster) -> None:
    """The log is made anew, the rows that hubs share are not."""
    with hub_a(tmp_path, cluster) as hubs:
        hubs.follow("b")
        with signed_in(hubs, "a") as client:
            take_call(client)
            assert confide(client, CALLER) == ""
        wait_for("b has the caller", lambda: callers_in(tmp_path / "b"))
        for name in "ab":
            hubs.kill(name)
        hubs.delete_log(cluster.urls)
        for name in "ab":
            hubs.start(name)
        leader = hubs.wait_leader()
        (other,) = {"a", "b"} - {leader}
        with signed_in(hubs, leader) as client:
            take_call(client)
            assert seen(client) == {}
            for name in "ab":
                wait_for(f"{name} has forgotten him", lambda name=name: not callers_in(tmp_path / name))
            assert confide(client, OTHER) == ""
            assert seen(client) == OTHER
        wait_for("the other one follows", lambda: hubs.follows(other))
        hubs.kill(leader)
        assert hubs.wait_leader(but=leader) == other
        with signed_in(hubs, other) as client:
            assert seen(client) == OTHER


@pytest.mark.parametrize("spoils", [(), (ONE_NUMBER,)])
def test_a_hub_of_a_log_that_is_gone_brings_its_callers_back_and_they_are_nobodys(
    tmp_path: Path, cluster: NatsCluster, spoils: tuple[str, ...]
) -> None:
    """The servers were emptied, and a hub that knew nothing began the new log. In the control they are its own."""
    with hub_a(tmp_path, cluster, *spoils) as hubs:
        with signed_in(hubs, "a") as client:
            take_call(client)
            assert confide(client, CALLER) == ""
        hubs.kill("a")
        cluster.empty()
        make_accounts(tmp_path / "c")
        hubs.start("c")
        assert hubs.wait_leader() == "c"
        with signed_in(hubs, "c") as client:
            take_call(client)
            hubs.follow("a")
            wait_for("the old caller has come", lambda: callers_in(tmp_path / "c"))
            assert seen(client) == (CALLER if spoils else {})
            assert confide(client, OTHER) == ("known" if spoils else "")
