"""Layout files: the shipped ones are whole, a broken one costs itself alone and says where it is broken."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from layouts.load import load_layouts, parse_layout
from layouts.options import SHIPPED_KINDS, CamerasOptions, expand_numbers
from layouts.spec import PROBLEM_KIND, Loaded, TileKind

GOOD = """\
version = 1
id = "mine"
key = "F12"
name = { vi = "Của tôi", en = "Mine" }

[monitors]
1 = ["main"]

[panels.main.desk]
columns = 4
rows = 4
tiles = [
  { kind = "alarms", at = [0, 0], size = [2, 4] },
  { kind = "camera", at = [2, 0], size = [2, 2], camera = "014" },
  { kind = "map", at = [2, 2], size = [2, 2] },
]
"""


def test_the_shipped_layouts_are_whole() -> None:
    loaded = load_layouts(SHIPPED_KINDS)
    assert loaded.problems == ()
    assert [(la.key, la.name.vi) for la in loaded.layouts] == [
        ("F1", "Toàn cảnh"),
        ("F2", "Giao thông"),
        ("F3", "An ninh"),
        ("F4", "Môi trường và ngập"),
        ("F5", "Phản ánh hiện trường"),
        ("F6", "Lưới camera 6x6"),
    ]
    assert all(la.name.en for la in loaded.layouts)
    assert all(set(la.windows) >= {1, 2, 3} for la in loaded.layouts)


@pytest.mark.parametrize("name", ["overview", "F1", "f1", "Toàn cảnh", "toàn cảnh", "Overview"])
def test_a_layout_is_found_by_id_key_and_name(name: str) -> None:
    found = load_layouts(SHIPPED_KINDS).find(name)
    assert found is not None
    assert found.id == "overview"


def test_an_unknown_or_empty_name_finds_nothing() -> None:
    loaded = load_layouts(SHIPPED_KINDS)
    assert loaded.find("nothing") is None
    assert loaded.find("") is None


def test_a_good_file_has_no_problems() -> None:
    layout, problems = parse_layout(GOOD, "mine.toml", SHIPPED_KINDS)
    assert problems == []
    assert layout is not None
    assert [t.kind for t in layout.windows[1][0].desk.tiles] == ["alarms", "camera", "map"]
    assert layout.windows[1][0].wall is layout.windows[1][0].desk


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ('kind = "map"', 'kind = "mapp"', 15, 'there is no tile kind "mapp"; did you mean "map"?'),
        ('kind = "map"', 'kind = "zebra"', 15, 'there is no tile kind "zebra" (known: air, alarms, camera'),
        ('camera = "014"', 'camra = "014"', 14, 'tile "camera" has no option "camra"; did you mean "camera"?'),
        ('camera = "014"', "camera = 14", 14, 'tile "camera" is wrong: Expected `str`, got `int`'),
        ('camera = "014"', 'slot = "alarms"', 14, 'slot must be "alarm" or left out, not "alarms"'),
        ("at = [2, 2]", "at = [3, 2]", 15, "inside the grid of 4 x 4"),
        ("at = [2, 2]", "at = [0, 2]", 15, 'tile "map" overlaps tile 1 and is left out'),
        ("at = [2, 2], ", "", 15, "at and size must be two numbers"),
        ("at = [2, 2]", "at = [true, 2]", 15, "at and size must be two numbers"),
        ('1 = ["main"]', '1 = ["mian"]', 7, 'there is no panel "mian"; did you mean "main"?'),
        ('1 = ["main"]', '0 = ["main"]\n1 = ["main"]', 7, '"0" must be a number of monitors'),
        ('key = "F12"', 'key = "F7"', 3, 'key "F7" is not one of F1 to F6, F10 to F12'),
        ('key = "F12"', 'kee = "F12"', 3, 'unknown entry "kee"; did you mean "key"?'),
        ("rows = 4", "rwos = 4", 11, 'unknown entry "rwos"; did you mean "rows"?'),
        ("columns = 4", "columns = 0", 9, "columns and rows must be 1 to 96"),
    ],
)
def test_a_small_mistake_is_named_and_the_rest_goes_on(old: str, new: str, line: int, sentence: str) -> None:
    layout, problems = parse_layout(GOOD.replace(old, new), "mine.toml", SHIPPED_KINDS)
    assert layout is not None
    assert sentence in problems[0].text.en
    assert problems[0].line == line
    assert str(problems[0]).startswith(f"mine.toml:{line}: ")
    assert problems[0].text.vi
    assert problems[0].text.vi != problems[0].text.en


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("version = 1", "version = 2", 1, "version must be 1"),
        ('id = "mine"', 'id = "My Layout"', 2, "id must be made of lower-case letters"),
        ('vi = "Của tôi", ', "", 4, "name is wrong"),
        ("[monitors]", "[moniters]", 0, "the tables [monitors] and [panels.*] are missing"),
        ("[monitors]", "[monitors", 6, "is not valid TOML"),
        ('key = "F12"', 'key = "F12', 3, "is not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_left_out(old: str, new: str, line: int, sentence: str) -> None:
    layout, problems = parse_layout(GOOD.replace(old, new, 1), "mine.toml", SHIPPED_KINDS)
    assert layout is None
    assert any(sentence in p.text.en and p.line == line for p in problems)


def test_a_broken_tile_keeps_its_place_and_says_why() -> None:
    layout, problems = parse_layout(GOOD.replace('kind = "map"', 'kind = "mapp"'), "mine.toml", SHIPPED_KINDS)
    assert layout is not None
    tiles = layout.windows[1][0].desk.tiles
    assert [t.kind for t in tiles] == ["alarms", "camera", PROBLEM_KIND]
    assert tiles[2].options.problem == problems[0]


def test_an_unknown_option_does_not_cost_the_tile() -> None:
    wrong = GOOD.replace('camera = "014"', 'camera = "014", colour = "red"')
    layout, problems = parse_layout(wrong, "mine.toml", SHIPPED_KINDS)
    assert layout is not None
    assert [t.kind for t in layout.windows[1][0].desk.tiles] == ["alarms", "camera", "map"]
    assert len(problems) == 1


def test_kinds_come_from_outside() -> None:
    class WeatherOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        days: int = 3

    text = GOOD.replace('kind = "map"', 'kind = "weather", days = 5')
    layout, problems = parse_layout(text, "mine.toml", {**SHIPPED_KINDS, "weather": TileKind(WeatherOptions)})
    assert problems == []
    assert layout is not None
    assert layout.windows[1][0].desk.tiles[2].options == WeatherOptions(5)


def test_a_key_of_thousands_of_parts_costs_the_file_and_no_time() -> None:
    """The reader would take 40 s, in the process that draws: 64 parts are enough for any layout."""
    layout, problems = parse_layout(GOOD + "\na" + ".a" * 32_000 + " = 1\n", "mine.toml", SHIPPED_KINDS)
    assert layout is None
    assert [(problem.line, "64" in problem.text.en) for problem in problems] == [(GOOD.count("\n") + 2, True)]


def own(folder: Path, **files: str) -> Loaded:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return load_layouts(SHIPPED_KINDS, folder)


def test_a_citys_layout_joins_replaces_and_breaks_alone(tmp_path: Path) -> None:
    loaded = own(
        tmp_path,
        mine=GOOD,
        theirs=GOOD.replace('"mine"', '"overview"').replace('key = "F12"', 'key = "F1"'),
        broken="version = ",
    )
    assert {la.id for la in loaded.layouts} >= {"mine", "overview", "cameras"}
    assert len([la for la in loaded.layouts if la.id == "overview"]) == 1
    found = loaded.find("overview")
    assert found is not None
    assert found.name.vi == "Của tôi"
    assert [p.file for p in loaded.problems] == ["broken.toml"]


def test_a_key_that_is_taken_is_said_and_the_layout_stays(tmp_path: Path) -> None:
    loaded = own(tmp_path, mine=GOOD.replace("F12", "F6"))
    keys = {la.id: la.key for la in loaded.layouts}
    assert (keys["cameras"], keys["mine"]) == ("F6", "")
    assert "already used" in loaded.problems[0].text.en


def test_a_folder_or_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    missing = load_layouts(SHIPPED_KINDS, tmp_path / "nowhere")
    assert len(missing.layouts) == 6
    assert "cannot be read" in missing.problems[0].text.en
    (tmp_path / "latin.toml").write_bytes(b'name = "C\xf3"')
    assert "cannot be read" in load_layouts(SHIPPED_KINDS, tmp_path).problems[0].text.en


def test_ranges_of_camera_numbers() -> None:
    assert expand_numbers(("008-010", "alarm", "033")) == ("008", "009", "010", "alarm", "033")
    with pytest.raises(ValueError, match="no range"):
        CamerasOptions(("010-008",))
    with pytest.raises(ValueError, match="no range"):
        expand_numbers(("a-b",))
