"""Crash reports: what is read out of a log, what never gets in, how many are kept; and the commands over them."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from console.cli import app
from console.crash import (
    KEPT,
    CrashReports,
    Ending,
    child_of,
    hide,
    how_it_ended,
    last_traceback,
    make_report,
    native_stacks,
    read_report,
    report_files,
    secrets_in,
    write_report,
)
from console.doctor import run_doctor
from console.options import Options
from console.status import ChildStatus, Phase, take_asked, write_status

TRACEBACK = """Traceback (most recent call last):
  File "/x/a.py", line 3, in <module>
    f()
  File "/x/a.py", line 1, in f
    1/0
ZeroDivisionError: division by zero"""
DUMP = """Fatal Python error: Segmentation fault

Thread 0x00007f2e (most recent call first):
  File "/x/threading.py", line 5 in wait

Current thread 0x00007f3e (most recent call first):
  File "/x/a.py", line 1 in f
  File "/x/a.py", line 3 in <module>

Extension modules: numpy (total: 1)"""


def ending(**more: Any) -> Ending:
    return Ending(**{"child": "gui", "pid": 7, "rc": -signal.SIGSEGV, "uptime_s": 12.5, **more})


def test_the_last_exception_of_a_log() -> None:
    log = f"INFO x\n{TRACEBACK.replace('division', 'first')}\nINFO y\n{TRACEBACK}\nINFO z"
    assert last_traceback(log) == TRACEBACK
    assert last_traceback("INFO x") == ""


def test_native_stacks_and_nothing_else() -> None:
    found = native_stacks(f"INFO x\n{TRACEBACK}\n{DUMP}\nINFO y").splitlines()
    assert found[0] == "Fatal Python error: Segmentation fault"
    assert found[-1] == '  File "/x/a.py", line 3 in <module>'
    assert len(found) == 6
    assert native_stacks(TRACEBACK) == "", "an ordinary traceback is none"


@pytest.mark.parametrize(
    ("rc", "hung", "words"),
    [(-11, False, "signal SIGSEGV"), (3, False, "exit status 3"), (0, False, "exit status 0"),
     (-9, True, "no sign of life, killed"), (-9, False, "signal SIGKILL")],
)  # fmt: skip
def test_how_it_ended(rc: int, hung: bool, words: str) -> None:
    assert how_it_ended(ending(rc=rc, hung=hung)) == words


def test_only_this_life_of_the_log_counts(tmp_path: Path) -> None:
    log = tmp_path / "gui.log"
    log.write_text(f"{TRACEBACK}\n")
    begin = log.stat().st_size
    with log.open("a") as file:
        file.write("this life\n")
    report = make_report(ending(log=log, log_from=begin), [], time.time_ns())
    assert report.log == ("this life",)
    assert report.error == ""
    log.write_text("moved aside and begun anew\n")
    assert make_report(ending(log=log, log_from=begin), [], 1).log == ("moved aside and begun anew",)


def test_secrets_are_found_by_their_names_at_any_depth() -> None:
    settings = {
        "secret_key": "aaaa1", "feed": {"authkey": "bbbb2", "address": "/run/x"}, "cameras": [{"password": "cccc3"}],
        "public_key": "dddd4", "server_key": "eeee5", "keys_dir": "/keys", "token": "", "pin": "12", "user": "ffff6",
    }  # fmt: skip
    assert secrets_in(settings) == {"aaaa1", "bbbb2", "cccc3"}


def test_hidden_in_every_form() -> None:
    secret = 'q"\\ế-x'
    for text in (secret, json.dumps(secret), repr(secret), json.dumps(secret, ensure_ascii=False)):
        assert "-x" not in hide(f"before {text} after", frozenset({secret})), text
    assert hide("rtsp://admin:geheim@10.0.0.9/1", frozenset()) == "rtsp://[hidden]@10.0.0.9/1"
    assert hide("tcp://10.0.0.5:7401", frozenset()) == "tcp://10.0.0.5:7401"


def test_fifty_are_kept_and_the_newest_of_them(tmp_path: Path) -> None:
    for n in range(KEPT + 5):
        write_report(tmp_path, make_report(ending(pid=n), [], 10**18 + n * 10**9))
    found = report_files(tmp_path)
    assert len(found) == KEPT
    newest = read_report(found[0])
    assert newest is not None
    assert newest.pid == KEPT + 4
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in found}, "nothing half written"


def test_two_in_the_same_moment_are_two(tmp_path: Path) -> None:
    paths = {write_report(tmp_path, make_report(ending(child="worker"), [], 10**18)) for _ in range(3)}
    assert len(paths) == 3
    assert {child_of(path) for path in paths} == {"worker"}


def test_a_disk_that_refuses_is_said_and_survived(tmp_path: Path, expect_logs: Any) -> None:
    expect_logs("the crash report of gui cannot be written")
    (tmp_path / "crashes").write_text("a file where the folder should be")
    reports = CrashReports(tmp_path)
    reports.start()
    reports.ended(ending())
    reports.stop()


def test_versions_name_what_may_be_to_blame() -> None:
    versions = make_report(ending(), [], 1).versions
    assert versions["qt"].startswith("6.")
    assert versions["libzmq"].startswith("4.")
    assert versions["sqlite"].startswith("3.")
    assert "PyAV" in versions["ffmpeg"]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def test_the_list_and_one_of_it(cli: CliRunner, tmp_path: Path) -> None:
    log = tmp_path / "gui.log"
    log.write_text(TRACEBACK)
    for n, child in enumerate(("hub", "gui")):
        report = make_report(ending(child=child, rc=1, log=log), [{"event": "ready", "n": n}], 10**18 + n * 10**9)
        write_report(tmp_path / "crashes", report)
    (tmp_path / "crashes" / "20260101-000000-000-gui.json").write_text("{half")
    listed = cli.invoke(app, ["crashes", "--data-dir", str(tmp_path)])
    assert listed.exit_code == 0
    first, second = listed.output.splitlines()
    assert "gui: exit status 1" in first
    assert "ZeroDivisionError" in first
    assert "hub: exit status 1" in second
    shown = cli.invoke(app, ["crashes", "show", "2", "--data-dir", str(tmp_path)])
    assert "child: hub" in shown.output
    assert "division by zero" in shown.output
    assert '"event":"ready"' in shown.output
    assert cli.invoke(app, ["crashes", "show", "9", "--data-dir", str(tmp_path)]).exit_code == 2


def test_none_is_said(cli: CliRunner, tmp_path: Path) -> None:
    assert "No crash reports" in cli.invoke(app, ["crashes", "--data-dir", str(tmp_path)]).output


def test_doctor_names_the_newest_and_what_was_given_up(tmp_path: Path) -> None:
    write_report(tmp_path / "crashes", make_report(ending(), [], time.time_ns()))
    write_status(tmp_path / "supervisor.json", [ChildStatus("hub", Phase.GIVEN_UP, reason="died with status 7")])
    lines: list[str] = []
    run_doctor(Options(data_dir=tmp_path), lines.append)
    text = "".join(lines)
    assert "gui: signal SIGSEGV" in text
    assert "ioc-console restart hub" in text
    assert "died with status 7" in text


def test_restart_leaves_a_wish_that_is_taken_once(cli: CliRunner, tmp_path: Path) -> None:
    assert cli.invoke(app, ["restart", "--data-dir", str(tmp_path)]).exit_code == 2
    (tmp_path / "console.lock").touch()
    assert cli.invoke(app, ["restart", "hub", "--data-dir", str(tmp_path)]).exit_code == 0
    assert take_asked(tmp_path) == ("hub",)
    assert take_asked(tmp_path) is None


def test_a_wish_that_cannot_be_read_is_said(tmp_path: Path, expect_logs: Any) -> None:
    expect_logs("a wish to restart could not be read")
    (tmp_path / "restart.ask").write_text("[")
    assert take_asked(tmp_path) is None
    assert take_asked(tmp_path) is None
