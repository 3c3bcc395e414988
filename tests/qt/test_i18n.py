"""Qt's own words in Vietnamese: complete for the contexts in use, and seen on real dialogs after a switch."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from helpers.sample_city import WORDS
from PySide6.QtCore import QCoreApplication, QLibraryInfo
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QLabel, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from widgets import format as fmt
from widgets import i18n
from widgets.i18n import Language

CONTEXTS = (
    "QPlatformTheme",
    "QWidgetTextControl",
    "QLineEdit",
    "QFileDialog",
    "QFileSystemModel",
    "QMessageBox",
    "QDialogButtonBox",
    "QInputDialog",
    "QAbstractSpinBox",
    "QProgressDialog",
    "QErrorMessage",
    "QColorDialog",
    "QFontDialog",
    "QScrollBar",
    "QComboBox",
)
_MESSAGES, _HASHES = 0x69, 0x42
_END, _TRANSLATION, _OBSOLETE, _SOURCE, _CONTEXT, _COMMENT = 1, 3, 5, 6, 7, 8


def sources(path: Path) -> set[tuple[str, str]]:
    """(context, source text) of every message of a compiled Qt catalogue (.qm): Qt's own list of its words."""
    data = path.read_bytes()
    sections: dict[int, bytes] = {}
    at = 16  # after the magic number
    while at < len(data):
        kind, size = struct.unpack_from(">BI", data, at)
        sections[kind] = data[at + 5 : at + 5 + size]
        at += 5 + size
    messages = sections[_MESSAGES]
    found = set()
    for n in range(0, len(sections[_HASHES]), 8):
        (at,) = struct.unpack_from(">I", sections[_HASHES], n + 4)
        context = source = ""
        while (tag := messages[at]) != _END:
            if tag == _OBSOLETE:
                at += 5
                continue
            (size,) = struct.unpack_from(">I", messages, at + 1)
            size = 0 if size == 0xFFFFFFFF else size
            value = messages[at + 5 : at + 5 + size]
            at += 5 + size
            if tag == _SOURCE:
                source = value.decode()
            elif tag == _CONTEXT:
                context = value.decode()
            else:
                assert tag in (_TRANSLATION, _COMMENT)
        found.add((context, source))
    return found


def qt_sources() -> set[tuple[str, str]]:
    folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    return sources(folder / "qtbase_de.qm")


@pytest.fixture
def catalogue(qapp: QCoreApplication) -> i18n.Catalogue:
    i18n.load(WORDS)
    i18n.set_language(Language.VI)
    return i18n.Catalogue(Language.VI, WORDS)


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_word_of_qt_has_a_vietnamese_one(catalogue: i18n.Catalogue, context: str) -> None:
    wanted = {source for c, source in qt_sources() if c == context}
    assert wanted, f"Qt no longer has the context {context}"
    missing = [source for source in sorted(wanted) if not catalogue.qt.get((context, source), "").strip()]
    assert not missing, f"qt.toml [{context}] lacks {missing}"


def test_no_word_of_ours_stands_for_nothing(catalogue: i18n.Catalogue) -> None:
    """A source string that Qt has changed would be dead text here, and English on the screen."""
    unknown = sorted(catalogue.qt.keys() - qt_sources())
    assert not unknown, f"not in this Qt: {unknown}"


def test_places_for_values_survive(catalogue: i18n.Catalogue) -> None:
    for (context, source), words in catalogue.qt.items():
        for place in ("%1", "%2", "%3"):
            assert (place in source) == (place in words), (context, source)
        assert source.count("\n") == words.count("\n"), (context, source)
        assert ("&" in source.replace("&nbsp;", "")) <= ("&" in words.replace("&nbsp;", "")), (context, source)


def _buttons(dialog: QFileDialog | QMessageBox) -> set[str]:
    return {b.text().replace("&", "") for b in dialog.findChildren(QPushButton) if b.text()}


@pytest.mark.qt_log_ignore("does not support propagateSizeHints")  # the offscreen platform says so of every dialog
def test_dialogs_follow_the_language(qtbot: QtBot, catalogue: i18n.Catalogue, tmp_path: Path) -> None:
    box = QMessageBox(QMessageBox.Icon.Question, "IOC", "?")
    buttons = QMessageBox.StandardButton
    box.setStandardButtons(buttons.Yes | buttons.No | buttons.Cancel)
    qtbot.addWidget(box)
    files = QFileDialog(None, "", str(tmp_path))
    files.setOption(QFileDialog.Option.DontUseNativeDialog)
    files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    qtbot.addWidget(files)
    box.show()
    files.show()
    assert _buttons(box) == {"Có", "Không", "Hủy"}
    assert _buttons(files) >= {"Lưu", "Hủy"}
    assert {label.text().replace("&", "") for label in files.findChildren(QLabel)} >= {"Tìm trong:", "Loại tệp:"}

    i18n.set_language(Language.EN)
    qtbot.waitUntil(lambda: _buttons(box) == {"Yes", "No", "Cancel"})
    qtbot.waitUntil(lambda: _buttons(files) >= {"Save", "Cancel"})

    i18n.set_language(Language.VI)
    qtbot.waitUntil(lambda: _buttons(box) == {"Có", "Không", "Hủy"})
    qtbot.waitUntil(lambda: _buttons(files) >= {"Lưu", "Hủy"})


def test_a_dialog_opened_after_a_switch_speaks_vietnamese(qtbot: QtBot, catalogue: i18n.Catalogue) -> None:
    i18n.set_language(Language.EN)
    i18n.set_language(Language.VI)
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.RestoreDefaults)
    qtbot.addWidget(box)
    assert {b.text().replace("&", "") for b in box.buttons()} == {"Đồng ý", "Khôi phục mặc định"}


def test_without_the_catalogue_the_dialogs_would_be_english(qtbot: QtBot, catalogue: i18n.Catalogue) -> None:
    """Negative control: the words above come from qt.toml and from nowhere else."""
    i18n.set_language(Language.EN)
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    qtbot.addWidget(box)
    assert {b.text().replace("&", "") for b in box.buttons()} == {"Cancel"}


@pytest.mark.parametrize("language", list(Language))
def test_what_nobody_translated_keeps_its_source_text(catalogue: i18n.Catalogue, language: Language) -> None:
    """An empty string from a translator is taken for a translation: buttons without words."""
    i18n.set_language(language)
    assert QCoreApplication.translate("QSslSocket", "Unknown error") == "Unknown error"
    i18n.set_language(Language.VI)


@pytest.mark.parametrize(("figure", "unit", "words"), [("4,12", "m", "4,12 m"), ("92", "%", "92%"), ("7", "", "7")])
def test_units_stand_apart_and_percent_does_not(figure: str, unit: str, words: str) -> None:
    assert fmt.with_unit(figure, unit) == words
