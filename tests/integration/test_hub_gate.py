"""Who gets through the gate, on LIVE and on CTL: wrong, unknown, revoked, rotated keys, clients without CURVE."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
import zmq.utils.monitor
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import client_at, hub_here
from helpers.hub_process import HubProcess, WireClient
from helpers.waiting import wait_for

from backends.hub.keys import KeyPair, ensure_hub_keys, ensure_station_keys, revoke, rotate
from backends.hub.main import Ready
from backends.hub.zap import Gate

PASSED = zmq.EVENT_HANDSHAKE_SUCCEEDED
FAILED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
LETS_GO = 5.0
"""Seconds within which a key that was taken away has lost everything (the promise)."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), stations=("desk-1", "desk-2", "leaver", "changer")) as made:
        made.start()
        yield made


def curve(ready: Ready, keys: KeyPair, server_key: bytes = b"") -> Callable[[zmq.Socket[bytes]], None]:
    def dress(socket: zmq.Socket[bytes]) -> None:
        socket.curve_serverkey = server_key or ready.public_key.encode()
        socket.curve_publickey, socket.curve_secretkey = keys.public, keys.secret

    return dress


def plain(socket: zmq.Socket[bytes]) -> None:
    socket.plain_username, socket.plain_password = b"desk-1", b"secret"


def null(socket: zmq.Socket[bytes]) -> None:
    """Nothing at all."""


def knock(ready: Ready, end: str, dress: Callable[[zmq.Socket[bytes]], None]) -> tuple[bool, bool]:
    """(handshake passed, got anything) of a client at LIVE or CTL. A refused one gets a second to prove us wrong."""
    with zmq.Context() as context, context.socket(zmq.SUB if end == "live" else zmq.DEALER) as socket:
        socket.linger = 0
        dress(socket)
        monitor = socket.get_monitor_socket(PASSED | FAILED | zmq.EVENT_DISCONNECTED)
        if end == "live":
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(getattr(ready, end))
        if end == "ctl":
            socket.send_multipart([b"1", b'{"msg":"PING","n":1,"sent":1}'])
        # libzmq says nothing of some failures but that the peer hung up.
        assert monitor.poll(10_000), "neither refused nor accepted"
        event = int(zmq.utils.monitor.recv_monitor_message(monitor)["event"])
        passed = event == PASSED
        got = bool(socket.poll(10_000 if passed else 1000))
        socket.disable_monitor()
        monitor.close()
        return passed, got


@pytest.mark.parametrize("end", ["live", "ctl"])
def test_an_authorised_key_is_let_in(hub: HubProcess, end: str) -> None:
    assert knock(hub.ready(), end, curve(hub.ready(), hub.keys("desk-1"))) == (True, True)


@pytest.mark.parametrize("end", ["live", "ctl"])
def test_an_unknown_key_is_not(hub: HubProcess, tmp_path: Path, end: str) -> None:
    """Even one that calls itself after a known station."""
    stranger = ensure_station_keys(tmp_path, "desk-1")
    assert knock(hub.ready(), end, curve(hub.ready(), stranger)) == (False, False)


@pytest.mark.parametrize("end", ["live", "ctl"])
def test_a_client_that_expects_another_hub_gets_nothing(hub: HubProcess, tmp_path: Path, end: str) -> None:
    other = ensure_hub_keys(tmp_path).public
    assert knock(hub.ready(), end, curve(hub.ready(), hub.keys("desk-1"), other)) == (False, False)


@pytest.mark.parametrize("end", ["live", "ctl"])
@pytest.mark.parametrize("dress", [null, plain], ids=["NULL", "PLAIN"])
def test_a_client_without_curve_gets_nothing(
    hub: HubProcess, end: str, dress: Callable[[zmq.Socket[bytes]], None]
) -> None:
    assert knock(hub.ready(), end, dress) == (False, False)


def hears(client: WireClient) -> bool:
    """Does anything come on LIVE within three heartbeats?"""
    while client.live.poll(0):
        client.live.recv_multipart()
    return bool(client.live.poll(1600))


def denied(client: WireClient) -> bool:
    return client.ask("PING", n=1, sent=1) == {
        "msg": "DENIED",
        "code": "key",
        "text": "this station is no longer authorised",
    }


def test_a_revoked_key_loses_live_and_ctl_within_five_seconds(hub: HubProcess) -> None:
    with WireClient(hub.ready(), hub.keys("leaver")) as leaver, WireClient(hub.ready(), hub.keys("desk-1")) as client:
        leaver.until_live(b"1/hb/")
        assert leaver.hello()["msg"] == "WELCOME"
        revoke(hub.authorised, "leaver")
        began_s = time.monotonic()
        wait_for("CTL is closed to it", lambda: denied(leaver), LETS_GO)
        wait_for("LIVE is closed to it", lambda: not hears(leaver), LETS_GO)
        assert time.monotonic() - began_s < LETS_GO
        assert client.hello()["msg"] == "WELCOME"
        client.until_live(b"1/hb/")
    assert knock(hub.ready(), "ctl", curve(hub.ready(), hub.keys("leaver"))) == (False, False)
    assert knock(hub.ready(), "live", curve(hub.ready(), hub.keys("leaver"))) == (False, False)


def test_both_keys_of_a_station_count_while_it_is_rotated_and_then_the_old_one_is_refused(
    hub: HubProcess, tmp_path: Path
) -> None:
    before, after = hub.keys("changer"), ensure_station_keys(tmp_path, "changer")
    with WireClient(hub.ready(), before) as old:
        assert old.hello()["station"] == "changer"
        rotate(hub.authorised, after, overlap_s=6.0)
        until_s = time.monotonic() + 6.0
        with WireClient(hub.ready(), after) as again:
            assert again.hello()["station"] == "changer"
            assert old.hello()["station"] == "changer"
            old.until_live(b"1/hb/")
            again.until_live(b"1/hb/")
            assert time.monotonic() < until_s, "this machine is too slow for this test's overlap"
            wait_for("the old key is refused on CTL", lambda: denied(old), 6.0 + LETS_GO)
            assert time.monotonic() > until_s - 1.5, "not before its time; ends count in whole seconds"
            wait_for("the old key is refused on LIVE", lambda: not hears(old), LETS_GO)
            assert again.hello()["station"] == "changer"
            again.until_live(b"1/hb/")
    assert knock(hub.ready(), "ctl", curve(hub.ready(), before)) == (False, False)
    assert knock(hub.ready(), "ctl", curve(hub.ready(), after)) == (True, True)


@pytest.mark.parametrize("guarded", [True, False], ids=["with ZAP", "control: without"])
def test_it_is_the_gate_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs, guarded: bool
) -> None:
    """With a gate that knows every key, an unknown one gets through: the tests above can fail."""
    if guarded:
        expect_logs("an unknown key was refused")
    else:
        monkeypatch.setattr(Gate, "station", lambda self, public: "desk-1")
    with hub_here(tmp_path, sign_in="seat") as ready:
        stranger = ensure_station_keys(tmp_path / "elsewhere", "desk-1")
        for end in ("live", "ctl"):
            assert knock(ready, end, curve(ready, stranger)) == (not guarded, not guarded)


def test_a_revocation_that_a_handshake_notices_first_still_ends_live(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    """Every handshake looks at the folder: what it finds must not be lost for the housekeeping."""
    expect_logs("was taken away|an unknown key was refused")
    with hub_here(tmp_path, sign_in="seat") as ready, client_at(tmp_path, ready) as client:
        with client_at(tmp_path, ready, "desk-2") as leaver:
            leaver.until_live(b"1/hb/")
            revoke(tmp_path / "authorised", "desk-2")
            for _ in range(20):
                with client_at(tmp_path, ready) as another:
                    another.hello()
            wait_for("LIVE is closed to it", lambda: not hears(leaver), LETS_GO)
        client.until_live(b"1/hb/")
