"""What a plot shows, as files: every sample with its quality and limit, a picture that says what it is, the audit."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.sample_places import NOW_NS
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.feeds import Mode
from backends.domain.ports import SeriesPart
from backends.domain.sensor import Flagged
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets.parts import text
from widgets.parts.exports import ExportDesk
from widgets.parts.plot_export import job_of, picture_of, rows_of, to_csv
from widgets.parts.plot_keys import PlotAct
from widgets.parts.plot_range import View
from widgets.tiles.plot import PlotTile

RIVER = "river-01.water_level"
MINUTE = 60 * NS_PER_S


@pytest.fixture(autouse=True)
def _prepared(qapp: QApplication) -> None:
    prepare(qapp)


def plot(qtbot: QtBot, sample: SampleSession, hours: float = 1.0) -> PlotTile:
    tile = PlotTile(sample.session, SCALES["desk"], PlotOptions(sensor=RIVER, hours=hours))
    tile.resize(760, 420)
    qtbot.addWidget(tile)
    sample.city.feedsChanged.connect(tile.on_feeds)
    sample.answer_history()
    return tile


def holed(sample: SampleSession, tile: PlotTile) -> None:
    """Ten minutes of calibration, one faulty sample, ten minutes without any."""
    asked = sample.history.requests[-1]
    part = sample.history.part(asked)
    t_ns, value = part.t_ns.copy(), part.value.copy()
    run = NOW_NS - 40 * MINUTE, NOW_NS - 30 * MINUTE
    at = int(t_ns[np.searchsorted(t_ns, NOW_NS - 10 * MINUTE)])
    value[(t_ns >= run[0]) & (t_ns <= run[1])] = np.nan
    value[t_ns == at] = np.nan
    keep = (t_ns < NOW_NS - 25 * MINUTE) | (t_ns > NOW_NS - 15 * MINUTE)
    bad = np.flatnonzero(np.isnan(value) & (t_ns != at))
    flags = (
        Flagged(int(t_ns[bad[0]]), int(t_ns[bad[-1]]), "calibrating", 2.0, 2.5), Flagged(at, at, "fault", 9.5, 9.5),
    )  # fmt: skip
    sample.deliver(SeriesPart(asked.number, RIVER, t_ns[keep], value[keep], True, flags))


def table(tile: PlotTile) -> list[dict[str, str]]:
    state = tile.state()
    assert state is not None
    raw = to_csv(rows_of(tile, state))
    assert raw.startswith(b"\xef\xbb\xbf"), "the mark by which spreadsheets know UTF-8"
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))


def test_every_sample_with_its_quality_and_the_limit_it_broke(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = plot(qtbot, sample)
    holed(sample, tile)
    rows = table(tile)
    kinds = [row["quality"] for row in rows]
    assert kinds.count("calibrating") == 10
    assert kinds.count("missing") == 1
    fault = next(row for row in rows if row["quality"] == "fault")
    assert fault["value"] == "9.5"
    assert all(row["value"] == "" for row in rows if row["quality"] in ("calibrating", "missing"))
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert all(row["time"].endswith("+07:00") for row in rows)
    assert {row["unit"] for row in rows} == {"m"}
    assert {row["station"] for row in rows} == {"Đông Hà"}
    last = rows[-1]
    assert float(last["value"]) == pytest.approx(4.12, abs=0.01)
    assert last["limit_broken"] == "BĐ3 4"
    assert any(row["limit_broken"] == "BĐ2 3" for row in rows), "by the limits of its time, not of now"


def test_names_from_outside_are_no_formulas(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = plot(qtbot, sample)
    river = sample.city.sensor(RIVER)
    assert river is not None
    sample.put("sensors", msgspec.structs.replace(river, name=LocalText('=HYPERLINK("x")')))
    assert table(tile)[0]["name"].startswith("'=")


def test_a_thinned_table_says_so(qtbot: QtBot) -> None:
    sample = sample_session(Scene.CALM)
    tile = plot(qtbot, sample)
    state = tile.state()
    assert state is not None
    assert job_of(tile, state, table=True).account["all_samples"] is True
    first = tile.lines.first
    assert first is not None
    t_ns = np.linspace(NOW_NS - 30 * 1440 * MINUTE, NOW_NS, 3900).astype(np.int64)
    first.series.take(SeriesPart(1, RIVER, t_ns, t_ns * 0.0), (int(t_ns[0]), NOW_NS), 4000)
    tile.show_view(View(30 * 1440 * MINUTE))
    state = tile.state()
    assert state is not None
    job = job_of(tile, state, table=True)
    assert job.account["all_samples"] is False
    assert "cuc-tri" in job.stem


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.DEMO, Mode.EXERCISE, Mode.REPLAY])
def test_the_picture_says_what_it_is(qtbot: QtBot, mode: Mode) -> None:
    sample = sample_session(mode=mode)
    tile = plot(qtbot, sample)
    state = tile.state()
    assert state is not None
    with text.recording() as log:
        image = picture_of(tile, state)
    said = [item.text for item in log.items]
    assert (image.width(), image.height()) == (1600, 900)
    assert "Mực nước sông Hiếu, trạm Đông Hà" in said
    assert "20/11/2026 08:41 – 20/11/2026 09:41" in said
    word = {Mode.LIVE: "", Mode.DEMO: "MÔ PHỎNG", Mode.EXERCISE: "DIỄN TẬP", Mode.REPLAY: "PHÁT LẠI"}[mode]
    across = [item for item in log.items if item.px == 200]
    assert [item.text for item in across] == ([word] if word else [])
    job = job_of(tile, state, table=False)
    assert job.stem.endswith(mode.value) == (mode is not Mode.LIVE)


def test_files_are_written_noted_and_never_replaced(qtbot: QtBot, tmp_path: Path) -> None:
    sample = sample_session()
    tile = plot(qtbot, sample)
    noted: list[tuple[str, str, str]] = []
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    desk = ExportDesk(sample.session, tmp_path / "stills", lambda *note: noted.append(note))
    for act in (PlotAct.TABLE, PlotAct.TABLE, PlotAct.PICTURE):
        with qtbot.waitSignal(desk.written):
            tile.act(act)
    desk.close()
    files = sorted(path.name for path in (tmp_path / "stills").iterdir())
    assert len(files) == 6
    assert [what for what, _, _ in noted] == ["save_plot"] * 3
    assert {target for _, target, _ in noted} == {f"sensors/{RIVER}"}
    assert len({detail.split()[0] for _, _, detail in noted}) == 3
    for _, _, detail in noted:
        name, sha = detail.split(" sha256=")
        path = tmp_path / "stills" / name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha
        account = json.loads(path.with_name(name + ".json").read_text(encoding="utf-8"))
        assert account["sha256"] == sha
        assert account["saved_by"] == sample.city.grant.operator_id
        assert account["mode"] == "live"
    png = next(path for path in (tmp_path / "stills").glob("*.png"))
    assert not QImage(str(png)).isNull()
    assert len(told) == 3


def test_a_folder_that_cannot_be_written_is_said(
    qtbot: QtBot, tmp_path: Path, expect_logs: object
) -> None:  # fmt: skip
    expect_logs("export of")  # type: ignore[operator]  # the fixture's own type is in conftest
    sample = sample_session()
    tile = plot(qtbot, sample)
    (tmp_path / "file").write_text("")
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    desk = ExportDesk(sample.session, tmp_path / "file" / "stills", lambda *_: pytest.fail("noted"))
    with qtbot.waitSignal(desk._failed):
        tile.act(PlotAct.PICTURE)
    desk.close()
    assert told
    assert told[0].startswith("Không lưu được biểu đồ")


def test_the_keys_save(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = plot(qtbot, sample)
    jobs: list[object] = []
    sample.session.calls.saveAsked.connect(jobs.append)
    tile.show()
    qtbot.keyClick(tile, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(tile, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert [getattr(job, "kind") for job in jobs] == ["csv", "png"]  # noqa: B009  # a signal's object has no type
