"""The real demo survives the death of any of its processes, by any way, and the operator keeps the wall."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from helpers.console_process import console
from helpers.deaths import SCREEN, WAYS, live_again, named, newest_ns, reports
from helpers.waiting import wait_for

FEW = (
    ("gui", signal.SIGSEGV),
    ("gui", signal.SIGSTOP),
    ("feeder", signal.SIGKILL),
    ("hub", signal.SIGSTOP),
)
"""Dead and hung, with and without a stack of its own: one console lives through all of it."""


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "deaths",
    [
        FEW,
        *(
            pytest.param(tuple((child, way) for way in WAYS), marks=pytest.mark.soak)
            for child in ("gui", "feeder", "hub")
        ),
    ],
    ids=["few", "gui", "feeder", "hub"],
)
def test_children_of_the_table_die_in_every_way(tmp_path: Path, deaths: tuple[tuple[str, signal.Signals], ...]) -> None:
    data = tmp_path / "data"
    with console(data, *SCREEN, "--layout", "traffic") as running:
        running.wait_event("first_paint", timeout_s=150)
        wait_for("all live", live_again(running), 60)
        workers = wait_for("decoders", lambda: named(running, "backends.video.worker"))
        died: Counter[str] = Counter()
        for child, way in deaths:
            others = {name: running.pid_of(name) for name in ("gui", "feeder", "hub") if name != child}
            died[child] += 1
            before = newest_ns(running)
            os.kill(running.pid_of(child), way)
            again = running.wait_event(
                "child_restarted", lambda e, child=child: e["name"] == child, after_ns=before, timeout_s=40
            )
            running.wait_event(
                "child_ready", lambda e, child=child: e["name"] == child, after_ns=again["t"], timeout_s=40
            )
            wait_for(lambda way=way: f"live after {way.name}: {running.tail()}", live_again(running), 60)
            wait_for("its report", lambda child=child: len(reports(data, child)) == died[child], 20)
            assert running.process.poll() is None
            assert {name: running.pid_of(name) for name in others} == others, "the others went on"
        assert set(workers) <= set(named(running, "backends.video.worker")), "the pictures' processes went on"
        assert {e["layout"] for e in running.events() if e["event"] == "layout"} == {"traffic"}
        assert not [e for e in running.events() if e["event"] in ("error", "child_given_up")]
    for child in died:
        _reports_tell(data, child, {way for name, way in deaths if name == child})


def _reports_tell(data: Path, child: str, ways: set[signal.Signals]) -> None:
    """How each ended, with what it said last, and no secret."""
    found = {report.how for report in reports(data, child)}
    hung = {"no sign of life, killed"} if signal.SIGSTOP in ways else set()
    assert found == {f"signal {way.name}" for way in ways if way != signal.SIGSTOP} | hung
    for report in reports(data, child):
        assert report.versions["qt"].startswith("6.")
        assert len(report.events) > 5
        if report.signal in ("SIGSEGV", "SIGABRT"):
            assert "Fatal Python error" in report.stacks
        text = report.log, report.events
        for key in (data / "keys").glob("*_secret"):
            secret = key.read_text(encoding="utf-8").split("secret-key")[1].split('"')[1]
            assert secret not in str(text)


@pytest.mark.timeout(200)
def test_what_cannot_be_restarted_is_an_alarm_until_a_person_starts_it(tmp_path: Path) -> None:
    """The feeder dies again and again: given up, and said on the screen, by the GUI itself. Then a person asks."""
    data = tmp_path / "data"
    with console(data, *SCREEN) as running:
        running.wait_event("first_paint", timeout_s=150)
        wait_for("all live", live_again(running), 60)
        gui, began_ns = running.pid_of("gui"), newest_ns(running)
        while not [e for e in running.events() if e["event"] == "child_given_up"]:
            pid = running.pid_of("feeder")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_for(
                "the next one, or none",
                lambda pid=pid: (
                    running.pid_of("feeder") != pid or [e for e in running.events() if e["event"] == "child_given_up"]
                ),
                20,
            )
        told = running.wait_event(
            "station_alarms", lambda e: "local:part_feeder" in e["ids"], after_ns=began_ns, timeout_s=10
        )
        running.wait_event("stale", lambda e: "alarms" in e["feeds"], after_ns=began_ns, timeout_s=10)
        assert len(reports(data, "feeder")) == 6
        command = [sys.executable, "-m", "console", "restart", "feeder", "--data-dir", str(data)]
        subprocess.run(command, check=True, timeout=30)
        running.wait_event("child_ready", lambda e: e["name"] == "feeder", after_ns=told["t"], timeout_s=30)
        wait_for("all live", live_again(running), 30)
        assert running.pid_of("gui") == gui
        assert not [e for e in running.events() if e["event"] == "error"]
