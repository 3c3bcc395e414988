"""Negative control of conftest's guard over windows: one that a test leaves is named, and gone before the next."""

from __future__ import annotations

from helpers import leaks
from PySide6.QtWidgets import QApplication, QLabel


def test_a_leaked_window_is_named_and_deleted(qapp: QApplication) -> None:
    before = leaks.snapshot()
    left, gone = QLabel("left"), QLabel("gone")
    left.setWindowTitle("forgotten")
    left.show()
    gone.show()
    gone.deleteLater()
    assert "windows are still open: QLabel 'forgotten'" in leaks.left_behind(before)
    assert leaks.left_behind(before) == ""
    assert not {left, gone} & set(qapp.topLevelWidgets())


def test_what_was_open_before_and_what_is_hidden_is_no_leak(qapp: QApplication) -> None:
    open_before, hidden = QLabel("before"), QLabel("hidden")
    open_before.show()
    before = leaks.snapshot()
    hidden.show()
    hidden.hide()
    assert leaks.left_behind(before) == ""
    open_before.close()
