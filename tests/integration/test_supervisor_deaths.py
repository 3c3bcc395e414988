"""The supervisor and every way to die, with real processes: each is started again, and each leaves a report."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers.tiny_children import WAYS
from helpers.waiting import wait_for

from backends.domain.times import SystemClock
from console import watchdog
from console.crash import CrashReports, Report, read_report, report_files
from console.events import EventLog, box_file
from console.notify import Notifier
from console.status import ask_restart
from console.supervisor import ChildSpec, Supervisor

MODULE = "helpers.tiny_children"
DUMP_S, KILL_S = 3.0, 6.0
"""Instead of 5 and 15 s: these children beat 50 times a second."""
CANARY = "canary-7f3a9c"


def pids(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "Pulse", functools.partial(watchdog.Pulse, dump_s=DUMP_S, kill_s=KILL_S))


class LeapingClock(SystemClock):
    """A monotonic clock that also counts the time in which the machine slept, as that of Windows does."""

    ahead_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


class House:
    """A supervisor that runs in the main thread while a helper does something to its children."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        (folder / "logs").mkdir()
        self.go = folder / "go"
        self._events = EventLog(folder / "log.jsonl", "supervisor", box_file(folder))
        self.crashes = CrashReports(folder, [box_file(folder)])
        self.more = more
        self.supervisor: Supervisor | None = None

    def spec(self, name: str, **settings: Any) -> ChildSpec:
        given = {
            "file": str(self.folder / f"{name}.pids"),
            "way": str(self.folder / f"{name}.way"),
            "authkey": CANARY,
            **settings,
        }
        log = self.folder / "logs" / f"{name}.log"
        return ChildSpec(name, MODULE, lambda: given, exit_ends_all=name == "gui", beats=True, log=log)

    def run(self, do: Callable[[], None], *children: ChildSpec) -> int:
        """`do` in another thread; then the GUI ends, and with it all. What `do` raises is raised here."""
        gui = self.spec("gui", go=str(self.go))
        rows = [*children, *([] if any(c.name == "gui" for c in children) else [gui])]
        self.supervisor = Supervisor(rows, self._events, self.folder / "status.json", crashes=self.crashes, **self.more)
        found: list[BaseException] = []

        def help_it() -> None:
            try:
                wait_for("all run", lambda: self.events("ready") and all(self.pids(row.name) for row in rows))
                do()
            except BaseException as error:  # noqa: BLE001  # raised again below
                found.append(error)
            self.go.touch()

        helper = threading.Thread(target=help_it, name="test-helper")
        helper.start()
        try:
            status = self.supervisor.run()
        finally:
            helper.join()
            self._events.close()
        if found:
            raise found[0]
        return status

    def events(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / "log.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [event for line in lines if line.endswith("}") and (event := json.loads(line))["event"] == name]

    def pids(self, name: str) -> list[int]:
        return pids(self.folder / f"{name}.pids")

    def die(self, name: str, way: str) -> None:
        beside = self.folder / f"{name}.part"
        beside.write_text(way)
        beside.rename(self.folder / f"{name}.way")

    def revived(self, name: str, timeout_s: float = 20.0) -> None:
        """Another one runs, and beats."""
        wait_for(f"a new {name}", lambda: len(self.pids(name)) == 2, timeout_s)

    def reports(self) -> list[Report]:
        return [report for path in report_files(self.folder / "crashes") if (report := read_report(path))]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


EXPECTED = {
    "kill": ("signal SIGKILL", -signal.SIGKILL),
    "segv": ("signal SIGSEGV", -signal.SIGSEGV),
    "abort": ("signal SIGABRT", -signal.SIGABRT),
    "exit": ("exit status 41", 41),
    "raise": ("exit status 1", 1),
    "hang": ("no sign of life, killed", -signal.SIGKILL),
    "stop": ("no sign of life, killed", -signal.SIGKILL),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("victim", ["hub", "gui"])
@pytest.mark.parametrize("way", WAYS)
def test_every_death_is_survived_and_reported(house: House, way: str, victim: str, expect_logs: Any) -> None:
    expect_logs(f"{victim} (died with status|gave no sign).*; it is started again")
    if way in ("hang", "stop"):
        expect_logs(f"{victim} has given no sign for")
    house.run(lambda: (house.die(victim, way), house.revived(victim)), house.spec("hub"))
    other = "gui" if victim == "hub" else "hub"
    assert len(house.pids(other)) == 1, "the others go on"
    (report,) = house.reports()
    how, rc = EXPECTED[way]
    assert (report.child, report.how, report.rc) == (victim, how, rc)
    assert report.hung is (way in ("hang", "stop"))
    assert report.pid == house.pids(victim)[0]
    assert 0 < report.uptime_s < 30
    assert any(e["event"] == "child_died" and e["name"] == victim for e in report.events)
    assert report.versions["python"].startswith("3.")
    if way == "hang":
        assert "hang_in_here" in report.stacks
    if way in ("segv", "abort"):
        assert report.stacks.startswith("Fatal Python error")
    if way == "raise":
        assert report.error.splitlines()[-1] == "RuntimeError: a fault of the child"
        assert "raise_something" in report.error


@pytest.mark.usefixtures("quick")
def test_where_no_signal_can_ask_for_the_stacks_a_timer_writes_them(
    house: House, monkeypatch: pytest.MonkeyPatch, expect_logs: Any
) -> None:
    """The way of Windows: nothing is sent to the child, it has armed its timer at each beat."""
    expect_logs("hub gave no sign and was killed; it is started again")
    expect_logs("hub has given no sign for")
    monkeypatch.setattr(watchdog, "DUMP_SIGNAL", None)
    house.run(lambda: (house.die("hub", "hang"), house.revived("hub")), house.spec("hub", timed_dump=1.0))
    (report,) = house.reports()
    assert "hang_in_here" in report.stacks
    assert "Timeout (" in report.stacks


@pytest.mark.usefixtures("quick")
def test_without_the_watchdog_a_hung_child_stays_hung(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(Supervisor, "_care", lambda self: None)

    def hang() -> None:
        house.die("hub", "hang")
        house.revived("hub", KILL_S * 4)

    with pytest.raises(AssertionError, match="a new hub"):
        house.run(hang, house.spec("hub"))
    assert len(house.pids("hub")) == 1


class Suspended:
    """All children stand still while the clock leaps an hour: what they and we see of a machine that slept."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self._house, self._clock = house, LeapingClock()
        house.more["clock"] = self._clock
        monkeypatch.setattr(watchdog, "Pulse", functools.partial(watchdog.Pulse, dump_s=3.0, kill_s=6.0))

    def once(self) -> None:
        supervisor = self._house.supervisor
        assert supervisor is not None
        wait_for("all beat", lambda: all(child.pulse.beats > 3 for child in supervisor._children.values()))
        all_pids = [self._house.pids(name)[-1] for name in ("hub", "gui")]
        for pid in all_pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            self._clock.ahead_s += 3600.0
            leapt_s = self._clock.monotonic_s()
            wait_for("the supervisor looks", lambda: (supervisor._held_up._looked_s or 0.0) >= leapt_s)
        finally:
            for pid in all_pids:
                if psutil.pid_exists(pid):
                    os.kill(pid, signal.SIGCONT)
        pulse = supervisor._children["hub"].pulse
        assert pulse is not None
        seen = pulse.beats
        wait_for("it goes on", lambda: pulse.beats > seen + 5 or self._house.events("child_hung"))


def test_a_supervisor_that_stood_still_itself_kills_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    suspended = Suspended(house, monkeypatch)
    house.run(lambda: [suspended.once() for _ in range(3)], house.spec("hub"))
    assert len(house.pids("hub")) == len(house.pids("gui")) == 1
    assert not house.events("child_hung")
    assert not house.reports()


def test_without_forgiveness_a_suspended_machine_would_kill(
    house: House, monkeypatch: pytest.MonkeyPatch, expect_logs: Any
) -> None:
    """Negative control: the same leap of the clock, with the guard removed."""
    expect_logs("(hub|gui) gave no sign and was killed")
    real = watchdog.HeldUp.look
    monkeypatch.setattr(watchdog.HeldUp, "look", lambda self, now_s: real(self, now_s) and False)
    suspended = Suspended(house, monkeypatch)
    house.run(suspended.once, house.spec("hub"))
    assert house.events("child_hung")


def test_what_a_child_kept_is_told_to_the_next_one(house: House, expect_logs: Any) -> None:
    expect_logs("hub died with status -9")
    told = house.folder / "told.json"

    def kill_it() -> None:
        wait_for("kept", lambda: house.supervisor._children["hub"].kept)
        house.die("hub", "kill")
        house.revived("hub")
        wait_for("told", lambda: json.loads(told.read_text()).get("died_ns"))

    house.run(kill_it, house.spec("hub", keep='{"text": "đang viết dở"}', told=str(told)))
    words = json.loads(told.read_text())
    assert words["kept"] == '{"text": "đang viết dở"}'
    assert words["hung"] is False
    assert words["restarts"] == 1


def test_a_person_starts_again_what_was_given_up(house: House, expect_logs: Any) -> None:
    expect_logs("hub is given up: it says that it cannot work here")
    first = house.folder / "first"
    given = {"file": str(house.folder / "hub.pids")}

    def settings() -> dict[str, Any]:
        """The first one cannot work here; the cause is then mended."""
        if first.exists():
            return given
        first.touch()
        return {**given, "exit": 3}

    spec = ChildSpec("hub", MODULE, settings, beats=True)

    def mend() -> None:
        wait_for("given up", lambda: house.events("child_given_up"))
        ask_restart(house.folder, ["hub"])
        house.revived("hub")

    house.run(mend, spec)
    assert house.events("child_asked_for")


@pytest.mark.parametrize("hung", [False, True])
def test_systemd_is_told_while_all_is_well_and_only_then(
    tmp_path: Path, hung: bool, expect_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "Pulse", functools.partial(watchdog.Pulse, dump_s=DUMP_S, kill_s=KILL_S))
    if hung:
        expect_logs("gui has given no sign for")
        expect_logs("gui gave no sign and was killed")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(10)
        environ = {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "200000",
            "WATCHDOG_PID": str(os.getpid()),
        }
        house = House(tmp_path, notifier=Notifier(environ))
        assert environ == {}, "no child may speak for us"
        said: list[tuple[int, bytes]] = []

        def look() -> None:
            wait_for("watchdog", lambda: door.recv(200) == b"WATCHDOG=1")
            if hung:
                house.die("gui", "hang")
                wait_for("silent", lambda: house.events("child_silent"))
                door.setblocking(False)

                def hear() -> bool:
                    while raw := _received(door):
                        said.append((time.time_ns(), raw))
                    return bool(house.events("child_hung"))

                hear()
                said.clear()
                wait_for("hung", hear)
                door.settimeout(10)
                house.revived("gui")
                wait_for("watchdog again", lambda: door.recv(200) == b"WATCHDOG=1")
            else:
                for _ in range(5):
                    wait_for("watchdog", lambda: door.recv(200) == b"WATCHDOG=1")

        house.run(look, house.spec("gui", go=str(house.go)))
        rest = []
        door.setblocking(False)
        while raw := _received(door):
            rest.append(raw)
    if hung:
        t_hung_ns = house.events("child_hung")[0]["t"]
        assert not [raw for t_ns, raw in said if t_ns < t_hung_ns], "no WATCHDOG=1 while the windows stand still"
    assert rest[-1] == b"STOPPING=1"


def _received(door: socket.socket) -> bytes:
    try:
        return door.recv(200)
    except BlockingIOError:
        return b""


@pytest.mark.usefixtures("quick")
def test_no_secret_of_the_settings_reaches_a_report(house: House, expect_logs: Any) -> None:
    """The child prints what it was given, as a careless library might, and dies."""
    expect_logs("hub died with status 1")
    log = house.folder / "logs" / "hub.log"
    given = {"file": str(house.folder / "hub.pids"), "way": str(house.folder / "hub.way")}
    secrets = {"authkey": CANARY, "secret_key": CANARY + "-2", "nested": {"password": 'mật "khẩu"\\n'}}

    def spill() -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"settings: {json.dumps(secrets)} rtsp://admin:{CANARY}-3@10.0.0.9/1\n")
            file.write(f"repr: {secrets!r}\n{json.dumps(secrets, ensure_ascii=False)}\n")
        house.die("hub", "raise")
        house.revived("hub")

    house.run(spill, ChildSpec("hub", MODULE, lambda: {**given, **secrets}, beats=True, log=log))
    (path,) = report_files(house.folder / "crashes")
    text = path.read_text(encoding="utf-8")
    assert "settings:" in text
    assert "[hidden]" in text
    assert CANARY not in text
    assert "khẩu" not in text
    assert "kh\\u" not in text
