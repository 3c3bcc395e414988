"""The supervisor with real processes: restart, giving up, the end of everything, and a death that nothing outlives."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers.waiting import wait_for

from backends.process import spawn_child
from console.events import EventLog
from console.supervisor import RESTARTS, ChildSpec, Supervisor

MODULE = "helpers.tiny_children"


def lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def pids(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Room:
    """A supervisor in a thread of this process... its loop needs no main thread, only its signals do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.jsonl"
        self.status = folder / "status.json"
        self.supervisor: Supervisor | None = None
        self.exit: list[int] = []

    def spec(self, name: str, ends_all: bool = False, needs: tuple[str, ...] = (), **settings: Any) -> ChildSpec:
        def given() -> dict[str, Any]:
            return {"file": str(self.folder / f"{name}.pids"), **settings}

        return ChildSpec(name, MODULE, given, exit_ends_all=ends_all, needs=needs)

    def run(self, *children: ChildSpec, services: tuple[Any, ...] = ()) -> int:
        """Run to the end, in this (the main) thread."""
        self.supervisor = Supervisor(children, EventLog(self.log, "supervisor"), self.status, services)
        return self.supervisor.run()

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in lines(self.log) if line["event"] == name]

    def children(self) -> dict[str, dict[str, Any]]:
        return {child["name"]: child for child in json.loads(self.status.read_text())["children"]}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


class Helper:
    """Does something from another thread while the supervisor holds the main one; its failure ends the run."""

    def __init__(self, room: Room, do: Any) -> None:
        self._room, self._do = room, do
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="test-helper")

    def _run(self) -> None:
        try:
            self._do()
        except BaseException as error:  # noqa: BLE001  # raised again in the test's own thread
            self.error = error
            assert self._room.supervisor is not None
            self._room.supervisor.stop("the test's helper failed")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._thread.join()
        if self.error is not None:
            raise self.error


def test_the_gui_ends_everything_and_children_stop_in_reverse_order(room: Room, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    assert room.run(room.spec("hub"), room.spec("feeder"), room.spec("gui", True, go=str(tmp_path / "go"))) == 0
    assert [e["name"] for e in room.events("child_started")] == ["hub", "feeder", "gui"]
    assert [e["name"] for e in room.events("child_stopped")] == ["feeder", "hub"]
    assert not [pid for name in ("hub", "feeder", "gui") for pid in pids(tmp_path / f"{name}.pids") if running(pid)]
    assert {c["phase"] for c in room.children().values()} == {"ended"}


@pytest.mark.parametrize("victim", ["hub", "gui"])
def test_what_is_killed_is_started_again(room: Room, tmp_path: Path, victim: str, expect_logs: Any) -> None:
    expect_logs(f"{victim} died with status -9; it is started again")

    def kill_once_then_let_the_gui_end() -> None:
        first = wait_for("both run", lambda: room.events("ready") and pids(tmp_path / f"{victim}.pids"))[0]
        os.kill(first, signal.SIGKILL)
        wait_for("a new one", lambda: len(pids(tmp_path / f"{victim}.pids")) == 2)
        (tmp_path / "go").touch()

    with Helper(room, kill_once_then_let_the_gui_end):
        assert room.run(room.spec("hub"), room.spec("gui", True, go=str(tmp_path / "go"))) == 0
    assert [e["name"] for e in room.events("child_restarted")] == [victim]
    assert [e["rc"] for e in room.events("child_died")] == [-9]
    other = "gui" if victim == "hub" else "hub"
    assert len(pids(tmp_path / f"{other}.pids")) == 1


def test_a_warm_child_is_taken_once(room: Room, tmp_path: Path, expect_logs: Any) -> None:
    """The process that already waits gets the settings; after its death a new one is started as usual."""
    expect_logs("gui died with status -9; it is started again")
    warm = spawn_child(MODULE)
    spec = dataclasses.replace(room.spec("gui", True, go=str(tmp_path / "go")), warm=warm)

    def kill_it_then_let_the_next_end() -> None:
        first = wait_for("it runs", lambda: pids(tmp_path / "gui.pids"))[0]
        assert first == warm.pid
        os.kill(first, signal.SIGKILL)
        second = wait_for("a new one", lambda: len(pids(tmp_path / "gui.pids")) == 2 and pids(tmp_path / "gui.pids")[1])
        assert second != warm.pid
        (tmp_path / "go").touch()

    with Helper(room, kill_it_then_let_the_next_end):
        assert room.run(spec) == 0


def test_a_warm_child_that_gets_no_settings_ends_by_itself() -> None:
    child = spawn_child(MODULE)
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(20) != 0


def test_what_dies_again_and_again_is_given_up_and_the_others_go_on(
    room: Room, tmp_path: Path, expect_logs: Any
) -> None:
    expect_logs("feeder died with status 7; it is started again")
    expect_logs("feeder is given up: died with status 7; 5 restarts in 60 s did not help")

    def wait_then_end() -> None:
        wait_for("given up", lambda: room.events("child_given_up"))
        assert all(running(pid) for pid in pids(tmp_path / "hub.pids"))
        assert room.children()["feeder"]["phase"] == "given_up"
        assert "status 7" in room.children()["feeder"]["reason"]
        (tmp_path / "go").touch()

    with Helper(room, wait_then_end):
        gui = room.spec("gui", True, go=str(tmp_path / "go"))
        assert room.run(room.spec("hub"), room.spec("feeder", exit=7), gui) == 0
    assert len(pids(tmp_path / "feeder.pids")) == 1 + RESTARTS
    assert len(pids(tmp_path / "hub.pids")) == len(pids(tmp_path / "gui.pids")) == 1


def test_a_gui_that_says_what_it_needs_is_not_restarted(room: Room, tmp_path: Path, expect_logs: Any) -> None:
    expect_logs("gui is given up: it says that it cannot work here")
    assert room.run(room.spec("hub"), room.spec("gui", True, exit=3)) == 3
    assert len(pids(tmp_path / "gui.pids")) == 1


def test_a_job_that_is_done_is_not_restarted(room: Room, tmp_path: Path) -> None:
    job = ChildSpec("clips", MODULE, lambda: {"file": str(tmp_path / "clips.pids"), "exit": 0}, once=True)

    def wait_then_end() -> None:
        wait_for("done", lambda: room.events("child_ended"))
        (tmp_path / "go").touch()

    with Helper(room, wait_then_end):
        assert room.run(job, room.spec("gui", True, go=str(tmp_path / "go"))) == 0
    assert len(pids(tmp_path / "clips.pids")) == 1
    assert not room.events("child_died")


def test_a_child_waits_for_what_it_needs(room: Room, tmp_path: Path) -> None:
    ready, dawn = tmp_path / "ready", tmp_path / "dawn"
    hub = ChildSpec("hub", MODULE, lambda: {"file": str(tmp_path / "hub.pids")}, ready=ready.exists)
    early = ChildSpec("early", MODULE, lambda: {"file": str(tmp_path / "early.pids")}, when=dawn.exists)

    def then() -> None:
        wait_for("the hub runs", lambda: pids(tmp_path / "hub.pids"))
        assert not pids(tmp_path / "gui.pids")
        assert not pids(tmp_path / "early.pids")
        dawn.touch()
        wait_for("the early one runs", lambda: pids(tmp_path / "early.pids"))
        assert not pids(tmp_path / "gui.pids")
        ready.touch()
        wait_for("the gui runs", lambda: pids(tmp_path / "gui.pids"))
        (tmp_path / "go").touch()

    with Helper(room, then):
        assert room.run(hub, early, room.spec("gui", True, ("hub",), go=str(tmp_path / "go"))) == 0
    assert [e["name"] for e in room.events("child_started")] == ["hub", "early", "gui"]


def test_one_that_never_gets_ready_does_not_hold_the_others(room: Room, tmp_path: Path, expect_logs: Any) -> None:
    expect_logs("hub is not ready after 0 s; going on")
    hub = ChildSpec(
        "hub", MODULE, lambda: {"file": str(tmp_path / "hub.pids")}, ready=lambda: False, ready_timeout_s=0.1
    )
    (tmp_path / "go").touch()
    assert room.run(hub, room.spec("gui", True, ("hub",), go=str(tmp_path / "go"))) == 0


def test_one_that_is_given_up_does_not_hold_the_others(room: Room, tmp_path: Path, expect_logs: Any) -> None:
    expect_logs("hub is given up: it says that it cannot work here")
    hub = ChildSpec("hub", MODULE, lambda: {"file": str(tmp_path / "hub.pids"), "exit": 3}, ready=lambda: False)
    (tmp_path / "go").touch()
    assert room.run(hub, room.spec("gui", True, ("hub",), go=str(tmp_path / "go"))) == 0


def test_services_start_before_and_stop_after_the_children(room: Room, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    class Pictures:
        def start(self) -> None:
            seen.append(("start", len(pids(tmp_path / "gui.pids"))))

        def stop(self) -> None:
            seen.append(("stop", len([pid for pid in pids(tmp_path / "gui.pids") if running(pid)])))

    (tmp_path / "go").touch()
    assert room.run(room.spec("gui", True, go=str(tmp_path / "go")), services=(Pictures(),)) == 0
    assert seen == [("start", 0), ("stop", 0)]


@pytest.fixture
def supervisor_process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    path = os.pathsep.join(p for p in sys.path if p)
    command = [sys.executable, "-m", "helpers.tiny_supervisor", str(tmp_path), "hub", "gui"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(10)


def both(tmp_path: Path) -> list[int]:
    found = pids(tmp_path / "hub.pids") + pids(tmp_path / "gui.pids")
    return found if len(found) == 2 else []


def test_nothing_outlives_a_killed_supervisor(supervisor_process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    started = wait_for("both run", lambda: both(tmp_path))
    assert all(running(pid) for pid in started)
    supervisor_process.kill()
    wait_for("all are gone", lambda: not any(running(pid) for pid in started))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_in_order(
    supervisor_process: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    started = wait_for("both run", lambda: both(tmp_path))
    supervisor_process.send_signal(number)
    assert supervisor_process.wait(20) == 0
    assert not any(running(pid) for pid in started)
    log = lines(tmp_path / "log.jsonl")
    assert [e["name"] for e in log if e["event"] == "child_stopped"] == ["gui", "hub"]
    assert [e["why"] for e in log if e["event"] == "stopping"] == [number.name]
