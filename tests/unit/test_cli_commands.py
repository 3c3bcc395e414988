"""The commands: help for all, exit statuses, and a doctor that names what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backends.store.backup import make_backup
from backends.store.schema import OPS_FILE, open_ops
from console import demo, doctor
from console.cli import app
from console.doctor import (
    QT_LIBRARIES,
    XCB_LIBRARIES,
    Finding,
    decoding_finding,
    has_wal_race,
    need_qt,
    run_doctor,
)
from console.options import NeedsMachine, Options

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("demo", "run", "hub", "doctor")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_help_lists_what_works_and_nothing_else(cli: CliRunner) -> None:
    result = cli.invoke(app, ["--help"])
    assert result.exit_code == 0
    text = plain(result.output)
    assert all(command in text for command in COMMANDS)
    assert not re.search(r"\b(replay|train|record|evidence)\b", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli: CliRunner, command: str) -> None:
    result = cli.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "--data-dir" in plain(result.output)


@pytest.mark.parametrize(
    "option",
    ["--config", "--data-dir", "--lang", "--theme", "--layout", "--platform", "--screens", "--screenshot", "--after",
     "--exit-after", "--json-log", "--scenario", "--speed", "--seat"],
)  # fmt: skip
def test_demo_has_the_common_options(cli: CliRunner, option: str) -> None:
    assert option in plain(cli.invoke(app, ["demo", "--help"]).output)


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["demo"], 3, "There is no display here"),
        (["demo", "--platform", "xcb"], 3, "There is no display here"),
        (["demo", "--screens", "1920"], 2, "--screens:"),
        (["demo", "--layout", "overviw"], 2, 'did you mean "overview"'),
        (["demo", "--scenario", "flod-2020"], 2, "flood-2020"),
        (["demo", "--scenario", "flood-2020@peek"], 2, "peak"),
        (["demo", "--seat", "ban-9"], 2, "quan-tri"),
        (["demo", "--after", "5"], 2, "--screenshot"),
        (["run"], 2, "run needs --config"),
        (["hub", "--scenario", "nothing"], 2, "--scenario:"),
        (["doctor", "--config", "nowhere.toml"], 3, "cannot be read"),
        (["dmeo"], 2, "No such command"),
        (["demo", "--speed", "fast"], 2, "--speed"),
    ],
)
def test_exit_status_and_sentence(
    cli: CliRunner, tmp_path: Path, arguments: list[str], status: int, sentence: str
) -> None:
    more = [] if arguments == ["dmeo"] else ["--data-dir", str(tmp_path / "data")]
    result = cli.invoke(app, [*arguments, *more])
    assert sentence in plain(result.output)
    assert result.exit_code == status


def test_a_data_folder_that_cannot_be_made_is_named(cli: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli.invoke(app, ["demo", "--platform", "offscreen", "--data-dir", str(tmp_path / "file" / "data")])
    assert result.exit_code == 3
    assert "cannot be written" in plain(result.output)


def test_the_doctor_finds_this_machine_fit_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SHM_NEEDED_MB", 1)  # a container may have little of either
    monkeypatch.setattr(doctor, "DISK_NEEDED_MB", 1)
    report: list[str] = []
    assert run_doctor(Options(), report.append) == 0
    assert report[-1] == "Everything that is needed is here.\n"
    assert any("Python 3." in line for line in report)


def test_the_doctor_names_what_is_missing_and_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_CHECKS", (doctor.check_python, doctor.check_libraries))
    monkeypatch.setattr(doctor, "_loads", lambda library: library != "libEGL.so.1")
    report: list[str] = []
    assert run_doctor(Options(), report.append) == 3
    text = "".join(report)
    assert "MISSING  Qt's libraries" in text
    assert "apt-get install --no-install-recommends libegl1\n" in text
    assert "1 things are missing" in text


def test_windows_are_not_started_without_qts_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_loads", lambda library: library != "libxcb-cursor.so.0")
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    need_qt("offscreen")
    with pytest.raises(NeedsMachine, match="libxcb-cursor0"):
        need_qt("xcb")


def test_a_note_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_CHECKS", (lambda options: [Finding(False, "odd", "leave it", needed=False)],))
    assert run_doctor(Options(), [].append) == 0


def test_the_doctors_packages_are_those_of_the_set_up() -> None:
    listed = re.split(r"[\s|]+", (ROOT / "scripts" / "debian-packages.txt").read_text())
    assert set(QT_LIBRARIES.values()) | set(XCB_LIBRARIES.values()) <= set(listed)


@pytest.mark.parametrize(
    ("version", "racy"),
    [
        ((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False),
        ((3, 45, 0), True), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 0), True), ((3, 51, 2), True),
        ((3, 51, 3), False), ((3, 52, 0), False),
    ],
)  # fmt: skip
def test_sqlites_with_the_wal_race(version: tuple[int, ...], racy: bool) -> None:
    assert has_wal_race(version) is racy


def test_free_addresses_differ() -> None:
    live, ctl = demo._free_addresses()
    assert live != ctl
    assert live.startswith("tcp://127.0.0.1:")


def test_the_doctor_knows_the_state_of_the_backups(tmp_path: Path) -> None:
    options = Options(data_dir=tmp_path)
    assert list(doctor.check_backups(options)) == [], "no store, nothing to back up"
    open_ops(tmp_path / OPS_FILE, "demo").close()
    none = next(iter(doctor.check_backups(options)))
    assert (none.ok, "none yet" in none.what) == (False, True)
    made = make_backup(tmp_path / OPS_FILE)
    whole = next(iter(doctor.check_backups(options)))
    assert (whole.ok, made.stamp in whole.what) == (True, True)
    old = made.path.with_name("ops-000001-20200101T000000Z.db")
    made.path.rename(old)
    assert not next(iter(doctor.check_backups(options))).ok
    old.write_bytes(old.read_bytes()[:5000])
    torn = next(iter(doctor.check_backups(options)))
    assert (torn.ok, torn.needed, "not whole" in torn.what) == (False, False, True)


def test_doctor_names_the_rights_that_decoders_still_have(monkeypatch: pytest.MonkeyPatch) -> None:
    from backends.video import sandbox

    parts = (sandbox.Held("limits", True), sandbox.Held("Landlock", False, "the kernel does not offer it"))
    monkeypatch.setattr(sandbox, "offered", lambda: parts)
    (found,) = doctor.check_confinement(Options())
    assert (found.ok, found.needed) == (False, False), "pictures come all the same"
    assert "limits" in found.what
    assert "Landlock: the kernel does not offer it" in found.mend


CUDA_NOT_HERE = {"cuda": {"h264": "its driver cannot be loaded", "hevc": "its driver cannot be loaded"}}


@pytest.mark.parametrize(
    ("asked", "opens", "ok", "words"),
    [
        ("off", CUDA_NOT_HERE, True, "opens here: nothing"),
        ("cuda", CUDA_NOT_HERE, False, "cuda: its driver cannot be loaded; it needs NVIDIA's driver"),
        ("auto", CUDA_NOT_HERE, False, "cuda: its driver cannot be loaded; it needs NVIDIA's driver"),
        ("auto", {}, False, "built without any device"),
        ("vaapi", CUDA_NOT_HERE, False, "cannot open vaapi: build one"),
        ("cuda", {"cuda": {"h264": "", "hevc": "it opens, and does not decode"}}, True, "opens here: cuda (H.264);"),
    ],
)
def test_the_doctor_says_which_devices_decode(
    asked: str, opens: dict[str, dict[str, str]], ok: bool, words: str
) -> None:
    found = decoding_finding(asked, "18.1.0", ["cuda", "qsv"], opens)
    assert found.ok is ok
    assert words in (found.what if ok else found.mend)
    assert "PyAV 18.1.0 was built with cuda, qsv" in found.what
    assert not found.needed or ok


def test_the_doctor_opens_them_to_know() -> None:
    """The real look, in a process of its own."""
    (found,) = doctor.check_hardware_decoding(Options())
    assert found.what.startswith("hardware decoding: off; opens here: ")
