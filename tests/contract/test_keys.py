"""Every key is in one table, means one thing where it works, and is told to people; nothing is modal."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import key_page
from helpers.sample_city import WORDS, SampleSession, prepare, sample_session
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QWidget

from layouts.load import load_layouts, parse_layout
from widgets import i18n
from widgets.commands import CAMERA_KEYS, COMMANDS, WINDOW_KEYS, Command, Context, told, told_keys
from widgets.i18n import Language, tr
from widgets.pump import Pump
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.base import Tile
from widgets.tiles.reports import ReportsTile
from widgets.windows.wall import Wall, tile_kinds

ROOT = Path(__file__).parents[2]
MODAL = {
    "QDialog", "QMessageBox", "QInputDialog", "QFileDialog", "QColorDialog", "QFontDialog", "QProgressDialog",
    "QErrorMessage", "QWizard", "QPrintDialog", "setModal", "setWindowModality", "exec", "exec_", "QEventLoop",
}  # fmt: skip
"""What would take the keyboard, or the program, away from the alarms."""


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp)
    return sample_session()


@pytest.fixture
def wall(sample: SampleSession) -> Iterator[Wall]:
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    made = Wall(sample.session, pump, load_layouts(tile_kinds()), {}, windowed=True)
    yield made
    made.close()


@pytest.fixture(autouse=True, scope="module")
def words() -> None:
    """Read once: 30 catalogues take longer than any test here."""
    i18n.load(WORDS)


# -- what is bound ---------------------------------------------------------------------------------------------------


def context_of(shortcut: QShortcut) -> Context:
    widget = shortcut.parent()
    assert isinstance(widget, QWidget)
    if shortcut.context() is Qt.ShortcutContext.WindowShortcut:
        return Context.WINDOW
    while not isinstance(widget, Tile):
        widget = widget.parentWidget()
        assert widget is not None, "a key of a widget that is no tile: which context is it?"
    return {AlarmsTile: Context.ALARMS, ReportsTile: Context.REPORTS}[type(widget)]


@pytest.mark.parametrize("name", ["overview", "traffic", "security", "environment", "reports", "cameras"])
def test_every_shortcut_is_in_the_table_and_means_one_thing(wall: Wall, name: str) -> None:
    wall.show_layout(name)
    keys = {layout.key for layout in load_layouts(tile_kinds()).layouts}
    known = {(c.context, key) for c in COMMANDS.values() for key in c.keys} | {(Context.WINDOW, key) for key in keys}
    for window in wall.windows:
        bound = window.findChildren(QShortcut)
        assert len(bound) >= len(WINDOW_KEYS) + len(keys)
        for shortcut in bound:
            key = shortcut.key().toString(QKeySequence.SequenceFormat.PortableText)
            assert (context_of(shortcut), key) in known, f"{key}: bind it by widgets.keys.bind, with a row of the table"
            assert not shortcut.autoRepeat(), f"{key}: a key that is held down must not do it again"
        places = Counter((s.parent(), s.key().toString()) for s in bound)
        assert max(places.values()) == 1, "Qt does neither of two shortcuts with one key"


def test_keys_that_the_alarm_list_takes_itself_are_in_the_table(wall: Wall) -> None:
    wall.show_layout("overview")
    lists = [t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile)]
    known = {key for c in COMMANDS.values() if c.context is Context.ALARMS for key in c.keys}
    assert lists
    for tile in lists:
        assert tile.view.own_keys.keys() <= known


def test_every_command_of_the_window_is_bound(wall: Wall) -> None:
    wall.show_layout("overview")
    bound = {s.key().toString() for s in wall.windows[0].findChildren(QShortcut)}
    assert bound >= WINDOW_KEYS
    window = {c.id for c in COMMANDS.values() if c.context is Context.WINDOW and c.keys}
    acts = window | {c.id for c in COMMANDS.values() if c.offered and c.ask is None}
    assert wall.panels.acts.keys() == acts


def collisions(commands: list[Command], layouts: set[str]) -> list[str]:
    """Keys that would mean two things in one place. Those of camera tiles, past and turning are one place: the tile
    judges which of them it is."""
    tile = (Context.CAMERA, Context.PAST, Context.TURNING)
    found = []
    places: dict[tuple[str, str], str] = {("window", key): "a layout" for key in layouts}
    for command in commands:
        place = "tile" if command.context in tile else str(command.context)
        for key in command.keys:
            for other in {place, "window"}:
                if (other, key) in places:
                    found.append(f"{key}: {command.id} and {places[other, key]}")
            places[place, key] = command.id
            if place == "window":
                found += [f"{key}: {c.id} and {command.id}" for c in commands if c is not command and key in c.keys]
    return found


def test_no_key_means_two_things() -> None:
    layouts = {layout.key for layout in load_layouts(tile_kinds()).layouts}
    commands = list(COMMANDS.values())
    assert collisions(commands, layouts) == []
    assert collisions([*commands, Command("alarms.other", ("F9",))], layouts)
    assert collisions([*commands, Command("reports.other", ("Ctrl+F",))], layouts)
    assert collisions([*commands, Command("window.other", ("Ctrl+G",))], layouts)
    assert collisions([*commands, Command("past.other", ("Home",))], layouts)
    assert collisions([*commands, Command("window.other", ("F1",))], layouts)
    assert not collisions([*commands, Command("reports.other", ("F9",))], layouts)


def test_letters_are_never_used_alone() -> None:
    """Under Telex and VNI letters, digits and the keys of an input method are half-typed words."""
    for command in COMMANDS.values():
        for key in command.keys:
            assert not (len(key) == 1 and key.isalnum()), f"{command.id}: {key}"
            assert not key.startswith("Shift+") or len(key) > len("Shift+A"), f"{command.id}: {key} is typed"
            assert key not in ("Ctrl+Space", "Ctrl+Shift", "Alt+Z", "Shift+Space", "Ctrl+Shift+Space"), command.id


def test_a_layout_of_a_site_cannot_take_a_key_of_the_program() -> None:
    good = (ROOT / "layouts" / "presets" / "overview.toml").read_text(encoding="utf-8")
    function = sorted(k for c in COMMANDS.values() for k in c.keys if k[0] == "F" and k[1:].isdigit())
    assert function == ["F7", "F8", "F9"]
    for key in function:
        layout, problems = parse_layout(good.replace('key = "F1"', f'key = "{key}"'), "own.toml", tile_kinds())
        assert layout is not None
        assert layout.key == ""
        assert len(problems) == 1


def test_camera_keys_come_from_the_table() -> None:
    assert len(CAMERA_KEYS) == sum(len(c.keys) for c in COMMANDS.values() if c.ask is not None)


# -- what people are told --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
def test_every_command_has_words_and_keys(language: Language) -> None:
    i18n.set_language(language)
    commands = [command for _, rows in told() for command in rows]
    assert len(commands) > 90
    for command in commands:
        assert tr(f"command.{command.id}"), command.id
        assert told_keys(command) or tr(f"command_key.{command.id}"), command.id
        assert tr(f"command_group.{command.context}"), command.id


def test_what_another_row_tells_is_told() -> None:
    for command in COMMANDS.values():
        assert not command.told_by or not COMMANDS[command.told_by].told_by


def test_the_printed_page_is_what_the_table_says() -> None:
    i18n.load(WORDS)
    made = "PYTHONPATH=tests:. python -m helpers.key_page"
    assert key_page.PAGE.read_text(encoding="utf-8") == key_page.page(), made
    for language, readme in key_page.READMES.items():
        text = readme.read_text(encoding="utf-8")
        assert text == key_page.with_table(text, language), f"{readme.name}: {made}"


# -- the code --------------------------------------------------------------------------------------------------------


def names_in(source: str) -> set[str]:
    """What the code imports and calls by name."""
    out: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call):
            out.add(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
        elif isinstance(node, ast.Attribute):
            out.add(node.attr)
    return out


@functools.cache
def sources() -> dict[Path, str]:
    """The code of the screens: text by path below `widgets`."""
    folder = ROOT / "widgets"
    found = {path.relative_to(folder): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}
    assert len(found) > 100
    return found


@functools.cache
def names() -> dict[Path, set[str]]:
    return {path: names_in(text) for path, text in sources().items()}


def test_nothing_takes_the_keyboard_away_from_the_alarms() -> None:
    found = {str(path): used & MODAL for path, used in names().items() if used & MODAL}
    # The sound is a process of its own, without windows: its event loop is its main loop.
    assert {p for p in found if Path(p).stem != "sound_child"} == set(), f"{found}: a notice, or a panel, does it"


@pytest.mark.parametrize(
    "source",
    ["from PySide6.QtWidgets import QMessageBox", "menu.exec(at)", "panel.setWindowModality(x)", "QtWidgets.QDialog()"],
)
def test_a_modal_dialog_is_found(source: str) -> None:
    assert names_in(source) & MODAL


def test_shortcuts_are_made_at_one_place() -> None:
    found = [path for path, used in names().items() if "QShortcut" in used and path.name != "keys.py"]
    assert found == [], "widgets.keys.bind makes them"


KEY = re.compile(r"\b(?:(?:Ctrl|Alt|Shift|Meta)\+)+(?:[A-Z]\w*|[+\-=])")


def unknown(words: str) -> set[str]:
    """Keys with a modifier that no row of the table has."""
    if not (found := set(KEY.findall(words))):
        return found
    known = {key for command in COMMANDS.values() for key in (*command.keys, told_keys(command))}
    gestures = {i18n.both(f"command_key.{c.id}").vi for _, rows in told() for c in rows if not c.keys}
    return found - known - gestures


def test_keys_in_the_code_are_in_the_table() -> None:
    looked = 0
    for path, source in sources().items():
        if not KEY.search(source):
            continue  # then none of its strings is one
        nodes = ast.walk(ast.parse(source))
        strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        whole = {text for text in strings if KEY.fullmatch(text)}
        looked += len(whole)
        assert not unknown(" ".join(whole)), f"{path}: widgets/commands.py tells people of every key"
    assert looked


@pytest.mark.parametrize("language", list(Language))
def test_keys_in_sentences_are_in_the_table(language: Language) -> None:
    for path in sorted((WORDS / language).glob("*.toml")):
        if path.stem != "qt":
            assert not unknown(path.read_text(encoding="utf-8")), path.name


def test_a_key_that_nobody_knows_is_found() -> None:
    assert unknown("Ctrl+Shift+Q, Ctrl+L") == {"Ctrl+Shift+Q"}
    assert unknown("Shift+Enter · Ctrl+Shift+L để đăng nhập") == set()
