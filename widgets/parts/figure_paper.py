"""The alarm figures as files: a table, and paper for those who decide how many people sit here.

Paper says what the page says, in the language on screen: the span, each figure beside its target with the verdict in
words, and every hole in the data. Its table goes with the file, and the table's SHA-256 stands on every page: what is
printed can be held against it. Pure but for language and zone of the screen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from backends.domain.alarm import Priority
from backends.domain.alarm_figures import AlarmFigures, Line, lines_of
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts.exports import Job, iso, job_for, to_table
from widgets.parts.figure_rows import PRIORITIES, named, number, place, reach, share, target, times, verdict, why_none
from widgets.parts.paper import Paper, PaperPart, paper_job

if TYPE_CHECKING:
    from widgets.session import Session

GAPS_PRINTED = 200
_COLUMNS = ("figure", "of", "value", "unit", "target", "met", "from", "to")
_DATED = 0
"""For times of events: on paper each stands with its day."""
_WIDE, _OF_FIVE = 3.6, (3.6, 1.0, 1.2, 1.6, 2.2)


def job_of(session: Session, figures: AlarmFigures, places: Mapping[str, str], *, paper: bool) -> Job:
    """As paper (PDF) or as a table (CSV). `places`: where alarms are, by id and by cause, as far as it is known."""
    now_ns, who = session.clock.now_ns(), session.city.grant.name or "–"
    begin, end = (f"{fmt.local_time(t_ns):%Y%m%d-%H%M}" for t_ns in figures.within)
    stem = f"{fmt.local_time(now_ns):%Y%m%d-%H%M%S}_chi-so-canh-bao_{begin}_{end}"
    account: dict[str, object] = {
        "from": iso(figures.within[0]),
        "to": iso(figures.within[1]),
        "missing": [[iso(first), iso(last)] for first, last in figures.missing],
    }
    if paper:
        sheet = paper_of(figures, places, now_ns, who)
        return paper_job(session, sheet, "figures", stem, account, what="save_figures", feed="alarms")
    return job_for(session, "csv", "figures", stem, to_csv(figures), account, what="save_figures", feed="alarms")


def paper_of(figures: AlarmFigures, places: Mapping[str, str], now_ns: int, who: str) -> Paper:
    """`who`: prints it."""
    table, (begin, end) = to_csv(figures), figures.within
    return Paper(
        tr("paper.alarm_figures.title"),
        lines=(
            tr("paper.span", since=_moment(begin), at=_moment(end)),
            tr("paper.printed", at=_moment(now_ns), who=who),
        ),
        parts=tuple(_parts(figures, places)),
        footer=tr("paper.alarm_figures.footer", sha=hashlib.sha256(table).hexdigest()),
        attached=("chi-so-canh-bao.csv", table),
    )


def _moment(t_ns: int) -> str:
    return f"{fmt.date_long(t_ns)} {fmt.clock(t_ns)}"


def _parts(figures: AlarmFigures, places: Mapping[str, str]) -> Iterator[PaperPart]:
    lines = lines_of(figures)
    rows = list(reach(figures, _DATED, GAPS_PRINTED))
    holes = [n for n, row in enumerate(rows) if row.strong_state or row.key[1].startswith(("missing", "more"))]
    told = [(" · ".join(filter(None, (row.title, row.place, row.state))),) for row in rows]
    yield PaperPart(tr("alarm_figures_part.reach"), told, strong=holes)
    yield _judged("load", figures, [line for line in lines if line.id not in PRIORITIES])
    shares = _judged("priorities", figures, [line for line in lines if line.id in PRIORITIES])
    unknown = figures.raised - sum(figures.by_priority.values())
    if unknown:
        words = tr("alarm_figures.no_priority"), times(unknown), "", "", tr("alarm_figures.no_priority_why")
        shares = PaperPart(
            shares.title, [*shares.rows, words], columns=shares.columns, strong=shares.strong, widths=_OF_FIVE
        )
    yield shares
    yield _answered(figures)
    columns = _heads("alarm", "place", "times", "share")
    again = [one for one in figures.frequent if one.times > 1]
    frequent = [
        (local(one.name), places.get(one.key, ""), times(one.times), share(one.times / figures.raised)) for one in again
    ]
    none = tr("alarm_figures.no_repeat") if figures.frequent else ""
    title = tr("alarm_figures_part.frequent")
    yield PaperPart(title, frequent, columns=columns, widths=(_WIDE, 3.0, 1.4, 1.0), empty=none)
    old = [(local(one.name), places.get(one.id, ""), fmt.event_minutes(one.t_raised_ns, _DATED)) for one in figures.old]
    if figures.old_total > len(figures.old):
        old.append((f"+{figures.old_total - len(figures.old)}", "", ""))
    columns = _heads("alarm", "place", "since")
    yield PaperPart(tr("alarm_figures_part.old"), old, columns=columns, widths=(_WIDE, 3.0, 2.4))


def _judged(part: str, figures: AlarmFigures, lines: list[Line]) -> PaperPart:
    """Figures beside their targets; what is not met must be seen."""
    rows = [_cells(figures, line) for line in lines]
    columns = _heads("priority" if part == "priorities" else "figure", "value", "target", "verdict", "note")
    bad = [n for n, line in enumerate(lines) if line.met is False]
    return PaperPart(tr(f"alarm_figures_part.{part}"), rows, columns=columns, strong=bad, widths=_OF_FIVE)


def _cells(figures: AlarmFigures, line: Line) -> tuple[str, ...]:
    if line.value is None:
        return named(line), "–", target(line), why_none(figures, line), ""
    return named(line), number(line.id, line.value), target(line), verdict(line), place(figures, line, _DATED)


def _answered(figures: AlarmFigures) -> PaperPart:
    rows = [
        (tr(f"priority.{one.priority}"), times(one.times), fmt.duration(one.median_s), fmt.duration(one.p95_s))
        for one in figures.answered
    ]
    if figures.unknown_answers:
        rows.append((tr("alarm_figures.unknown_answers"), times(figures.unknown_answers), "–", "–"))
    columns = _heads("priority", "times", "median", "p95")
    return PaperPart(tr("alarm_figures_part.answered"), rows, columns=columns, widths=(_WIDE, 1.4, 2.0, 2.0))


def _heads(*names: str) -> tuple[str, ...]:
    return tuple(tr(f"paper.column.{name}") for name in names)


# -- the table -------------------------------------------------------------------------------------------------------


def to_csv(figures: AlarmFigures) -> bytes:
    """Each row is of the span that was asked for; what is missing of it has rows of its own."""
    span = tuple(iso(t_ns) for t_ns in figures.within)
    gaps = (("missing", "", "", "", "", "", iso(first), iso(last)) for first, last in figures.missing)
    return to_table(_COLUMNS, [*((*row, *span) for row in _table(figures)), *gaps])


def _table(figures: AlarmFigures) -> Iterator[tuple[str, ...]]:
    """(figure, of what, value, unit, target, met)."""
    if figures.counted:
        yield ("raised", "", str(figures.raised), "", "", "")
        yield ("operators", "", f"{figures.operators:.3f}", "", "", "")
        yield ("counted", "", f"{figures.counted_s:.0f}", "s", "", "")
    for line in lines_of(figures):
        known = line.id in PRIORITIES
        value = "" if line.value is None else f"{line.value:.6g}"
        met = "" if line.met is None else ("yes" if line.met else "no")
        sign = "<" if line.below else ">=" if line.least else "<="
        name, of = ("priority_share", line.id) if known else (line.id, "")
        yield (name, of, value, "", f"{sign} {line.target:g}", met)
    for one in figures.answered:
        of = Priority(one.priority).value
        yield ("acknowledged", of, str(one.times), "", "", "")
        yield ("acknowledged_median", of, f"{one.median_s:.1f}", "s", "", "")
        yield ("acknowledged_p95", of, f"{one.p95_s:.1f}", "s", "", "")
    for cause in figures.frequent:
        yield ("frequent", local(cause.name), str(cause.times), "", "", "")
    for old in figures.old:
        yield ("active_since", local(old.name), iso(old.t_raised_ns), "", "", "")
