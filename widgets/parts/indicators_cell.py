"""One cell of the indicator board: name, value, relation to its goal, as of when.

Every combination of name, value and foot that fits has a loss; the least loss is shown. So relation and
time move to lines of their own, the relation is shortened, then dropped, then the time; names become
smaller before they are cut. A number is never cut. The wrong side of a goal is inverse grey, never a hue of the alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from backends.domain.indicator import Indicator
from backends.domain.quality import Quality
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.shapes import draw_hatch
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

_RIGHT = Qt.AlignmentFlag.AlignRight
_OFTEN = 100.0
"""Counts from here on are compared in percent: "hơn 7%" says more than "hơn 84"."""
VALUE_LINE = 1.12
"""Height of the value's line in its size: figures have neither stacked marks nor tails."""


@dataclass(frozen=True)
class CellWords:
    """Everything that a cell may say, longest first where there are several."""

    name: str
    number: str
    unit: str
    goal: str
    """`kế hoạch 95`."""
    relation: str
    """`hơn 1,4`."""
    as_of: tuple[str, ...]
    bad: bool
    stale: bool

    @property
    def whole(self) -> str:
        """All of it, for the tooltip."""
        first = fmt.with_unit(self.number, self.unit)
        lines = (self.name, first, " · ".join(w for w in (self.goal, self.relation) if w), self.as_of[0])
        return "\n".join(line for line in lines if line)


def cell_words(indicator: Indicator, now_ns: int, stale_since_ns: int | None) -> CellWords:
    """`stale_since_ns`: since when the feed is stale; None while it is live."""
    goal, relation = _relation(indicator)
    number = fmt.number(indicator.value, indicator.decimals) if indicator.value is not None else "–"
    unit = local(indicator.unit)
    if indicator.goal_kind == "total" and indicator.goal is not None:
        unit = f"/ {fmt.number(indicator.goal, indicator.decimals)} {unit}".strip()
    stale = stale_since_ns is not None or indicator.quality is not Quality.GOOD
    as_of = _as_of(indicator, now_ns)
    if stale_since_ns is not None:
        age = fmt.duration((now_ns - max(stale_since_ns, indicator.t_as_of_ns)) / NS_PER_S)
        as_of = (tr("indicators.stale", age=age), tr("indicators.stale_short"))
    elif stale:
        as_of = (tr(f"indicators.quality.{indicator.quality}"), tr("indicators.stale_short"))
    return CellWords(local(indicator.name), number, unit, goal, relation, as_of, indicator.bad, stale)


def _relation(indicator: Indicator) -> tuple[str, str]:
    value, goal = indicator.value, indicator.goal
    if value is None or goal is None or not indicator.goal_kind:
        return "", ""
    over = value - goal
    if indicator.goal_kind == "total":
        missing = fmt.number(abs(over), indicator.decimals)
        return "", tr("indicators.missing", by=missing) if over < 0 else tr("indicators.complete")
    decimals = max(indicator.decimals, 0 if goal == int(goal) else 1)
    head = tr(f"indicators.{indicator.goal_kind}", goal=fmt.number(goal, indicator.decimals if goal % 1 else 0))
    # An index has no unit, and its points are what people know: "trên 30", not "trên 30%".
    percent = abs(over) / goal * 100 if goal >= _OFTEN and indicator.unit.vi else 0.0
    by = tr("indicators.percent", n=fmt.number(percent)) if percent >= 0.5 else fmt.number(abs(over), decimals)
    if round(over, decimals) == 0:
        return head, tr("indicators.equal")
    side = (
        ("above" if over > 0 else "below") if indicator.goal_kind == "threshold" else ("over" if over > 0 else "less")
    )
    return head, tr(f"indicators.{side}", by=by)


def _as_of(indicator: Indicator, now_ns: int) -> tuple[str, ...]:
    t_ns = indicator.t_as_of_ns
    today = fmt.local_time(t_ns).date() == fmt.local_time(now_ns).date()
    date = fmt.date_short(t_ns)
    if indicator.period == "today" and today:
        return (tr("indicators.today"),)
    if indicator.period in ("day", "today"):
        return (tr("indicators.as_of", at=date), date)
    clock = fmt.clock_minutes(t_ns)
    return (clock,) if today else (f"{date} {clock}", date)


@dataclass(frozen=True)
class _Foot:
    """What stands below the value: lines of (goal, relation, as of)."""

    lines: tuple[tuple[str, str, str], ...]

    @property
    def tells_bad(self) -> bool:
        return any(relation for _, relation, _ in self.lines)

    @property
    def tells_time(self) -> bool:
        return any(as_of for _, _, as_of in self.lines)


@dataclass(frozen=True)
class CellPlan:
    """What a cell of one size shows. `loss` counts what its reader misses; 0 = everything."""

    name: tuple[str, ...]
    name_px: int
    foot: _Foot
    value_px: int
    unit_px: int
    """0: the unit is not shown."""
    loss: float


@dataclass(frozen=True)
class CellPlanner:
    """Chooses what fits. Measures only."""

    scale: TypeScale

    def inner(self, cell: QRectF) -> QRectF:
        pad = self.scale.pad
        return cell.adjusted(pad, pad * 0.7, -pad, -pad * 0.7)

    @property
    def value_sizes(self) -> tuple[int, ...]:
        """Sizes of the number, largest first."""
        glance = self.scale.glance
        return (round(glance * 1.6), round(glance * 1.3), glance, self.scale.read, self.scale.floor)

    def board(self, cells: list[QRectF], words: list[CellWords]) -> list[CellPlan]:
        """Plans of cells that stand side by side: one size of names and one of values, where that loses little."""
        best: tuple[float, list[CellPlan]] = (float("inf"), [])
        for name_px in (self.scale.read, self.scale.floor):
            for most in self.value_sizes:
                plans = [self.plan(c, w, (name_px,), most) for c, w in zip(cells, words, strict=True)]
                uneven = sum(p.value_px != most for p in plans)
                loss = sum(p.loss for p in plans) + 0.7 * uneven
                if loss < best[0] - 1e-9:
                    best = (loss, plans)
        return best[1]

    def plan(self, cell: QRectF, words: CellWords, name_sizes: tuple[int, ...] = (), most: int = 10_000) -> CellPlan:
        """The combination that loses least; of equals, the largest value up to `most` pixels."""
        inner = self.inner(cell)
        scale = self.scale
        feet = [(foot, loss) for foot, loss in self._feet(words) if self._foot_fits(foot, inner.width())]
        best: CellPlan | None = None
        for name, name_px, name_loss in self._names(words.name, inner.width(), name_sizes):
            for foot, foot_loss in feet:
                room = inner.height() - len(name) * scale.line(name_px) - len(foot.lines) * scale.line(scale.floor)
                for px, unit_px, value_loss in self._values(words, inner.width(), room, most):
                    loss = name_loss + foot_loss + value_loss
                    if best is None or loss < best.loss - 1e-9:
                        best = CellPlan(name, name_px, foot, px, unit_px, loss)
                if best is not None and best.loss == 0.0:
                    return best
        return best or CellPlan((), scale.floor, _Foot(()), scale.floor, 0, 20.0)

    def _names(self, name: str, width: float, sizes: tuple[int, ...]) -> list[tuple[tuple[str, ...], int, float]]:
        out: list[tuple[tuple[str, ...], int, float]] = []
        for px in sizes or (self.scale.read, self.scale.floor):
            small = 0.0 if px == self.scale.read else 0.5
            for lines, cut in ((1, 4.0), (2, 3.0), (3, 3.0)):
                broken = [name] if lines == 1 else text.wrap(name, px, Weight.MEDIUM, width, lines)
                whole = all(text.width(line, px, Weight.MEDIUM) <= width for line in broken)
                out.append((tuple(broken), px, small + (0.3 if lines == 3 else 0.0) + (0.0 if whole else cut)))
                if whole:
                    break
        return out

    def _values(self, words: CellWords, width: float, height: float, most: int) -> list[tuple[int, int, float]]:
        """(size of the number, size of the unit or 0, loss)."""
        scale, out = self.scale, []
        glance = scale.glance
        for px in self.value_sizes:
            if px > most or px * VALUE_LINE > height:
                continue
            small = 0.0 if px > glance * 1.5 else 0.1 if px > glance else 0.2 if px == glance else 3.0
            small += 2.0 if px == scale.floor else 0.0
            number = text.width(words.number, px, Weight.SEMIBOLD) + (scale.floor * 0.7 if words.bad else 0.0)
            for unit_px, loss in ((scale.read, 0.0), (scale.floor, 0.15), (0, 2.5)):
                if unit_px > px:
                    continue
                unit = scale.floor * 0.5 + text.width(words.unit, unit_px) if words.unit and unit_px else 0.0
                if number + unit <= width:
                    out.append((px, unit_px, small + (loss if words.unit else 0.0)))
                    break
        return out

    def _feet(self, words: CellWords) -> list[tuple[_Foot, float]]:
        """From all words to none, with what each loses."""
        goal, relation = words.goal, words.relation
        # Where something is wrong, saying so counts more than saying since when.
        short, none = (0.4, 2.2) if words.bad else (0.4, 1.0)
        out: list[tuple[_Foot, float]] = []
        for as_of, brief in zip(words.as_of, (0.0, 0.1), strict=False):
            out.append((_Foot(((goal, relation, as_of),)), brief))
            if relation:
                out.append((_Foot(((goal, relation, ""), ("", "", as_of))), brief + 0.3))
                out.append((_Foot((("", relation, as_of),)), brief + short))
                out.append((_Foot((("", relation, ""), ("", "", as_of))), brief + short + 0.3))
                out.append((_Foot((("", "", as_of),)), brief + none))
        if relation:
            out.append((_Foot((("", relation, ""),)), 2.0))
        out.append((_Foot(()), 2.0 + (none if relation else 0.0)))
        return out

    def _foot_fits(self, foot: _Foot, width: float) -> bool:
        em = self.scale.floor
        for goal, relation, as_of in foot.lines:
            left = self._left_width(goal, relation)
            if left + (em if left and as_of else 0.0) + text.width(as_of, em) > width:
                return False
        return True

    def _left_width(self, goal: str, relation: str) -> float:
        em = self.scale.floor
        joined = f"{goal} · " if goal and relation else goal
        # Room for a chip around the relation, whether it is needed now or not: words do not jump.
        return text.width(joined, em) + (text.width(relation, em, Weight.SEMIBOLD) + em * 0.9 if relation else 0.0)


@dataclass(frozen=True)
class CellPainter:
    """Paints cells of one board."""

    painter: QPainter
    scale: TypeScale
    theme: Theme

    def paint(self, cell: QRectF, words: CellWords, plan: CellPlan, around: tuple[int, int] = (0, 0)) -> None:
        """`around`: most lines of name and foot on this row of the board, so that its values stand level."""
        scale, theme = self.scale, self.theme
        inner = CellPlanner(scale).inner(cell)
        self.painter.fillRect(cell, theme.tile)
        if words.stale:
            draw_hatch(self.painter, cell, theme.line, scale.floor * 1.2)
        y = inner.top()
        for line in plan.name:
            room = QRectF(inner.left(), y, inner.width(), scale.line(plan.name_px))
            text.draw(self.painter, room, line, plan.name_px, theme.text, Weight.MEDIUM)
            y = room.bottom()
        foot_top = inner.bottom() - len(plan.foot.lines) * scale.line(scale.floor)
        level_top = max(y, inner.top() + around[0] * scale.line(plan.name_px))
        level_bottom = min(foot_top, inner.bottom() - around[1] * scale.line(scale.floor))
        if level_bottom - level_top >= plan.value_px * VALUE_LINE:
            y, value_bottom = level_top, level_bottom
        else:
            value_bottom = foot_top
        self._value(QRectF(inner.left(), y, inner.width(), value_bottom - y), words, plan)
        for n, said in enumerate(plan.foot.lines):
            top = foot_top + n * scale.line(scale.floor)
            self._foot_line(QRectF(inner.left(), top, inner.width(), scale.line(scale.floor)), said, words)

    def _value(self, room: QRectF, words: CellWords, plan: CellPlan) -> None:
        """Where nothing else says that it is on the wrong side, the number stands on inverse grey."""
        theme, em, px = self.theme, self.scale.floor, plan.value_px
        chip = words.bad and not plan.foot.tells_bad
        if chip:
            wide = text.width(words.number, px, Weight.SEMIBOLD) + em * 0.6
            ground = QRectF(room.left(), room.center().y() - px * 0.54, min(wide, room.width()), px * 1.08)
            self.painter.fillRect(ground, theme.inverse)
            room = room.adjusted(em * 0.3, 0, 0, 0)
        color = theme.inverse_text if chip else (theme.strong if words.bad else theme.text)
        done = text.draw(self.painter, room, words.number, px, color, Weight.SEMIBOLD, elide=False)
        if words.unit and plan.unit_px:
            left, caps = done.right() + em * (0.7 if chip else 0.5), text.metrics(plan.unit_px).capHeight()
            place = QRectF(left, done.bottom() - caps, text.width(words.unit, plan.unit_px) + 1, caps)
            text.draw(self.painter, place, words.unit, plan.unit_px, theme.muted)

    def _foot_line(self, room: QRectF, line: tuple[str, str, str], words: CellWords) -> None:
        goal, relation, as_of = line
        theme, em = self.theme, self.scale.floor
        x = room.left()
        joined = f"{goal} · " if goal and relation else goal
        if joined:
            text.draw(self.painter, QRectF(x, room.top(), room.width(), room.height()), joined, em, theme.muted)
            x += text.width(joined, em)
        if relation:
            weight = Weight.SEMIBOLD if words.bad else Weight.REGULAR
            wide = text.width(relation, em, weight)
            if words.bad:
                chip = QRectF(x, room.top(), wide + em * 0.8, room.height())
                self.painter.fillRect(chip, theme.inverse)
                x += em * 0.4
            ink = theme.inverse_text if words.bad else theme.muted
            text.draw(self.painter, QRectF(x, room.top(), wide + 1, room.height()), relation, em, ink, weight)
        if not as_of:
            return
        alone = not joined and not relation
        wide = text.width(as_of, em) + 1
        box = QRectF(room.left() if alone else room.right() - wide, room.top(), wide, room.height())
        text.draw(self.painter, box, as_of, em, theme.text if words.stale else theme.muted)
