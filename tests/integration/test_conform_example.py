"""The example backend in C++, written from docs/protocol.md alone, builds and keeps every promise that it makes; none
is skipped, and what it does without is not offered, by the rules of that document."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.example_backend import SOURCE, ExampleBackend, build, compiler
from helpers.waiting import wait_for

from backends.conform import (
    actor,
    confiding,
    covering,
    handling,
    lasting,
    peopling,
    picturing,
    presence,
    reporting,
    ruling,
    seeing,
    stepping,
    turning,
    wire,
    writing,
)
from backends.conform.registry import Check
from backends.conform.room import Room
from backends.conform.run import CHECKS, Verdict, run

KEPT = ("acknowledge", "grants", "forged-actor", "sign-in")
"""Of what a backend may do without."""
WITHOUT = [
    check
    for module in (
        handling, stepping, peopling, covering, writing, picturing, reporting, confiding, ruling, presence, turning,
        seeing,
    )
    for check in module.CHECKS.all
    if check.name not in KEPT
]  # fmt: skip
STANDING = [check for check in CHECKS if check not in (*lasting.CHECKS.all, *WITHOUT)]
needs_compiler = pytest.mark.skipif(compiler() is None, reason="no g++ here; scripts/debian-packages.txt names it")


def free_address() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleBackend]:
    build()
    folder = tmp_path_factory.mktemp("example")
    with ExampleBackend(folder / "data", free_address(), free_address()) as made:
        yield made


@pytest.fixture(scope="module")
def room(backend: ExampleBackend) -> Iterator[Room]:
    with Room(backend.place()) as made:
        yield made


@needs_compiler
@pytest.mark.parametrize("check", STANDING, ids=lambda check: check.name)
def test_the_example_backend_keeps_every_promise(room: Room, check: Check) -> None:
    (outcome,) = run(room, [check])
    assert outcome.verdict is Verdict.PASS, outcome.seen


@needs_compiler
def test_the_rest_it_does_not_offer(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (wire, actor):
        monkeypatch.setattr(module, "UNKNOWN_S", 1.0)
    assert [outcome for outcome in run(room, WITHOUT) if outcome.verdict is not Verdict.NOT_OFFERED] == []


@needs_compiler
def test_a_revoked_station_is_denied_and_loses_live(backend: ExampleBackend, room: Room) -> None:
    """As docs/protocol.md section 2 promises; the file comes back afterwards."""
    file = backend.folder / "stations" / "desk-1.key"
    kept = file.read_bytes()
    with room.joined(live=True) as (peer, _):
        file.unlink()
        try:
            while peer.receive_live(2.0) is not None:
                pass
            peer.send_raw(b"1", b'{"msg":"PING","n":1,"sent":1}')
            denied = peer.receive(5.0)
        finally:
            file.write_bytes(kept)
    assert denied.code == "key"


@needs_compiler
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_example_backend_goes_on_after_a_restart(tmp_path: Path, how: str) -> None:
    with ExampleBackend(tmp_path / "data", free_address(), free_address()) as backend:

        def restart() -> None:
            backend.kill() if how == "killed" else backend.stop()
            backend.start()

        with Room(backend.place(), restart=restart) as room:
            with room.joined() as (peer, _):  # it says that it is ready a moment before its first round
                wait_for("its first alarm", lambda: room.items(peer, "alarms"))
            (outcome,) = run(room, lasting.CHECKS.all)
        assert outcome.verdict is Verdict.PASS, outcome.seen


@needs_compiler
def test_it_stops_when_told_and_complains_of_nothing(tmp_path: Path) -> None:
    with ExampleBackend(tmp_path / "data", free_address(), free_address()) as backend:
        with Room(backend.place()) as room, room.joined() as (peer, _):
            peer.ping(1)
        assert backend.stop() == (0, "")


def test_it_is_under_400_lines_comments_included() -> None:
    assert SOURCE.read_text(encoding="utf-8").count("\n") < 400
