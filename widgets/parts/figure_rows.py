"""Rows of the page of alarm figures. Pure but for language and zone of the screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from backends.domain.alarm import Priority
from backends.domain.alarm_figures import RATE_BEARABLE, AlarmFigures, Line, lines_of
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts.panel_rows import Row

GAPS_SHOWN = 5
PRIORITIES = frozenset(Priority)
_SHARES = frozenset({"overload", "top", *Priority})
"""Figures that are shares."""


@dataclass(frozen=True)
class Part:
    """A heading and what stands under it."""

    id: str
    rows: tuple[Row, ...]


def parts_of(figures: AlarmFigures, now_ns: int) -> Iterator[Part]:
    """All that is said of them, in the order of the page."""
    lines = lines_of(figures)
    yield Part("reach", tuple(reach(figures, now_ns)))
    yield Part("load", tuple(_row(figures, line, now_ns) for line in lines if line.id not in PRIORITIES))
    shares = [_row(figures, line, now_ns) for line in lines if line.id in PRIORITIES]
    unknown = figures.raised - sum(figures.by_priority.values())
    if unknown:
        words = tr("alarm_figures.no_priority"), tr("alarm_figures.no_priority_why")
        shares.append(_plain_row("no_priority", *words, times(unknown)))
    yield Part("priorities", tuple(shares))
    yield Part("answered", tuple(_answered(figures)))
    yield Part("frequent", tuple(_frequent(figures)))
    since = ((one, fmt.event_minutes(one.t_raised_ns, now_ns)) for one in figures.old)
    yield Part(
        "old",
        tuple(
            Row(("alarm", one.id), local(one.name), state=tr("alarm_figures.since", at=at)) for one, at in since
        ),
    )  # fmt: skip


# -- how far the data reach ------------------------------------------------------------------------------------------


def reach(figures: AlarmFigures, now_ns: int, gaps: int = GAPS_SHOWN) -> Iterator[Row]:
    """How far the data reach, and where they are missing; so many `gaps` are named at most."""
    as_of = tr("alarm_figures.as_of", at=fmt.event_seconds(figures.within[1], now_ns))
    if not figures.counted:
        yield Row(("reach", "nothing"), tr("alarm_figures.nothing"), state=as_of, strong_state=True)
    else:
        people = fmt.number(figures.operators, 1)
        counted = tr("alarm_figures.counted", raised=fmt.number(figures.raised), operators=people)
        words = tr("alarm_figures.all_there") if not figures.missing else counted
        yield Row(("reach", "counted"), words, place="" if words == counted else counted, state=as_of)
        for n, (first, last) in enumerate(figures.missing[:gaps]):
            ends = {"first": fmt.event_seconds(first, now_ns), "last": fmt.event_seconds(last, now_ns)}
            yield Row(("reach", f"missing {n}"), tr("alarm_figures.missing", **ends))
        if len(figures.missing) > gaps:
            yield Row(("reach", "more"), f"+{len(figures.missing) - gaps}")
    if figures.oldest_ns:
        at = fmt.event_minutes(figures.oldest_ns, now_ns)
        yield Row(("reach", "oldest"), tr("alarm_figures.oldest", at=at))
    else:
        yield Row(("reach", "oldest"), tr("alarm_figures.no_oldest"))


# -- figures beside their targets ------------------------------------------------------------------------------------


def _row(figures: AlarmFigures, line: Line, now_ns: int) -> Row:
    priority, title = Priority(line.id) if line.id in PRIORITIES else None, named(line)
    if line.value is None:
        return Row(("figure", line.id), title, state=why_none(figures, line), priority=priority)
    state = f"{number(line.id, line.value)} · {verdict(line)} · {target(line)}"
    beside = place(figures, line, now_ns)
    return Row(("figure", line.id), title, place=beside, state=state, strong_state=line.met is False, priority=priority)


def named(line: Line) -> str:
    """What the figure is called."""
    return tr(f"priority.{line.id}") if line.id in PRIORITIES else tr(f"alarm_figures_line.{line.id}")


def why_none(figures: AlarmFigures, line: Line) -> str:
    if figures.counted and line.id == "rate":
        return tr("alarm_figures.too_short")
    return tr("alarms.empty") if figures.counted and not figures.raised else tr("alarm_figures.no_figure")


def number(figure: str, value: float) -> str:
    if figure in _SHARES:
        return share(value)
    return fmt.number(value, 0 if value == int(value) else 2 if value < 1 else 1)


def share(value: float) -> str:
    percent = round(100 * value, 1)
    return f"{fmt.number(percent, 0 if percent == int(percent) else 1)}%"


def target(line: Line) -> str:
    if not line.target:
        return tr("alarm_figures.none")
    n = number(line.id, line.target)
    if line.below:
        return tr("alarm_figures.below", n=n)
    return tr("alarm_figures.least", n=n) if line.least else tr("alarm_figures.most", n=n)


def verdict(line: Line) -> str:
    if line.met is None:
        return tr("alarm_figures.few")
    if line.met:
        return tr("alarm_figures.met")
    if line.id == "rate" and line.value is not None and line.value <= RATE_BEARABLE:
        return tr("alarm_figures.bearable")
    return tr("alarm_figures.not_met")


def place(figures: AlarmFigures, line: Line, now_ns: int) -> str:
    """What else is known of it."""
    if line.id == "peak" and figures.peak_ns:
        return tr("alarm_figures.at", at=fmt.event_minutes(figures.peak_ns, now_ns))
    if line.id == "overload" and figures.overloads:
        longest = fmt.duration(figures.overload_longest_s)
        return tr("alarm_figures.overloads", n=fmt.number(figures.overloads), longest=longest)
    if line.id == "old":
        return tr("alarm_figures.now")
    if line.id in PRIORITIES:
        return times(figures.by_priority.get(Priority(line.id), 0))
    return ""


# -- lists -----------------------------------------------------------------------------------------------------------


def _answered(figures: AlarmFigures) -> Iterator[Row]:
    for one in figures.answered:
        median, p95 = fmt.duration(one.median_s), fmt.duration(one.p95_s)
        state = tr("alarm_figures.waited", median=median, p95=p95)
        name = tr(f"priority.{one.priority}")
        yield Row(("answered", one.priority), name, place=times(one.times), state=state, priority=one.priority)
    if figures.unknown_answers:
        words = tr("alarm_figures.unknown_answers"), tr("alarm_figures.unknown_answers_why")
        yield _plain_row("unknown_answers", *words, times(figures.unknown_answers))


def _frequent(figures: AlarmFigures) -> Iterator[Row]:
    """What came once is not frequent."""
    again = [one for one in figures.frequent if one.times > 1]
    if figures.frequent and not again:
        yield Row(("figure", "no_repeat"), tr("alarm_figures.no_repeat"))
    for one in again:
        state = f"{times(one.times)} · {share(one.times / figures.raised)}"
        yield Row(("cause", one.key), local(one.name), state=state)


def _plain_row(key: str, title: str, place: str, state: str) -> Row:
    return Row(("figure", key), title, place=place, state=state)


def times(n: int) -> str:
    return tr("alarm_figures.times", n=fmt.number(n))


def with_headings(parts: Iterator[Part]) -> list[Row]:
    """As rows of a list; a part without rows is left out."""
    told = (
        (Row(("part", one.id), tr(f"alarm_figures_part.{one.id}"), heading=True), *one.rows)
        for one in parts
        if one.rows
    )
    return list(chain.from_iterable(told))
