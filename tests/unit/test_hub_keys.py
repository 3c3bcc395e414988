"""Certificates and the folder of authorised stations, which never fails open."""

from __future__ import annotations

import shutil
import stat
import sys
import time
from pathlib import Path

import pytest
import zmq.auth
from conftest import ExpectLogs

from backends.hub.keys import (
    KeyPair,
    authorise,
    ensure_hub_keys,
    ensure_station_keys,
    read_authorised,
    revoke,
    rotate,
)
from backends.hub.zap import Gate


def test_keys_are_made_once_and_are_pyzmqs_own_files(tmp_path: Path) -> None:
    made = ensure_hub_keys(tmp_path / "keys")
    assert ensure_hub_keys(tmp_path / "keys") == made
    assert zmq.auth.load_certificate(tmp_path / "keys" / "hub.key_secret") == (made.public, made.secret)
    assert zmq.auth.load_certificate(tmp_path / "keys" / "hub.key") == (made.public, None)
    assert sorted(p.name for p in (tmp_path / "keys").iterdir()) == ["hub.key", "hub.key_secret"]


def test_only_the_owner_reads_a_secret(tmp_path: Path) -> None:
    ensure_station_keys(tmp_path, "desk-1")
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "desk-1.key_secret").stat().st_mode) == 0o600


def test_a_secret_is_not_printed(tmp_path: Path) -> None:
    pair = ensure_station_keys(tmp_path, "desk-1")
    assert pair.secret.decode() not in repr(pair)
    assert pair.secret.decode() not in f"{[pair]}"


@pytest.mark.parametrize("name", ["", "../hub", "a/b", "a\\b", ".hidden", "x" * 65, "a\n"])
def test_names_that_could_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no station name"):
        ensure_station_keys(tmp_path, name)


def test_authorised_files_hold_no_secret(tmp_path: Path) -> None:
    pair = ensure_station_keys(tmp_path / "keys", "desk-1")
    path = authorise(tmp_path / "auth", pair)
    assert pair.secret.decode() not in path.read_text(encoding="ascii")
    assert read_authorised(tmp_path / "auth") == {pair.public: "desk-1"}


def test_the_gate_follows_the_folder(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    folder = tmp_path / "auth"
    one, two = (ensure_station_keys(tmp_path / "keys", s) for s in ("desk-1", "desk-2"))
    authorise(folder, one)
    gate = Gate(folder)
    assert gate.refresh() is False
    assert gate.station(one.public) == "desk-1"
    authorise(folder, two)
    assert gate.station(two.public) is None, "known only from the next look on"
    assert gate.refresh() is False
    assert gate.station(two.public) == "desk-2"
    revoke(folder, "desk-1")
    assert gate.refresh() is True
    assert gate.station(one.public) is None
    expect_logs("nobody may join")
    shutil.rmtree(folder)
    assert gate.refresh() is True
    assert gate.station(two.public) is None
    assert gate.refresh() is False


def test_a_lost_key_is_remembered_until_somebody_asks(tmp_path: Path) -> None:
    authorise(tmp_path, ensure_station_keys(tmp_path / "keys", "desk-1"))
    gate = Gate(tmp_path)
    gate.refresh()
    assert gate.take_lost() is False
    assert gate.stations == {"desk-1"}
    revoke(tmp_path, "desk-1")
    assert [gate.refresh(), gate.refresh()] == [True, False]
    assert [gate.take_lost(), gate.take_lost()] == [True, False]
    assert gate.stations == set()


def test_a_rotated_key_counts_until_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = (ensure_station_keys(tmp_path / n, "desk-1") for n in ("a", "b"))
    folder = tmp_path / "auth"
    with pytest.raises(ValueError, match="no authorised key to rotate"):
        rotate(folder, after, 60)
    authorise(folder, before)
    with pytest.raises(ValueError, match="has that key already"):
        rotate(folder, before, 60)
    gate = Gate(folder)
    rotate(folder, after, 60)
    gate.refresh()
    assert {gate.station(before.public), gate.station(after.public)} == {"desk-1"}
    ahead_s = time.time() + 61
    monkeypatch.setattr("backends.hub.keys.time.time", lambda: ahead_s)
    assert gate.refresh() is True, "nothing in the folder has changed, but its time is over"
    assert (gate.station(before.public), gate.station(after.public)) == (None, "desk-1")


def test_revoking_takes_the_old_key_too_or_it_alone(tmp_path: Path) -> None:
    before, after = (ensure_station_keys(tmp_path / n, "desk-1") for n in ("a", "b"))
    folder = tmp_path / "auth"
    authorise(folder, before)
    rotate(folder, after, 60)
    assert revoke(folder, "desk-1", old_only=True) is True
    assert read_authorised(folder) == {after.public: "desk-1"}
    rotate(folder, before, 60)
    assert revoke(folder, "desk-1") is True
    assert (read_authorised(folder), revoke(folder, "desk-1")) == ({}, False)


def test_an_old_key_without_a_readable_end_is_refused(tmp_path: Path) -> None:
    before, after = (ensure_station_keys(tmp_path / n, "desk-1") for n in ("a", "b"))
    folder = tmp_path / "auth"
    authorise(folder, before)
    rotate(folder, after, 60)
    old = folder / "desk-1~old.key"
    old.write_text(old.read_text(encoding="ascii").replace("until", "often"), encoding="ascii")
    assert read_authorised(folder) == {after.public: "desk-1"}


def test_one_key_is_one_station(tmp_path: Path) -> None:
    pair = ensure_station_keys(tmp_path / "keys", "desk-1")
    authorise(tmp_path / "auth", pair)
    with pytest.raises(ValueError, match="is the key of station desk-1"):
        authorise(tmp_path / "auth", KeyPair("desk-2", pair.public, b""))


def test_a_gate_without_a_folder_lets_nobody_in_and_says_so(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("nobody may join")
    gate = Gate(tmp_path / "nowhere")
    gate.refresh()
    assert gate.station(ensure_station_keys(tmp_path, "desk-1").public) is None


def test_a_broken_certificate_leaves_only_its_station_out(tmp_path: Path) -> None:
    pair = ensure_station_keys(tmp_path / "keys", "desk-1")
    authorise(tmp_path / "auth", pair)
    (tmp_path / "auth" / "desk-2.key").write_text('curve\n    public-key = "short"\n', encoding="ascii")
    (tmp_path / "auth" / "desk-3.key").write_bytes(b"\xff\xfe")
    (tmp_path / "auth" / "notes.txt").write_text("x", encoding="ascii")
    assert read_authorised(tmp_path / "auth") == {pair.public: "desk-1"}
