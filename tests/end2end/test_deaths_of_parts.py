"""Decoder workers and the sound die in every way; the rest of the console notices nothing. See test_deaths.py."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from helpers.console_process import console
from helpers.deaths import FEW_WAYS, SCREEN, WAYS, named, only, reports
from helpers.waiting import wait_for


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ways", [FEW_WAYS, pytest.param(WAYS, marks=pytest.mark.soak)], ids=["few", "all"])
def test_workers_and_the_sound_die_in_every_way(tmp_path: Path, ways: tuple[signal.Signals, ...]) -> None:
    data = tmp_path / "data"
    with console(data, *SCREEN) as running:
        running.wait_event("first_paint", timeout_s=150)
        gui = running.pid_of("gui")
        for module, child in (("backends.video.worker", "worker"), ("widgets.sound_child", "sound")):
            # The sound waits longer after each failure, and for its first word: the hang, the slowest, comes first.
            for number, way in enumerate(ways if child == "worker" else ways[::-1], 1):
                victim = only(running, module)
                os.kill(victim, way)
                wait_for(
                    lambda way=way, child=child: f"{child} after {way.name}",
                    lambda module=module, victim=victim: [p for p in named(running, module) if p > victim],
                    60,
                )
                wait_for("its report", lambda child=child, number=number: len(reports(data, child)) == number, 20)
        assert running.pid_of("gui") == gui
        assert not [e for e in running.events() if e["event"] in ("error", "child_died")]
