"""Search bench: what one query costs among 100,000 items of all kinds, and what changes cost meanwhile.

`rows()` takes about a minute, most of it filling the index. Queries are typed as people type them, each beginning
with its first letter ("n", "ng", "nga", "ngap"), by name, number, first letters and place; between two queries ten
items change, so that an index that is made anew after changes would show it.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from widgets.search.index import CALM, Item, SearchIndex  # noqa: E402

ITEMS, TRIES, WARM_UP = 100_000, 400, 40
BAR_MS = 50.0
MOST = 50
"""Answers a query: more than a panel shows."""
CHANGES = 10
"""Between two queries."""
_KINDS = (("camera", 40), ("alarm", 20), ("report", 20), ("sensor", 18), ("area", 2))
_WHAT = (
    "Cầu", "Ngã tư", "Kè sông", "Đường", "Chợ", "Trạm bơm", "Kiệt",
    "Ngập", "Ùn tắc", "Đèn đường hỏng", "Mực nước", "Cây đổ", "Bụi", "Rác thải",
)  # fmt: skip
_EN = (
    "Bridge", "Crossroads", "Dyke", "Road", "Market", "Pump", "Alley",
    "Flood", "Congestion", "Lights out", "Level", "Fallen tree", "Dust", "Waste",
)  # fmt: skip
_WHERE = (
    "Đông Hà", "Hiếu", "Trần Hưng Đạo", "Lê Lợi", "Nguyễn Trãi",
    "Lê Thánh Tôn", "Đông Giang", "Đông Lễ", "Sòng", "Cửa Việt", "Hùng Vương",
)  # fmt: skip
_TYPED = (
    "ngap",
    "cau dong ha",
    "kè sông",
    "le loi 12",
    "tdh",
    "068",
    "4711",
    "kiet 7",
    "phuong 12",
    "den duong",
    "camera 9",
)


def city() -> list[Item]:
    """Names and numbers like a city's, the same in every run."""
    chance = random.Random(7)
    kinds = chance.choices([kind for kind, _ in _KINDS], [share for _, share in _KINDS], k=ITEMS)
    return [_item(kind, n, chance) for n, kind in enumerate(kinds)]


def _item(kind: str, n: int, chance: random.Random) -> Item:
    what, where = chance.randrange(len(_WHAT)), chance.choice(_WHERE)
    house = chance.randrange(300)
    names = (f"{_WHAT[what]} {where} {house}", f"{_EN[what]} {where} {house}")
    number = {"camera": f"{n:03d}", "report": f"PA-{n}"}.get(kind, "")
    ward = f"Phường {chance.randrange(120)}"
    urgency = chance.randrange(4) if kind == "alarm" and chance.random() < 0.3 else CALM
    return Item(kind, str(n), names, number, (ward, kind), urgency, [k for k, _ in _KINDS].index(kind))


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    clock, items, index = time.perf_counter, city(), SearchIndex()
    began = clock()
    for item in items:
        index.put(item)
    index.find("x", MOST)
    fill_s = clock() - began
    chance = random.Random(11)
    typed = itertools.cycle([words[:n] for words in _TYPED for n in range(1, len(words) + 1)])
    took, changed, slowest = [], [], ("", 0.0)
    for n, words in enumerate(itertools.islice(typed, TRIES + WARM_UP)):
        fresh = [_item(old.kind, int(old.id), chance) for old in chance.choices(items, k=CHANGES)]
        began = clock()
        for item in fresh:
            index.put(item)
        middle = clock()
        index.find(words, MOST)
        ended = clock()
        if n >= WARM_UP:
            changed.append((middle - began) / CHANGES * 1e3)
            took.append((ended - middle) * 1e3)
            slowest = max(slowest, (words, took[-1]), key=lambda pair: pair[1])
    p95 = statistics.quantiles(took, n=20)[18]
    note = (
        f"p95 of {TRIES} queries among {len(index)} items, {CHANGES} changes before each; median "
        f"{statistics.median(took):.1f} ms, slowest {slowest[1]:.1f} ms ({slowest[0]!r}); a change "
        f"{statistics.median(changed):.3f} ms, {statistics.median(changed):.2f} s for 1,000; filled in {fill_s:.1f} s"
    )
    name = "search.100k_items_ms"
    return [{"name": name, "value": p95, "unit": "ms", "bar": f"<= {BAR_MS:g}", "ok": p95 <= BAR_MS, "note": note}]


if __name__ == "__main__":
    for row in rows():
        print(row)
