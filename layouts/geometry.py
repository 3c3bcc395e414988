"""From a layout and the monitors that are there to window plans in pixels. Pure: same input, same plans.

Text sizes follow viewing distance and physical size (look.md, Type), and with them the top bar and the
smallest useful tile. Where the monitors are fewer or smaller than the layout wants, it is folded, never
shrunk below the floor: a dense desk panel gives way to the wall drawing of the same panel, a block of
pictures loses columns and rows, and what found no place is named in the plan. An alarm list is never
folded away while the layout has one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from layouts.options import CAMERA, CAMERA_BLOCK, CamerasOptions, expand_numbers, with_blocks
from layouts.spec import (
    Layout,
    Monitor,
    PanelKind,
    PanelSpec,
    Rect,
    TextSizes,
    TileKinds,
    TilePlan,
    TileSpec,
    WindowPlan,
    WindowSpec,
)

#: Capitals of Be Vietnam Pro and its like are about 0.7 em high; the sizes of look.md are given for that.
CAP_EM = 0.7
GLANCE_ARCMIN, READ_ARCMIN, FLOOR_ARCMIN = 22.0, 16.0, 12.0
_USUAL_INCHES = {PanelKind.DESK: 24.0, PanelKind.WALL: 55.0}
_USUAL_DISTANCE_M = {PanelKind.DESK: 0.7, PanelKind.WALL: 4.0}
_GUTTER_AT_1080 = 6.0
_ALARM_SLOT = "alarm"


def text_sizes(monitor: Monitor) -> TextSizes:
    """Font sizes in whole pixels of that monitor, rounded up (a quarter of a pixel forgiven)."""
    inches = monitor.inches or _USUAL_INCHES[monitor.kind]
    distance_mm = (monitor.distance_m or _USUAL_DISTANCE_M[monitor.kind]) * 1000
    pitch_mm = inches * 25.4 / math.hypot(monitor.width, monitor.height)

    def font_px(arcmin: float) -> int:
        capital_mm = 2 * distance_mm * math.tan(math.radians(arcmin / 60) / 2)
        return math.ceil(capital_mm / pitch_mm / CAP_EM - 0.25)  # as widgets/typography.py rounds

    return TextSizes(font_px(GLANCE_ARCMIN), font_px(READ_ARCMIN), font_px(FLOOR_ARCMIN))


def bar_height(monitor: Monitor, text: TextSizes) -> int:
    """Of the top bar: two lines of small text or one at a glance, and never a mere strip."""
    return round(max(2.6 * text.floor_px + 0.5 * text.read_px, 1.4 * text.glance_px, 0.055 * monitor.height))


def gutter(monitor: Monitor) -> int:
    """Between tiles: 6 px on a 1080p monitor, scaled with its pixels."""
    return max(3, round(_GUTTER_AT_1080 * min(monitor.width / 1920, monitor.height / 1080)))


def plan_windows(layout: Layout, monitors: Sequence[Monitor], kinds: TileKinds) -> tuple[WindowPlan, ...]:
    """One window plan for each monitor, in their order. Raises ValueError when there is no monitor."""
    if not monitors:
        raise ValueError("a layout needs at least one monitor")
    chosen, left_out = _windows_for(layout, len(monitors), kinds)
    plans = [
        _plan(layout, index, window, monitor, kinds)
        for index, (window, monitor) in enumerate(zip(chosen, monitors, strict=True))
    ]
    if left_out:
        plans[0] = msgspec.structs.replace(plans[0], left_out=plans[0].left_out + left_out)
    return tuple(plans)


def _windows_for(layout: Layout, count: int, kinds: TileKinds) -> tuple[list[WindowSpec], tuple[str, ...]]:
    """The windows for `count` monitors, and the kinds of tiles that were folded away."""
    fitting = [n for n in layout.windows if n <= count]
    # A layout for a larger wall only: the first windows of its smallest drawing.
    windows = list(layout.windows[max(fitting) if fitting else min(layout.windows)])
    if len(windows) > count:
        kept, dropped = windows[:count], windows[count:]
        listing = next((w for w in dropped if _lists_alarms(w, kinds)), None)
        if listing is not None and not any(_lists_alarms(w, kinds) for w in kept):
            dropped[dropped.index(listing)], kept[-1] = kept[-1], listing
        shown = {t.kind for w in kept for t in w.desk.tiles}
        gone = dict.fromkeys(t.kind for w in dropped for t in w.desk.tiles if t.kind not in shown)
        return kept, tuple(gone)
    # More monitors than drawn for: the windows after the first come again, in turn.
    more = windows[1:] or windows
    while len(windows) < count:
        windows.append(more[(len(windows) - 1) % len(more)])
    return windows, ()


def _lists_alarms(window: WindowSpec, kinds: TileKinds) -> bool:
    return any(_kind_lists(tile.kind, kinds) for tile in window.desk.tiles)


def _kind_lists(kind: str, kinds: TileKinds) -> bool:
    return kind in kinds and kinds[kind].lists_alarms


def _plan(layout: Layout, index: int, window: WindowSpec, monitor: Monitor, kinds: TileKinds) -> WindowPlan:
    plan = _draw(layout, index, window.panel(monitor.kind), monitor, kinds)
    if plan.cramped and monitor.kind is PanelKind.DESK and window.wall is not window.desk:
        calmer = _draw(layout, index, window.wall, monitor, kinds)
        if len(calmer.cramped) < len(plan.cramped):
            return calmer
    return plan


def _draw(layout: Layout, index: int, panel: PanelSpec, monitor: Monitor, kinds: TileKinds) -> WindowPlan:
    text = text_sizes(monitor)
    gap = gutter(monitor)
    bar = Rect(gap, gap, monitor.width - 2 * gap, bar_height(monitor, text))
    body = Rect(gap, bar.y + bar.height + gap, monitor.width - 2 * gap, monitor.height - bar.y - bar.height - 2 * gap)
    tiles: list[TilePlan] = []
    left_out: list[str] = []
    for spec in panel.tiles:
        rect = _cell_rect(body, panel.columns, panel.rows, spec, gap)
        for kind, options, part in _expanded(spec, rect, gap, text, kinds, left_out):
            tiles.append(TilePlan(f"{index}.{len(tiles)}", kind, options, part))
    return WindowPlan(
        index=index,
        layout_id=layout.id,
        name=layout.name,
        monitor=monitor,
        text=text,
        gutter_px=gap,
        bar=bar,
        tiles=tuple(tiles),
        names_highest_alarm=not any(_kind_lists(tile.kind, kinds) for tile in tiles),
        left_out=tuple(left_out),
        cramped=tuple(tile.id for tile in tiles if not _fits(tile, text, kinds)),
    )


def _cell_rect(body: Rect, columns: int, rows: int, spec: TileSpec, gap: int) -> Rect:
    """Pixels of a tile: cell borders are rounded once for the whole grid, so that edges line up."""

    def edge(cell: int, cells: int, start: int, length: int) -> int:
        return start + round(cell * (length + gap) / cells)

    left = edge(spec.col, columns, body.x, body.width)
    top = edge(spec.row, rows, body.y, body.height)
    right = edge(spec.col + spec.cols, columns, body.x, body.width) - gap
    bottom = edge(spec.row + spec.rows, rows, body.y, body.height) - gap
    return Rect(left, top, max(1, right - left), max(1, bottom - top))


def _expanded(
    spec: TileSpec, rect: Rect, gap: int, text: TextSizes, kinds: TileKinds, left_out: list[str]
) -> list[tuple[str, msgspec.Struct, Rect]]:
    """The tile itself, or the pictures of a block of cameras, in as many columns and rows as are readable."""
    options = spec.options
    if spec.kind != CAMERA_BLOCK or not isinstance(options, CamerasOptions):
        return [(spec.kind, options, rect)]
    min_w, min_h = (em * text.read_px for em in with_blocks(kinds)[CAMERA].min_em)
    columns = max(1, min(options.columns, int((rect.width + gap) / (min_w + gap))))
    rows = max(1, min(options.rows, int((rect.height + gap) / (min_h + gap))))
    numbers = expand_numbers(options.numbers)
    room = columns * rows
    wanted = numbers[: options.columns * options.rows]
    shown = wanted
    if len(wanted) > room:
        # The place that is kept for alarms stays, wherever in the block it stood.
        first = wanted[:room]
        shown = first if _ALARM_SLOT not in wanted or _ALARM_SLOT in first else (_ALARM_SLOT, *wanted[: room - 1])
        left_out += [n for n in wanted if n not in shown]
    out: list[tuple[str, msgspec.Struct, Rect]] = []
    record = with_blocks(kinds)[CAMERA].options
    for place, number in enumerate(shown):
        cell = TileSpec(CAMERA, options, place % columns, place // columns, 1, 1)
        made = record(slot=_ALARM_SLOT) if number == _ALARM_SLOT else record(camera=number)
        out.append((CAMERA, made, _cell_rect(rect, columns, rows, cell, gap)))
    return out


def _fits(tile: TilePlan, text: TextSizes, kinds: TileKinds) -> bool:
    if tile.kind not in kinds:
        return True  # a problem tile says its sentence in whatever room there is
    min_w, min_h = kinds[tile.kind].min_em
    return tile.rect.width >= min_w * text.read_px and tile.rect.height >= min_h * text.read_px
