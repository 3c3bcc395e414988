"""Which recordings go, and that nothing else ever does."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import ExpectLogs

from backends.domain.times import NS_PER_S
from backends.recording.retention import DAY_NS, KEEP, Limits, recordings, retain

NOW_NS = int(datetime(2026, 11, 30, tzinfo=UTC).timestamp()) * NS_PER_S


def recording(folder: Path, day: int, size: int = 1000, *, marked: bool = False) -> str:
    name = f"202611{day:02}T120000Z_{day:08x}"
    (folder / name).mkdir(parents=True)
    (folder / name / "data.mcap").write_bytes(b"x" * size)
    if marked:
        (folder / name / KEEP).touch()
    return name


def left(folder: Path) -> list[str]:
    return [one.name for one in recordings(folder)]


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    old, new = recording(tmp_path, 3), recording(tmp_path, 28)
    assert retain(tmp_path, Limits(days=7), NOW_NS) == [old]
    assert left(tmp_path) == [new]


def test_what_is_too_much_goes_oldest_first_and_no_more_than_needed(tmp_path: Path) -> None:
    names = [recording(tmp_path, day) for day in (20, 22, 24, 26)]
    assert retain(tmp_path, Limits(quota_bytes=2500), NOW_NS) == names[:2]
    assert left(tmp_path) == names[2:]
    assert retain(tmp_path, Limits(quota_bytes=2500), NOW_NS) == []


def test_what_is_marked_or_being_written_stays_and_that_is_said(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("over their quota")
    marked, writing = recording(tmp_path, 2, marked=True), recording(tmp_path, 3)
    assert retain(tmp_path, Limits(quota_bytes=10, days=1), NOW_NS, [writing]) == []
    assert left(tmp_path) == [marked, writing]


@pytest.mark.parametrize(
    "name", ["notes", "20261103T120000Z", "20261103T120000Z_0000000x", ".20261103T120000Z_00000003"]
)
def test_what_is_no_recording_is_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "data.mcap").touch()
    (tmp_path / "20261103T120000Z_00000003").mkdir()  # the name alone
    assert retain(tmp_path, Limits(quota_bytes=0, days=0), NOW_NS) == []
    assert (tmp_path / name / "data.mcap").exists()


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    name = recording(elsewhere, 3)
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / name).symlink_to(elsewhere / name)
    assert retain(folder, Limits(quota_bytes=0, days=0), NOW_NS) == []
    assert (elsewhere / name / "data.mcap").exists()


def test_no_folder_is_no_trouble(tmp_path: Path) -> None:
    assert retain(tmp_path / "none", Limits(), NOW_NS + DAY_NS) == []
