"""The gate's look at its folder: what closes it, what does not, and for how long."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ExpectLogs

from backends.hub import keys, main, zap
from backends.hub.keys import KeyPair, authorise, ensure_station_keys
from backends.hub.zap import BLIND_S, Gate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "authorised"


@pytest.fixture
def pair(folder: Path, tmp_path: Path) -> KeyPair:
    folder.mkdir()
    made = ensure_station_keys(tmp_path / "keys", "desk-1")
    authorise(folder, made)
    return made


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO])
def test_a_hub_without_files_keeps_the_last_good_look_for_a_while(
    folder: Path, pair: KeyPair, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs, number: int
) -> None:
    expect_logs("cannot be read")
    gate = Gate(folder)
    gate.refresh()

    def no_more(self: Path) -> Iterator[Path]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "iterdir", no_more)
    assert not gate.refresh()
    assert gate.station(pair.public) == "desk-1"
    assert gate.readable
    late_s = time.monotonic() + BLIND_S + 1
    monkeypatch.setattr(zap.time, "monotonic", lambda: late_s)
    assert gate.refresh(), "not for ever: who may be here is no longer known"
    assert gate.station(pair.public) is None


def test_a_certificate_that_cannot_be_opened_for_want_of_files_is_not_taken_for_a_revoked_one(
    folder: Path, pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    expect_logs("cannot be read")
    gate = Gate(folder)
    gate.refresh()
    authorise(folder, ensure_station_keys(tmp_path / "keys", "desk-2"))

    def no_more(path: Path) -> bytes:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(keys, "load_public", no_more)
        assert not gate.refresh()
        assert gate.stations == {"desk-1"}
    gate.refresh()
    assert gate.stations == {"desk-1", "desk-2"}


def test_a_certificate_that_goes_while_the_folder_is_read_takes_nobody_with_it(
    folder: Path, pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [*folder.iterdir(), folder / "gone.key"]
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(there))
    gate = Gate(folder)
    gate.refresh()
    assert gate.station(pair.public) == "desk-1"


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "gone"), PermissionError(errno.EACCES, "no")])
def test_a_folder_that_is_gone_or_closed_closes_the_gate(
    folder: Path, pair: KeyPair, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs, error: OSError
) -> None:
    expect_logs("nobody may join")
    gate = Gate(folder)
    gate.refresh()

    def closed(self: Path) -> Iterator[Path]:
        raise error

    monkeypatch.setattr(Path, "iterdir", closed)
    assert gate.refresh()
    assert not gate.stations


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_hub_takes_as_many_files_as_it_may() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        main.allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(before[1], main.MOST_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
