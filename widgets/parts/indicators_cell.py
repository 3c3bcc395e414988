"""One cell of the indicator board: name, value, relation to its goal, as of when.

What does not fit goes in a fixed order: relation and time move to lines of their own, the relation is
shortened, then dropped, then the time; the name loses its second line; the value shrinks down to the
floor. A number is never cut. The wrong side of a goal is inverse grey, never a hue of the alarms.
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
        first = f"{self.number} {self.unit}".strip()
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
    percent = abs(over) / goal * 100 if goal >= _OFTEN else 0.0
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


@dataclass(frozen=True)
class CellPainter:
    """Paints cells of one board."""

    painter: QPainter
    scale: TypeScale
    theme: Theme

    def paint(self, cell: QRectF, words: CellWords) -> None:
        scale, theme = self.scale, self.theme
        self.painter.fillRect(cell, theme.tile)
        if words.stale:
            draw_hatch(self.painter, cell, theme.line, scale.floor * 1.2)
        inner = cell.adjusted(scale.pad, scale.pad * 0.7, -scale.pad, -scale.pad * 0.7)
        name, foot, px = self._plan(inner, words)
        y = inner.top()
        for line in name:
            room = QRectF(inner.left(), y, inner.width(), scale.line(scale.read))
            text.draw(self.painter, room, line, scale.read, theme.text, Weight.MEDIUM)
            y = room.bottom()
        foot_top = inner.bottom() - len(foot.lines) * scale.line(scale.floor)
        self._value(QRectF(inner.left(), y, inner.width(), foot_top - y), words, px, loud=not foot.tells_bad)
        for n, said in enumerate(foot.lines):
            top = foot_top + n * scale.line(scale.floor)
            self._foot_line(QRectF(inner.left(), top, inner.width(), scale.line(scale.floor)), said, words)

    # -- choosing what fits --------------------------------------------------------------------------

    def _plan(self, inner: QRectF, words: CellWords) -> tuple[list[str], _Foot, int]:
        """Name lines, foot and size of the value: the first combination that fits."""
        scale = self.scale
        names = [text.wrap(words.name, scale.read, Weight.MEDIUM, inner.width(), 2), [words.name]]
        feet = [foot for foot in self._feet(words) if self._foot_fits(foot, inner.width())]
        for least in (scale.glance, scale.read, scale.floor):
            for name in names:
                for foot in feet:
                    room = (
                        inner.height() - len(name) * scale.line(scale.read) - len(foot.lines) * scale.line(scale.floor)
                    )
                    if room >= scale.line(least) and self._value_width(words, least) <= inner.width():
                        return name, foot, self._largest(words, inner.width(), room, least)
        return [], _Foot(()), scale.floor

    def _largest(self, words: CellWords, width: float, height: float, least: int) -> int:
        glance = self.scale.glance
        for px in (round(glance * 1.6), round(glance * 1.3), glance, self.scale.read):
            if px >= least and self._value_width(words, px) <= width and self.scale.line(px) <= height:
                return px
        return least

    def _value_width(self, words: CellWords, px: int) -> float:
        """With the unit where the value is large; a small value may stand alone."""
        number = text.width(words.number, px, Weight.SEMIBOLD)
        if not words.unit or px < self.scale.glance:
            return number
        return number + self.scale.floor * 0.5 + text.width(words.unit, self.scale.read)

    def _feet(self, words: CellWords) -> list[_Foot]:
        """From all words to none."""
        goal, relation = words.goal, words.relation
        out: list[_Foot] = []
        for as_of in words.as_of:
            out.append(_Foot(((goal, relation, as_of),)))
        if relation:
            out += [_Foot(((goal, relation, ""), ("", "", as_of))) for as_of in words.as_of]
            out += [_Foot((("", relation, as_of),)) for as_of in words.as_of]
            if words.bad:
                out.append(_Foot((("", relation, ""),)))
        out += [_Foot((("", "", as_of),)) for as_of in words.as_of]
        out.append(_Foot(()))
        return out

    def _foot_fits(self, foot: _Foot, width: float) -> bool:
        em = self.scale.floor
        for goal, relation, as_of in foot.lines:
            left = self._left_width(goal, relation)
            gap = em if left and as_of else 0.0
            if left + gap + text.width(as_of, em) + (em if as_of else 0.0) * 0.0 > width:
                return False
        return True

    def _left_width(self, goal: str, relation: str) -> float:
        em = self.scale.floor
        joined = f"{goal} · " if goal and relation else goal
        # Room for a chip around the relation, whether it is needed now or not: words do not jump.
        return text.width(joined, em) + (text.width(relation, em, Weight.SEMIBOLD) + em * 0.9 if relation else 0.0)

    # -- painting ------------------------------------------------------------------------------------

    def _value(self, room: QRectF, words: CellWords, px: int, *, loud: bool) -> None:
        """`loud`: nothing else says that it is on the wrong side, so the number stands on inverse grey."""
        theme, em = self.theme, self.scale.floor
        chip = words.bad and loud
        if chip:
            wide = text.width(words.number, px, Weight.SEMIBOLD) + em * 0.6
            ground = QRectF(room.left(), room.center().y() - px * 0.6, min(wide, room.width()), px * 1.2)
            self.painter.fillRect(ground, theme.inverse)
            room = room.adjusted(em * 0.3, 0, 0, 0)
        color = theme.inverse_text if chip else (theme.strong if words.bad else theme.text)
        done = text.draw(self.painter, room, words.number, px, color, Weight.SEMIBOLD, elide=False)
        left = done.right() + em * (0.8 if chip else 0.5)
        for unit_px in (self.scale.read, em):
            if words.unit and left + text.width(words.unit, unit_px) <= room.right() + 0.5:
                caps = text.metrics(unit_px).capHeight()
                place = QRectF(left, done.bottom() - caps, room.right() + 1 - left, caps)
                text.draw(self.painter, place, words.unit, unit_px, theme.muted)
                return

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
