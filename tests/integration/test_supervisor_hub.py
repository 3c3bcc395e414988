"""`ioc-console hub` as a person starts it: it serves, keeps its addresses over a crash, and stops when asked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers.waiting import wait_for


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def events(log: Path, name: str) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    found = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return [line for line in found if line["event"] == name]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    live, ctl = free_ports()
    options = {"--data-dir": tmp_path, "--live-port": live, "--ctl-port": ctl, "--json-log": tmp_path / "log.jsonl"}
    arguments = [str(word) for pair in options.items() for word in pair]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen([sys.executable, "-m", "console", "hub", *arguments], stderr=said)
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(10)


def test_the_hub_serves_comes_back_at_its_addresses_and_stops(hub: subprocess.Popen[bytes], tmp_path: Path) -> None:
    log, ready_file = tmp_path / "log.jsonl", tmp_path / "hub.json"
    first = wait_for("the hub is ready", lambda: events(log, "ready"), 60) and json.loads(ready_file.read_text())
    os.kill(first["pid"], signal.SIGKILL)
    wait_for("it is ready again", lambda: len(events(log, "child_ready")) == 2, 60)
    second = json.loads(ready_file.read_text())
    assert second["pid"] != first["pid"]
    assert (second["live"], second["ctl"]) == (first["live"], first["ctl"])
    assert second["public_key"] == first["public_key"]
    hub.send_signal(signal.SIGTERM)
    assert hub.wait(20) == 0
    assert not psutil.pid_exists(second["pid"])
    assert [e["rc"] for e in events(log, "child_stopped")] == [0]
    said = (tmp_path / "said").read_text()
    assert first["public_key"] in said
    assert str(tmp_path / "authorised") in said
