"""Every character that we put on a screen is in the family that the program brings: a machine without other fonts shows
a box for the rest, and one with other fonts shows another hand in the middle of a word."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from PySide6.QtGui import QRawFont
from PySide6.QtWidgets import QApplication

from widgets.typography import FAMILY, Weight

ROOT = Path(__file__).parents[2]
DATA = ("resources", "layouts", "backends")
"""Their TOML: words, names, limits, procedures, the demo city."""
CODE = ("widgets", "layouts", "console", "backends/domain", "backends/hub", "backends/city")
UNSEEN = {
    "widgets/search/index.py": "\U0010ffff",  # the end of a range of keys
    "backends/domain/text.py": "\u0300\u036f",  # the marks that a search leaves out
}
"""Characters that are written in the code and never painted."""


@pytest.fixture(scope="module")
def family(qapp: QApplication) -> list[QRawFont]:
    folder = files("fontpkg_be_vietnam_pro") / "files"
    return [QRawFont(str(folder / f"{FAMILY.replace(' ', '')}-{weight}.ttf"), 16.0) for weight in Weight]


def missing(words: str, family: list[QRawFont]) -> str:
    """What not every weight has; control characters are not painted."""
    seen = (c for c in sorted(set(words)) if c >= " " and c != "\x7f")
    return "".join(c for c in seen if not all(font.supportsCharacter(ord(c)) for font in family))


def strings_of(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each literal that is no docstring."""
    tree = ast.parse(source)
    told = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def test_words_and_names_are_in_the_family(family: list[QRawFont]) -> None:
    bad = []
    for folder in DATA:
        for path in sorted((ROOT / folder).rglob("*.toml")):
            for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if lacks := missing(line.partition(" # ")[0] if not line.startswith("#") else "", family):
                    bad.append(f"{path.relative_to(ROOT)}:{n}: {lacks}")
    assert not bad, "\n".join(bad)


def test_what_the_code_paints_is_in_the_family(family: list[QRawFont]) -> None:
    bad = []
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            for line, words in strings_of(path.read_text(encoding="utf-8")):
                lacks = set(missing(words, family)) - set(UNSEEN.get(name, ""))
                if lacks:
                    bad.append(f"{name}:{line}: {''.join(sorted(lacks))}")
    assert not bad, "\n".join(bad)


def test_a_strange_character_is_found(family: list[QRawFont]) -> None:
    assert missing("12 → 6 Δ ế ữ ặ Đ ₂ µ », «", family) == "Δ→"
    assert list(strings_of('"""a → b"""\nx = f"{y} ↓"\n')) == [(2, " ↓")]
