"""Certificates and the folder of authorised stations, which never fails open."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

import pytest
import zmq.auth
from conftest import ExpectLogs

from backends.hub.keys import authorise, ensure_hub_keys, ensure_station_keys, read_authorised, revoke
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
