"""Words of the interface in Vietnamese and English, switched while running.

Catalogues are TOML (`resources/i18n/vi/*.toml`, `en/*.toml`, one file a part of the screen): one dotted
key a sentence, `{name}` for what is put in. `qt.toml` holds Qt's own texts (OK, Cancel, file dialogs) as
one table a context: Qt ships none in Vietnamese, so they go through the same door by a QTranslator.
Text that comes with the data is `LocalText`.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QTranslator

from backends.domain.text import LocalText


class Language(StrEnum):
    """Languages of the screen."""

    VI = "vi"
    EN = "en"


class Catalogue:
    """One language's words."""

    def __init__(self, language: Language, folder: Path) -> None:
        self.language = language
        self.words: dict[str, str] = {}
        qt: dict[str, dict[str, str]] = {}
        for path in sorted((folder / language).glob("*.toml")):
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            if path.stem == "qt":
                qt = table
            else:
                self.words.update(_flat(table, ""))
        self.qt: dict[tuple[str, str], str] = {
            (context, source): text for context, table in qt.items() for source, text in table.items()
        }


def _flat(table: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            out += _flat(value, f"{prefix}{key}.")
        else:
            out.append((prefix + key, str(value)))
    return out


class _QtWords(QTranslator):
    """Answers Qt's own look-ups from the catalogue, without accelerator marks differing."""

    def __init__(self, words: dict[tuple[str, str], str]) -> None:
        super().__init__()
        self._words = words

    def isEmpty(self) -> bool:
        return not self._words

    def translate(self, context: str, sourceText: str, disambiguation: str | None = None, n: int = -1) -> str:  # noqa: N803
        # None, not "": only a null string makes Qt fall back to the source text.
        return self._words.get((context, sourceText))  # type: ignore[return-value]


_catalogues: dict[Language, Catalogue] = {}
_current: Catalogue | None = None
_translator: _QtWords | None = None


def load(folder: Path) -> None:
    """Read all catalogues; once, before the first window."""
    for language in Language:
        _catalogues[language] = Catalogue(language, folder)


def set_language(language: Language) -> None:
    """Switch. The caller repaints; Qt's own texts follow by its LanguageChange event."""
    global _current, _translator  # noqa: PLW0603  # the language is one for the whole program
    _current = _catalogues[language]
    app = QCoreApplication.instance()
    if app is not None:
        if _translator is not None:
            app.removeTranslator(_translator)
        _translator = _QtWords(_current.qt)
        app.installTranslator(_translator)


def language() -> Language:
    """The language now on screen."""
    return _current.language if _current is not None else Language.VI


def tr(key: str, **values: object) -> str:
    """The words for `key`. A missing key raises KeyError: tests find it, an operator never meets it."""
    if _current is None:
        raise RuntimeError("i18n.load and set_language come first")
    words = _current.words[key]
    return words.format(**values) if values else words


def both(key: str) -> LocalText:
    """The words for `key` in both languages, whichever is on the screen: for finding things by them."""
    return LocalText(_catalogues[Language.VI].words[key], _catalogues[Language.EN].words[key])


def local(value: LocalText) -> str:
    """Text of the data in the language on screen."""
    return value.get(language())
