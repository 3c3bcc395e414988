"""Citizen reports: what people send in, and how the agencies work them off.

Ordinary reports that arrive before the start are closed before it; the open ones of the first screen come
from the opening (calm) or stay open by themselves (a scenario with `backlog`). Numbers are given in order of
arrival, so that the last one before the start is PA-2216.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from backends.city import cameras, geography, report_pictures
from backends.city.tables import Row, by_hour, filled, local_date, table, text
from backends.domain.place import Point
from backends.domain.report import Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import ReportMoved

_MIN_NS = 60 * NS_PER_S
LAST_NUMBER = 2216
_HEARD = (
    "Nhờ trung tâm kiểm tra giúp.",
    "Tình trạng này có từ hôm qua.",
    "Đã báo phường nhưng chưa thấy xử lý.",
    "Rất mong được xử lý sớm, xin cảm ơn.",
    "Có ảnh chụp kèm theo.",
)
_RATED = 0.4
"""Of the reports that are done: so many are rated."""
_WORDS: dict[int, tuple[str, ...]] = {
    1: ("Vẫn như cũ, chưa thấy ai đến.", "Báo đã xong nhưng chưa làm gì."),
    2: ("Làm một nửa rồi bỏ đó.", "Hôm sau lại như cũ."),
    3: ("", "Hơi chậm."),
    4: ("", "Tốt, cảm ơn trung tâm."),
    5: ("Xử lý rất nhanh, cảm ơn.", ""),
}
"""What citizens say with so many stars."""
_STARS = (5, 7, 14, 30, 44)
"""How often one to five are given, in percent."""


@dataclass(frozen=True)
class Pace:
    """How many reports come and how they are worked off, by UTC seconds."""

    rate: Callable[[float], float]
    """Factor on the ordinary number a day."""
    flood: Callable[[float], float]
    """0 = ordinary categories, 1 = only those of a flood."""
    backlog: bool = False
    """True: reports may still be open at the start, and take longer."""


CALM = Pace(rate=lambda t_s: 1.0, flood=lambda t_s: 0.0)


def opening_reports(start_ns: int, seed: int) -> list[list[ReportMoved]]:
    """The open reports of a calm day's first screen, each with its moves, by arrival."""
    rng = random.Random(f"{seed} opening reports")
    lives = []
    for row in table("opening")["report"]:
        category = _category(row["category"])
        due_ns = start_ns + row["due_min"] * _MIN_NS
        received_ns = due_ns - int(category["hours"] * 60) * _MIN_NS
        report = _report("", category, text(row), row.get("text", rng.choice(_HEARD)), received_ns, due_ns, rng)
        lives.append(_life(report, ReportState(row["state"]), min(start_ns - 2 * _MIN_NS, received_ns + 40 * _MIN_NS)))
    return sorted(lives, key=lambda life: life[0].t_ns)


def _category(name: str) -> Row:
    row: Row = next(c for c in table("reports")["category"] if c["id"] == name)
    return row


def _report(
    number: str, category: Row, title: LocalText, words: str, received_ns: int, due_ns: int, rng: random.Random
) -> Report:
    agency = next(a for a in table("places")["agency"] if a["id"] == category["agency"])
    ward = rng.choice(geography.old_wards())
    at = geography.point_in(ward, rng)
    place = next(a.name for a in geography.areas() if a.id == ward)
    return Report(
        id=number,
        category=category["id"],
        title=title,
        state=ReportState.NEW,
        t_received_ns=received_ns,
        t_due_ns=due_ns,
        text=words,
        place=place,
        area_id=geography.ward_on(ward, local_date(received_ns)),
        lon=at[0],
        lat=at[1],
        category_name=text(category),
        agency_id=category["agency"],
        agency=text(agency),
        camera_ids=_near(at),
        before=report_pictures.before(category["id"], received_ns, spoken_of=words == _HEARD[-1]),
    )


def _near(at: Point) -> tuple[str, ...]:
    """The camera beside it, if one is within some 250 m."""
    best = min(cameras.eyes(), key=lambda e: (e.at[0] - at[0]) ** 2 + (e.at[1] - at[1]) ** 2)
    close = (best.at[0] - at[0]) ** 2 + (best.at[1] - at[1]) ** 2 < 0.0023**2
    return (cameras.camera_id(best.number),) if close else ()


_STEPS = (ReportState.NEW, ReportState.ASSIGNED, ReportState.IN_PROGRESS, ReportState.DONE)


def _life(report: Report, until: ReportState, end_ns: int) -> list[ReportMoved]:
    """The report's moves from its arrival to the state `until`, reached by `end_ns`."""
    steps = _STEPS[1 : _STEPS.index(until) + 1]
    moves = [ReportMoved(report.t_received_ns, report)]
    for i, state in enumerate(steps, start=1):
        t_ns = report.t_received_ns + (end_ns - report.t_received_ns) * i // len(steps)
        report = msgspec.structs.replace(
            report,
            state=state,
            t_closed_ns=t_ns if state is ReportState.DONE else 0,
            after=report_pictures.after(report.category, report.before) if state is ReportState.DONE else (),
            rev=report.rev + 1,
            state_rev=report.state_rev + 1,
        )
        moves.append(ReportMoved(t_ns, report))
    return moves


def ordinary(seed: int, start_ns: int, begin_ns: int, pace: Pace) -> Iterator[list[ReportMoved]]:
    """Reports from `begin_ns` on, without end, each with all its moves, by arrival. Numbers are not given yet."""
    rng = random.Random(f"{seed} {start_ns} reports")
    data = table("reports")
    mean = sum(data["day"]) / 24.0
    t_ns = begin_ns
    while True:
        t_s = t_ns / NS_PER_S
        per_s = data["per_day"] * pace.rate(t_s) * by_hour(data["day"], t_s) / mean / 86_400.0
        t_ns += int(rng.uniform(0.25, 1.75) / per_s * NS_PER_S)
        life = _ordinary(rng, t_ns, start_ns, pace)
        if life:
            yield life


def _ordinary(rng: random.Random, t_ns: int, start_ns: int, pace: Pace) -> list[ReportMoved]:
    data = table("reports")
    wet = pace.flood(t_ns / NS_PER_S)
    rows = data["category"]
    category = rng.choices(rows, [c["weight"] * (1 - wet) + c.get("flood_weight", 0.0) * wet for c in rows])[0]
    pair = rng.choice(category["titles"])
    title = filled(LocalText(*pair), n=rng.randint(2, 6), alley=rng.randint(3, 120), street=rng.choice(data["streets"]))
    due_ns = t_ns + int(category["hours"] * 60) * _MIN_NS
    report = _report("", category, title, rng.choice(_HEARD), t_ns, due_ns, rng)
    span_min = min(rng.uniform(18, 150), category["hours"] * 55)
    if pace.backlog:
        span_min *= 1.0 + 3.0 * wet
    end_ns = t_ns + int(span_min * _MIN_NS)
    if t_ns < start_ns and not pace.backlog:
        if t_ns > start_ns - 12 * _MIN_NS:
            return []
        end_ns = min(end_ns, start_ns - _MIN_NS)
    return _rated(_life(report, ReportState.DONE, end_ns), start_ns)


def _rated(life: list[ReportMoved], start_ns: int) -> list[ReportMoved]:
    """With what the citizen thinks of the result, where he says so. What came before the start was well done: nobody
    begins a shift with other people's complaints. A generator of its own: others' numbers stay what they are."""
    done = life[-1]
    rng = random.Random(f"{done.report.category} {done.report.t_received_ns} rating")
    if rng.random() >= _RATED:
        return life
    t_ns = done.t_ns + rng.randrange(5, 90) * _MIN_NS
    stars = rng.choices(list(_WORDS), _STARS)[0]
    stars = max(3, stars) if t_ns < start_ns else stars
    report = msgspec.structs.replace(
        done.report, rating=stars, rating_text=rng.choice(_WORDS[stars]), t_rated_ns=t_ns, rev=done.report.rev + 1
    )
    return [*life, ReportMoved(t_ns, report)]


def stream(lives: Iterator[list[ReportMoved]], before: int) -> Iterator[ReportMoved]:
    """Lives by rising arrival -> their moves in time order, with numbers; `before` of them are before the start."""
    number = LAST_NUMBER - before
    waiting: list[ReportMoved] = []
    for life in lives:
        number += 1
        name = f"PA-{number}"
        begin_ns = life[0].t_ns
        yield from (m for m in waiting if m.t_ns < begin_ns)
        waiting = [m for m in waiting if m.t_ns >= begin_ns]
        named = [ReportMoved(m.t_ns, msgspec.structs.replace(m.report, id=name)) for m in life]
        waiting = sorted([*waiting, *named], key=lambda m: m.t_ns)
    yield from waiting
