"""The table of keys: what Qt makes of a press, and that people can read of every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from widgets.commands import CAMERA_KEYS
from widgets.hands import Ask
from widgets.keys import act_of
from widgets.parts.typed_numbers import Typed, same_number

ROOT = Path(__file__).parents[2]
CTRL, SHIFT, PAD, NONE = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.KeypadModifier,
    Qt.KeyboardModifier.NoModifier,
)
_SAID = {
    "Return": "Enter",
    "Del": "Delete",
    "=": "+",
    "Left": ("arrows", "mũi tên"),
    "Right": ("arrows", "mũi tên"),
    "Up": ("arrows", "mũi tên"),
    "Down": ("arrows", "mũi tên"),
}


@pytest.mark.parametrize(
    ("key", "modifiers", "text", "act"),
    [
        (Qt.Key.Key_Return, NONE, "\r", Ask.MAXIMISE),
        (Qt.Key.Key_Enter, PAD, "\r", Ask.MAXIMISE),
        (Qt.Key.Key_Plus, SHIFT, "+", Ask.NEARER),
        (Qt.Key.Key_Plus, PAD, "+", Ask.NEARER),
        (Qt.Key.Key_Minus, NONE, "-", Ask.FARTHER),
        (Qt.Key.Key_Delete, NONE, "", Ask.RELEASE),
        (Qt.Key.Key_S, CTRL, "\x13", Ask.STILL),
        (Qt.Key.Key_Left, PAD, "", Ask.LEFT),
        (Qt.Key.Key_S, NONE, "s", None),
        (Qt.Key.Key_Return, CTRL, "\r", None),
        (Qt.Key.Key_Left, SHIFT, "", Ask.BACK_30),
        (Qt.Key.Key_Right, SHIFT, "", None),
    ],
)
def test_presses(key: Qt.Key, modifiers: Qt.KeyboardModifier, text: str, act: Ask | None) -> None:
    assert act_of(QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text)) is act


@pytest.mark.parametrize("key", sorted(CAMERA_KEYS))
def test_every_key_is_in_the_table_for_people(key: str) -> None:
    page = ROOT / "docs" / "keys.md"
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = " · ".join(row.split("|")[1] for row in rows)
    keys = {cell.strip().lower() for cell in re.split("·|, |<br>| and | và | hoặc | or ", cells)}
    said = _SAID.get(key, key)
    assert keys & {one.lower() for one in ([said] if isinstance(said, str) else said)}, f"it does not tell {key}"


def typed(words: str) -> Typed:
    made = Typed()
    for char in words:
        made = made.add(char)
    return made


@pytest.mark.parametrize("words", ["12>3>2", "12.3.2", "12,3,2", "12 3 2", "12/3/2", "12 > 3 > 2", "12>3>2>9"[:6]])
def test_numbers_of_any_keyboard(words: str) -> None:
    made = typed(words)
    assert (made.camera, made.tile, made.monitor) == ("12", 3, 2)
    assert made.words == "12 > 3 > 2"


@pytest.mark.parametrize(
    ("words", "parts"),
    [("", ()), (">", ()), ("12>", ("12", "")), ("12>>", ("12", "")), ("1a2", ("12",)), ("1234567", ("123456",)),
     ("1>2>3>4", ("1", "2", "34")), ("١٢", ())],
)  # fmt: skip
def test_what_means_nothing_changes_nothing(words: str, parts: tuple[str, ...]) -> None:
    assert typed(words).parts == parts


def test_a_step_back_takes_one_sign() -> None:
    made, seen = typed("12>3"), []
    while made.parts:
        made = made.shorter()
        seen.append(made.parts)
    assert seen == [("12", ""), ("12",), ("1",), ()]
    assert Typed().shorter() == Typed()


@pytest.mark.parametrize(
    ("number", "words", "same"),
    [("012", "12", True), ("012", "012", True), ("012", "0012", True), ("120", "12", False), ("A-12", "12", False),
     ("000", "0", True), ("A", "A", True)],
)  # fmt: skip
def test_numbers_are_told_with_or_without_noughts(number: str, words: str, same: bool) -> None:
    assert same_number(number, words) is same
