"""What a plot shows at one moment, as figures and words: a snapshot that `plot_view` paints. Holds nothing back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QColor

from backends.domain.quality import Value
from backends.domain.sensor import Band, Flagged, Limit
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts.plot_air import AirRun
from widgets.parts.plot_chart import Curve
from widgets.parts.plot_limits import Held
from widgets.parts.plot_range import Span

_RATES = ("/h", "/s", "/giờ", "/phút", "/min")


@dataclass(frozen=True)
class PlotState:
    """What is shown now."""

    unit: str
    decimals: int
    t0_ns: int
    t1_ns: int
    now_ns: int
    low: float
    high: float
    last: Value | None
    """Newest number, while the plot follows now; None: nothing yet, or the past is looked at."""
    word: str
    """Why the last value cannot be trusted ("thiết bị lỗi"), empty when it can."""
    old: bool
    """The last value is older than it may be."""
    limits: tuple[Held, ...]
    """Those that held within the range, each for its time."""
    broken: Limit | None
    nearest: Limit | None
    forecast: tuple[tuple[int, float], ...]
    rate_per_h: float | None
    forecast_at_ns: int = 0
    flags: tuple[Flagged, ...] = ()
    missing: tuple[Span, ...] = ()
    """Parts of the range that nothing is known of yet: they are being fetched."""
    gaps: tuple[Span, ...] = ()
    """Parts without a sample, as far as they can be seen."""
    more: tuple[Line, ...] = ()
    """What the series is compared with."""
    right: tuple[float, float, str, int] | None = None
    """Low, high, unit and decimals of the second axis."""
    shapes: bool = False
    """Lines are compared by their shapes: each has its own range, and the axis says shares of it."""
    cursor_ns: int | None = None
    at_cursor: Value | None = None
    mark_ns: int | None = None
    at_mark: Value | None = None
    view_is_live: bool = True
    """It follows now."""
    reaches_ns: int = 0
    """End of the range that samples can be in: the forecast is beyond it."""
    reach: Span = (0, 0)
    """Range that the lines are thinned and drawn for: the view, or more of the past (`plot_range.reach_of`)."""
    columns: int = 1
    """Columns of pixels that they are thinned for."""
    air: tuple[AirRun, ...] | None = None
    """Hours of the air index that follows from the first; None: none does."""
    air_steps: int = 0
    """Of the scale of that index."""
    levels: tuple[Band, ...] = ()
    """Steps of the index that the first is."""

    @property
    def rising(self) -> bool | None:
        """None: steady, to the digits that are shown."""
        if self.rate_per_h is None or abs(self.rate_per_h) < 0.5 * 10.0**-self.decimals:
            return None
        return self.rate_per_h > 0

    def forecast_curve(self, color: QColor, width: float) -> tuple[Curve, ...]:
        """Its dotted line, none where there is no forecast."""
        if not self.forecast or self.shapes:
            return ()
        t_ns = np.array([t for t, _ in self.forecast], dtype=np.int64)
        value = np.array([v for _, v in self.forecast], dtype=np.float64)
        return (Curve(t_ns, value, self.low, self.high, color, width, dots=True),)

    def words(self, value: float) -> str:
        return fmt.with_unit(fmt.number(value, self.decimals), self.unit)

    def relation(self) -> str:
        """ "trên BĐ3 0,12 m", empty without a limit."""
        limit = self.broken or self.nearest
        if limit is None or self.last is None or self.last.value is None:
            return ""
        over = self.last.value - limit.value
        key = "plot.above" if over > 0 else "plot.below"
        return tr(key, limit=local(limit.label), by=self.words(abs(over)))

    def trend(self) -> str:
        """ "đang lên 0,21 m/giờ", empty when steady or unknown.

        A speed or a share has none: "giảm 44 km/h/giờ" after one jump says nothing that the arrow does not.
        """
        if self.rising is None or self.rate_per_h is None or self.unit == "%" or self.unit.endswith(_RATES):
            return ""
        return tr("plot.rising" if self.rising else "plot.falling", by=self.words(abs(self.rate_per_h)))


@dataclass(frozen=True)
class Line:
    """One series beside the first."""

    words: str
    """What stands at its end: number, name and value."""
    low: float
    high: float
    end: Value | None
    """Its newest number within the range: where the words stand."""
