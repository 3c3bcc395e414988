"""The demo as a newcomer meets it: real processes, real sockets, pictures of every screen."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.console_process import Console, console
from helpers.deaths import SCREEN, live_again
from helpers.waiting import wait_for

SCREENS = "1920x1080@24:desk,3840x2160@55:wall"


@pytest.mark.timeout(180)
def test_screens_of_a_fresh_demo_live(tmp_path: Path) -> None:
    """Four pictures; between the two moments the cameras have moved, and nothing is left running."""
    shots = tmp_path / "shots"
    with console(
        tmp_path / "data", "--platform", "offscreen", "--screens", SCREENS, "--screenshot", str(shots),
        "--after", "3,5", draws=True,
    ) as running:  # fmt: skip
        stopped = running.wait_event("gui_stopped", timeout_s=150)
        assert stopped["status"] == 0
        running.process.wait(20)
        assert running.process.returncode == 0
        pids = [e["pid"] for e in running.events() if "pid" in e]
    assert len(list(shots.glob("*.png"))) == 4
    for screen, size in ((1, (1080, 1920)), (2, (2160, 3840))):
        before = cv2.imread(str(shots / f"screen-{screen}-3s.png"), cv2.IMREAD_GRAYSCALE)
        after = cv2.imread(str(shots / f"screen-{screen}-5s.png"), cv2.IMREAD_GRAYSCALE)
        assert before is not None
        assert after is not None
        assert before.shape == size
        moved = np.abs(before.astype(np.int16) - after.astype(np.int16)) > 25
        assert moved.mean() > 0.002, f"screen {screen} stands still"
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.timeout(300)
def test_hub_stops_comes_back_and_what_was_stored_outlives_it(tmp_path: Path) -> None:
    """One console's data, three starts: the demo, an operating console whose hub is gone, and one that may not."""
    data = tmp_path / "data"
    with console(data, *SCREEN) as running:
        running.wait_event("first_paint", timeout_s=120)
        running.wait_event("stale", lambda e: e["feeds"] == [])
        _hub_stops_and_comes_back(running)
    _what_is_stored_is_on_screen_at_once(tmp_path, int(running.events()[-1]["t"]))
    _a_simulated_city_never_stands_under_operating(tmp_path, int(running.events()[-1]["t"]))


def _hub_stops_and_comes_back(running: Console) -> None:
    """Stopped hub: stale within 2 s, the GUI lives on. Going on: live again. Killed hub: started anew, live again."""
    hub = running.pid_of("hub")
    os.kill(hub, signal.SIGSTOP)
    try:
        stale = running.wait_event("stale", lambda e: "alarms" in e["feeds"], timeout_s=10)
    finally:
        os.kill(hub, signal.SIGCONT)
    live = running.wait_event("stale", lambda e: e["feeds"] == [], after_ns=stale["t"], timeout_s=30)
    os.kill(hub, signal.SIGKILL)
    again = running.wait_event("child_restarted", lambda e: e["name"] == "hub", after_ns=live["t"])
    running.wait_event("child_ready", lambda e: e["name"] == "hub", after_ns=again["t"], timeout_s=60)
    # A hub that is back within 1.5 s never shows as stale; one that took longer must end live.
    wait_for(lambda: f"all feeds live again: {running.tail()}", live_again(running), 60)
    assert running.process.poll() is None
    assert not [e for e in running.events() if e["event"] == "error"]


def _site(tmp_path: Path, public: str, mode: str = "") -> Path:
    """A console in operation that looks for its hub where none is."""
    config = tmp_path / "site.toml"
    config.write_text(
        "version = 1\n[hub]\n"
        f'live = "tcp://127.0.0.1:9"\nctl = "tcp://127.0.0.1:9"\npublic_key = "{public}"\n{mode}\n'
        '[station]\nid = "ban-1"\n',
        encoding="utf-8",
    )
    return config


def _what_is_stored_is_on_screen_at_once(tmp_path: Path, stopped_ns: int) -> None:
    data, shots = tmp_path / "data", tmp_path / "shots"
    lines = (data / "keys" / "hub.key").read_text(encoding="utf-8").splitlines()
    public = next(line.split('"')[1] for line in lines if "public-key" in line)
    config = _site(tmp_path, public, 'mode = "demo"')
    with console(
        data, "--config", str(config), *SCREEN, "--screenshot", str(shots), "--after", "2", command="run"
    ) as running:
        # The log of both lives is one file: only what came after the first one counts.
        painted = running.wait_event("first_paint", after_ns=stopped_ns, timeout_s=60)
        assert painted["alarms"] > 3
        stale = running.wait_event("stale", after_ns=stopped_ns, timeout_s=10)
        assert "alarms" in stale["feeds"]
        running.wait_event("gui_stopped", after_ns=stopped_ns)
    assert (shots / "screen-1-2s.png").exists()


def _a_simulated_city_never_stands_under_operating(tmp_path: Path, stopped_ns: int) -> None:
    """A live console that is pointed at the demo's data says so, starts nothing, and leaves the file as it is."""
    config = _site(tmp_path, "x" * 40)
    with console(tmp_path / "data", "--config", str(config), "--platform", "offscreen", command="run") as running:
        _out, err = running.process.communicate(timeout=30)
    assert running.process.returncode == 2
    assert "mode demo" in err.decode()
    assert not [e for e in running.events() if e["event"] == "child_started" and e["t"] > stopped_ns]


def test_without_display_demo_says_so_in_one_sentence(tmp_path: Path) -> None:
    env = dict.fromkeys(("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"), "")
    with console(tmp_path / "data", env=env) as running:
        _out, err = running.process.communicate(timeout=30)
    assert running.process.returncode == 3
    words = err.decode()
    assert "--platform vnc" in words
    assert "--screenshot" in words
    assert "Traceback" not in words
