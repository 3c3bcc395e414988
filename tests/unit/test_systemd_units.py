"""The shipped units: what they call exists, what they promise fits the watchdog, and systemd accepts them."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from console.cli import app
from console.notify import Notifier
from console.watchdog import HUNG_KILL_S

UNITS = Path(__file__).resolve().parents[2] / "packaging" / "systemd"
DOC = UNITS.parents[1] / "docs" / "processes.md"
NAMES = ("ioc-console.service", "ioc-hub.service")


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read(UNITS / name, encoding="utf-8")
    return parser


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_is_a_notify_service_with_a_watchdog_above_ours(name: str) -> None:
    service = unit(name)["Service"]
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"
    assert int(service["WatchdogSec"]) > 2 * HUNG_KILL_S, "ours comes first"
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"].split() == ["2", "3"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_unit_calls_is_a_command_with_these_options(name: str) -> None:
    program, command, *arguments = unit(name)["Service"]["ExecStart"].split()
    assert program.endswith("/ioc-console")
    told = re.sub(r"\x1b\[[0-9;]*m", "", CliRunner(env={"COLUMNS": "200"}).invoke(app, [command, "--help"]).output)
    for option in (argument for argument in arguments if argument.startswith("--")):
        assert option in told


@pytest.mark.parametrize("name", NAMES)
def test_the_document_says_how_to_install_it(name: str) -> None:
    assert f"packaging/systemd/{name}" in DOC.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("name", NAMES)
def test_systemd_accepts_it(name: str, tmp_path: Path) -> None:
    said = _verify(name, tmp_path)
    assert said == ""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_would_name_a_mistake(tmp_path: Path) -> None:
    """Negative control."""
    assert "WatchdogSecs" in _verify("ioc-hub.service", tmp_path, ("WatchdogSec=", "WatchdogSecs="))


def _verify(name: str, folder: Path, change: tuple[str, str] = ("", "")) -> str:
    """What systemd has to say. The program is not installed here: another one stands in for its path."""
    text = (UNITS / name).read_text(encoding="utf-8").replace(*change)
    path = folder / name
    path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE), encoding="utf-8")
    scope = ["--user"] if name == "ioc-console.service" else []
    done = subprocess.run(
        ["systemd-analyze", "verify", *scope, str(path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "\n".join(line for line in done.stderr.splitlines() if name in line)


# -- the messages ----------------------------------------------------------------------------------------------


def receiver(address: str) -> socket.socket:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    door.bind("\0" + address[1:] if address.startswith("@") else address)
    door.settimeout(5)
    return door


@pytest.mark.parametrize("abstract", [False, True])
def test_messages_of_a_life(tmp_path: Path, abstract: bool) -> None:
    address = f"@ioc-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with receiver(address) as door:
        notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"})
        assert notifier.period_s == 30.0
        notifier.ready("all parts run")
        for now_s, healthy in ((0.0, True), (29.0, True), (30.0, True), (60.0, False), (61.0, True)):
            notifier.alive(now_s, healthy)
        notifier.stopping()
        said = [door.recv(200).decode() for _ in range(5)]
        door.setblocking(False)
        with pytest.raises(BlockingIOError):
            door.recv(200)
    assert said == ["READY=1\nSTATUS=all parts run", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "60000000"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "many"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_watchdog_is_asked_of_us(environ: dict[str, str]) -> None:
    assert Notifier(dict(environ), pid=4711).period_s == 0.0


def test_a_systemd_that_does_not_listen_is_said(tmp_path: Path, expect_logs: Any) -> None:
    expect_logs("systemd cannot be told")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("x")
