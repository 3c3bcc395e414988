"""Which reports are suggested as the same."""

from __future__ import annotations

import random

import msgspec

from backends.domain.report import Report, ReportState
from backends.domain.report_twins import MOST, Reach, twins
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

LON, LAT = 107.1003, 16.8163
HOUR = 3600 * NS_PER_S


def report(id_: str, *, east_m: float = 0.0, hours: float = 0.0, title: str = "Ngập sâu", **fields: object) -> Report:
    lon = LON + east_m / (111_320.0 * 0.9572)
    made = Report(id_, "flood", LocalText(title), ReportState.NEW, int((100 + hours) * HOUR), 0, lon=lon, lat=LAT)
    return msgspec.structs.replace(made, **fields)


HERE = report("PA-1", title="Ngập sâu 40 cm, kiệt 12 Lê Lợi")


def ids(*others: Report, reach: Reach | None = None) -> list[str]:
    return [twin.report_id for twin in twins(HERE, others, *(() if reach is None else (reach,)))]


def test_near_soon_and_alike_comes_first() -> None:
    near = report("PA-2", east_m=30, hours=0.2, title="Ngập sâu, kiệt 12 Lê Lợi")
    further = report("PA-3", east_m=150, hours=1.0)
    assert ids(further, near) == ["PA-2", "PA-3"]


def test_accents_do_not_matter() -> None:
    plain = report("PA-2", east_m=120, hours=3, title="Ngap sau 40 cm, kiet 12 Le Loi")
    other = report("PA-3", east_m=120, hours=3, title="Cây đổ chắn đường")
    assert ids(other, plain)[0] == "PA-2"


def test_far_late_or_elsewhere_is_none() -> None:
    assert ids(report("PA-2", east_m=251), report("PA-3", hours=6.1), report("PA-4", hours=-6.1)) == []
    assert ids(report("PA-5", lon=None, lat=None), HERE) == []
    assert twins(report("PA-6", lon=None), [HERE]) == []


def test_a_category_has_its_own_reach() -> None:
    far = report("PA-2", east_m=400, title="Ngập sâu 40 cm, kiệt 12 Lê Lợi")
    assert ids(far) == []
    assert ids(far, reach=Reach(within_m=600.0)) == ["PA-2"]


def test_what_is_merged_or_rejected_is_none_and_what_was_just_done_is() -> None:
    states = {state: report(f"PA-{n}", east_m=10, state=state) for n, state in enumerate(ReportState, start=2)}
    found = ids(*states.values())
    assert states[ReportState.DONE].id in found
    assert states[ReportState.MERGED].id not in found
    assert states[ReportState.REJECTED].id not in found


def test_another_category_counts_less_but_counts() -> None:
    same, other = report("PA-2", east_m=20), report("PA-3", east_m=20, category="drainage")
    assert ids(other, same) == ["PA-2", "PA-3"]


def test_of_thousands_only_a_few_are_told() -> None:
    rng = random.Random(1)
    many = [
        report(
            f"PA-{n}", east_m=rng.uniform(-3000, 3000), hours=rng.uniform(-48, 48), lat=LAT + rng.uniform(-0.03, 0.03)
        )
        for n in range(2, 5000)
    ]
    found = twins(HERE, [*many, report("PA-1000000", east_m=5)])
    assert len(found) <= MOST
    assert found[0].report_id == "PA-1000000"
    assert [twin.score for twin in found] == sorted((twin.score for twin in found), reverse=True)
