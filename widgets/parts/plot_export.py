"""What a plot shows, as files: a table (CSV) or a picture (PNG), each with a JSON beside it that says what it is.

How tables are written, and by whom: `exports.py`. What goes in is taken in the GUI thread. Must not: ask anybody.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from backends.domain.feeds import Mode
from backends.domain.quality import Quality
from backends.domain.sensor import Sensor
from backends.domain.text import fold
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.exports import Job, job_for, to_table
from widgets.parts.plot_axes import gravest_broken
from widgets.parts.plot_chart import Chart
from widgets.parts.plot_limits import held
from widgets.parts.plot_quality import MISSING
from widgets.parts.plot_series import PlotSeries
from widgets.parts.plot_state import PlotState
from widgets.parts.plot_view import PlotView, with_headroom
from widgets.theme import THEMES, ThemeName
from widgets.typography import Weight

if TYPE_CHECKING:
    from widgets.tiles.plot import PlotTile

PICTURE = (1600, 900)
_COLUMNS = ("time", "value", "quality", "unit", "sensor", "name", "station", "limit_broken")
_Marked = tuple[int, str, float | None]
"""(t_ns, quality, value): what is not good."""
Row = tuple[str, str, str, str, str, str, str, str]


def job_of(tile: PlotTile, state: PlotState, *, table: bool) -> Job:
    """What a tile shows now, as a file's content. GUI thread."""
    sensors = [one.sensor for one in tile.lines.shown]
    thinned = any(one.series.part_for(state.t0_ns, state.reaches_ns).step_ns > 0 for one in tile.lines.shown)
    session, now_ns = tile.session, tile.now_ns()
    name = re.sub(r"[^a-z0-9]+", "-", fold(sensors[0].name.vi)).strip("-")[:40].strip("-")
    start, end = (fmt.local_time(t) for t in (state.t0_ns, state.reaches_ns))
    stem = f"{fmt.local_time(now_ns):%Y%m%d-%H%M%S}_{name}_{start:%Y%m%d-%H%M}_{end:%Y%m%d-%H%M}"
    account: dict[str, object] = {
        "sensors": [{"id": s.id, "name_vi": s.name.vi, "station": s.station.vi, "unit": s.unit} for s in sensors],
        "from": start.isoformat(timespec="seconds"),
        "to": end.isoformat(timespec="seconds"),
        "all_samples": not thinned,
        "from_hub": all(one.complete for one in tile.lines.shown),
    }
    content = to_csv(rows_of(tile, state)) if table else to_png(picture_of(tile, state))
    # Least and greatest only: whoever computes a mean from it must be told.
    stem += "_" + re.sub(r"[^a-z]+", "-", fold(tr("plot_hand.thinned"))) if thinned and table else ""
    return job_for(session, "csv" if table else "png", sensors[0].id, stem, content, account)


# -- the table -------------------------------------------------------------------------------------------


def rows_of(tile: PlotTile, state: PlotState) -> list[Row]:
    """Every point that is shown, series after series; what is not good and what is missing has rows of its own."""
    rows: list[Row] = []
    for one in tile.lines.shown:
        rows += _rows(one.sensor, *_points(one.series, state), state)
    return rows


def _points(series: PlotSeries, state: PlotState) -> tuple[list[tuple[int, float]], list[_Marked]]:
    t_ns, value = series.samples(state.t0_ns, state.reaches_ns)
    inside = [(t, v) for t, v in zip(t_ns.tolist(), value.tolist(), strict=True)
              if state.t0_ns <= t <= state.reaches_ns]  # fmt: skip
    flags = series.flags(state.t0_ns, state.reaches_ns)
    # Of a run only the extremes are known, not when they were; of a single sample all of it is.
    one = {(f.t0_ns, f.quality, f.least) for f in flags if f.t0_ns == f.t1_ns}
    ends: set[_Marked] = {(t, f.quality, None) for f in flags if f.t0_ns != f.t1_ns for t in (f.t0_ns, f.t1_ns)}
    open_at = [t for t, v in inside if math.isnan(v)]
    within: set[_Marked] = {(t, f.quality, None) for f in flags for t in open_at if f.t0_ns < t < f.t1_ns}
    return inside, sorted(one | ends | within, key=lambda row: (row[0], row[1]))


def _rows(
    sensor: Sensor, points: list[tuple[int, float]], flagged: list[_Marked], state: PlotState
) -> list[Row]:  # fmt: skip
    limits = held(sensor.limits, state.t0_ns, state.reaches_ns + 1)
    told = {t for t, _, _ in flagged}
    found: list[tuple[int, Row]] = []
    tail = (sensor.unit, sensor.id, local(sensor.name), local(sensor.station))
    for t, v in points:
        if math.isnan(v):
            if t not in told:
                found.append((t, (_iso(t), "", MISSING, *tail, "")))
            continue
        limit = gravest_broken([h.limit for h in limits if h.t0_ns <= t < h.t1_ns], v)
        said = f"{local(limit.label)} {limit.value:g}" if limit is not None else ""
        found.append((t, (_iso(t), repr(v), Quality.GOOD.value, *tail, said)))
    found += [(t, (_iso(t), "" if v is None else repr(v), quality, *tail, "")) for t, quality, v in flagged]
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def _iso(t_ns: int) -> str:
    return fmt.local_time(t_ns).isoformat(timespec="milliseconds" if t_ns % NS_PER_S else "seconds")


def to_csv(rows: list[Row]) -> bytes:
    return to_table(_COLUMNS, rows, safe=3)


# -- the picture -----------------------------------------------------------------------------------------


def picture_of(tile: PlotTile, state: PlotState) -> QImage:
    """The plot with its title, its time, who showed it where, and the mode across it where it is not operation."""
    image = QImage(*PICTURE, QImage.Format.Format_RGB32)
    theme, scale = THEMES[ThemeName.LIGHT], tile.scale  # it is for paper and reports
    image.fill(theme.tile)
    painter = QPainter(image)
    try:
        pad, line = scale.pad * 2, scale.line(scale.read)
        link = tile.session.city.link
        if link.mode is not Mode.LIVE:
            _watermark(painter, tr(f"mode.{link.mode}"), theme.line)
        width = PICTURE[0] - 2 * pad
        text.draw(painter, QRectF(pad, pad, width, line), tile.title(), scale.read, theme.strong, Weight.SEMIBOLD)
        days = " – ".join(f"{fmt.date_long(t)} {fmt.clock_minutes(t)}" for t in (state.t0_ns, state.reaches_ns))
        text.draw(painter, QRectF(pad, pad + line, width, line), days, scale.floor, theme.text)
        now_ns = tile.now_ns()
        said = (tr("app.title"), link.server, tr(f"mode.{link.mode}"), f"{fmt.date_long(now_ns)} {fmt.clock(now_ns)}")
        foot = QRectF(pad, PICTURE[1] - pad - line, width, line)
        text.draw(painter, foot, " · ".join(part for part in said if part), scale.floor, theme.muted)
        body = QRectF(0, pad + 2.2 * line, PICTURE[0], PICTURE[1] - 2 * pad - 3.6 * line)
        state = with_headroom(state, scale, body, tile.lines.shown[0].series)
        chart = Chart()
        chart.set_curves(tile.curves(state, theme))
        PlotView(painter, scale, theme, chart, state, 1.0).full(body)
    finally:
        painter.end()
    image.setText("Title", tile.title())
    return image


def _watermark(painter: QPainter, words: str, color: QColor) -> None:
    painter.save()
    painter.translate(PICTURE[0] / 2, PICTURE[1] / 2)
    painter.rotate(-25)
    px = 200
    wide = text.width(words, px, Weight.BOLD)
    text.draw(painter, QRectF(-wide / 2, -px, wide + 2, 2 * px), words, px, color, Weight.BOLD,
              align=Qt.AlignmentFlag.AlignHCenter)  # fmt: skip
    painter.restore()


def to_png(image: QImage) -> bytes:
    """Raises OSError."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]  # PySide6's stubs know only bytes for the format
        raise OSError("the picture cannot be written as PNG")
    return bytes(buffer.data().data())
