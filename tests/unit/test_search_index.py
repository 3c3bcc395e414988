"""What a person types finds what they mean: without accents, in any order, by number, by first letters."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata

import pytest

from widgets.search.index import CALM, Item, SearchIndex
from widgets.search.words import initials, matches, number_key, sort_key, split, tokens


def item(number: str, vi: str, en: str = "", *near: str, kind: str = "camera", urgency: int = CALM) -> Item:
    return Item(kind, number or vi, (vi, en), number, near, urgency)


CITY = (
    item("068", "Kè sông Hiếu, bờ Nam", "Hiếu river dyke, south bank", "Đông Lễ"),
    item("168", "Chợ Đông Hà", "Đông Hà market", "Phường 1"),
    item("021", "Cầu Đông Hà, hướng Bắc", "Đông Hà bridge, north", "Phường 10"),
    item("022", "Cầu Đông Hà, hướng Nam", "Đông Hà bridge, south", "Phường 10"),
    item("047", "QL9 – Lê Thánh Tôn", "QL9 – Lê Thánh Tôn", "Phường 2"),
    item("", "Trạm Đông Hà", "Đông Hà station", "Mực nước", kind="sensor"),
    item("PA-2203", "Ngập sâu 40 cm, kiệt 12", "Flooded 40 cm, alley 12", "Phường 10", kind="report"),
)


def made(*items: Item) -> SearchIndex:
    index = SearchIndex()
    for one in items or CITY:
        index.put(one)
    return index


def found(index: SearchIndex, typed: str, most: int = 20) -> list[str]:
    return [one.id for one in index.find(typed, most)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("ngap", "PA-2203"), ("NGẬP", "PA-2203"), ("ke song", "068"), ("song ke", "068"), ("hieu dyke", "068"),
        ("68", "068"), ("068", "068"), ("2203", "PA-2203"), ("pa2203", "PA-2203"), ("pa-22", "PA-2203"),
        ("tdh", "Trạm Đông Hà"), ("ql9", "047"), ("ql 9", "047"), ("le thanh", "047"), ("cau nam", "022"),
        ("phuong 10 bac", "021"), ("muc nuoc", "Trạm Đông Hà"), ("Ðông Hà market", "168"), ("dong ha market", "168"),
    ],
)  # fmt: skip
def test_the_first_answer(typed: str, first: str) -> None:
    assert found(made(), typed)[0] == first


@pytest.mark.parametrize("typed", ["", "  ", "·", "--", "xyz", "ongha", "68 cau", "0068"])
def test_what_finds_nothing(typed: str) -> None:
    assert found(made(), typed) == []


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_every_form_of_unicode_is_the_same(form: str) -> None:
    odd = [one for one in CITY if one.number != "068"]
    index = made(*odd, item("068", unicodedata.normalize(form, "Kè sông Hiếu, bờ Nam")))
    for other in ("NFC", "NFD"):
        assert found(index, unicodedata.normalize(other, "kè sông hiếu")) == ["068"]


def test_the_very_number_comes_before_what_only_begins_so() -> None:
    index = made(item("680", "A"), item("68", "Z"), item("0681", "B"), item("", "68 Lê Lợi", kind="area"))
    assert found(index, "68") == ["68", "68 Lê Lợi", "680", "0681"]


def test_the_order_of_answers() -> None:
    """Number, beginning of a name, in a name, place; inside each: liked, urgent, kind, number."""
    place = item("009", "Ngã tư", "", "Đông Hà")
    within = item("008", "Cầu Đông Hà")
    begins = item("007", "Đông Hà, chợ")
    urgent = Item("alarm", "a1", ("Ngập Đông Hà",), urgency=0)
    low = Item("alarm", "a2", ("Bụi Đông Hà",), urgency=3)
    later = Item("sensor", "s1", ("Mưa Đông Hà",), rank=4)
    index = made(place, later, low, within, begins, urgent)
    assert found(index, "dong ha") == ["007", "a1", "a2", "008", "s1", "009"]
    liked = [one.id for one in index.find("dong ha", 20, first=[place.key, later.key, ("camera", "gone")])]
    assert liked == ["007", "s1", "a1", "a2", "008", "009"], "what is liked leads its own level, no other one"
    assert found(index, "dong ha", 2) == ["007", "a1"]
    assert found(index, "dong ha", 0) == []


def test_numbers_are_ordered_as_numbers() -> None:
    index = made(*(item("", f"Phường {n}", kind="area") for n in (10, 2, 1, 21)))
    assert found(index, "phuong") == ["Phường 1", "Phường 2", "Phường 10", "Phường 21"]
    assert sort_key("Phường 2") < sort_key("phuong 10")


def test_changes_are_found_at_once_and_what_went_is_not() -> None:
    index = made()
    index.put(item("068", "Cầu đi bộ"))
    assert found(index, "ke song") == []
    assert found(index, "di bo") == ["068"]
    index.remove(("camera", "068"))
    index.remove(("camera", "068"))
    assert found(index, "di bo") == []
    assert found(index, "68") == []
    index.put(item("500", "Cầu đi bộ"))
    assert found(index, "di bo") == ["500"], "the place of one that went is used again"
    assert len(index) == len(CITY)
    assert index.get(("camera", "500")) is not None
    assert index.get(("camera", "068")) is None


def test_urgency_alone_moves_it() -> None:
    calm, loud = Item("alarm", "a", ("Ngập",)), Item("alarm", "b", ("Ngập",), urgency=2)
    index = made(calm, loud)
    assert found(index, "ngap") == ["b", "a"]
    index.put(Item("alarm", "a", ("Ngập",), urgency=0))
    assert found(index, "ngap") == ["a", "b"]


def oracle(items: dict[tuple[str, str], Item], typed: str) -> set[tuple[str, str]]:
    wanted = split(typed)
    if not wanted:
        return set()
    out = set()
    for one in items.values():
        there = set().union(*(tokens(text) for text in (one.number, *one.names, *one.near)))
        there |= set().union(*(initials(name) for name in one.names))
        if matches(wanted, there):
            out.add(one.key)
    return out


def test_thousands_of_changes_leave_it_as_a_fresh_one() -> None:
    chance = random.Random(5)
    words = [
        "Cầu", "Đông", "Hà", "Kè", "sông", "Hiếu", "QL9", "ngã",
        "tư", "Lê", "Lợi", "chợ", "12", "007", "6x6", "Đường", "trạm", "bơm",
    ]  # fmt: skip
    index, kept = SearchIndex(), {}
    for n in range(6000):
        key = f"{chance.randrange(400):03d}"
        if chance.random() < 0.2:
            index.remove(("camera", key))
            kept.pop(("camera", key), None)
            continue
        name = " ".join([*chance.choices(words, k=3), f"x{n}"])
        one = item(key, name, "", chance.choice(words), urgency=chance.randrange(10))
        index.put(one)
        kept[one.key] = one
    fresh = made(*kept.values())
    for typed in ("cau", "d h", "le loi 12", "7", "007", "6", "kshn", "tram bom", "x59", "q 9", "ha dong hieu"):
        answer = [one.key for one in index.find(typed, 10_000)]
        assert set(answer) == oracle(kept, typed), typed
        assert len(answer) == len(set(answer))
        assert answer[:20] == [one.key for one in fresh.find(typed, 20)], typed


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [("068", "68", True), ("PA-2203", "pa 2203", True), ("A-12", "12", False), ("000", "0", True),
     ("168", "68", False)],
)  # fmt: skip
def test_numbers_of_people(a: str, b: str, same: bool) -> None:
    assert (number_key(a) == number_key(b)) is same


def test_words_need_no_screen() -> None:
    code = "import sys, widgets.search.index; sys.exit(any(m.startswith('PySide6') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
