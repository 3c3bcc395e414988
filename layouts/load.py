"""Reads layout files: the shipped presets and a city's own folder. Never raises for what a file holds.

A broken file costs that file, a broken tile costs that tile; each is one `Problem` with file, line and a
sentence. A city's layout with the id of a shipped one replaces it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

import msgspec

from layouts.options import with_blocks
from layouts.spec import (
    FORMAT_VERSION,
    PROBLEM_KIND,
    Layout,
    Loaded,
    PanelSpec,
    Problem,
    ProblemOptions,
    TileKinds,
    TileSpec,
    WindowSpec,
    Words,
)

PRESETS = Path(__file__).parent / "presets"

_TOP_KEYS = ("version", "id", "key", "name", "monitors", "panels")
_PANEL_KEYS = ("columns", "rows", "tiles")
_PLACE_KEYS = ("kind", "at", "size")
_MAX_CELLS = 96
DOTS_MOST = 64
"""In one line: the reader's time grows with the square of a key's parts, 40 s for one of 64 KiB."""


def load_layouts(kinds: TileKinds, own: Path | None = None) -> Loaded:
    """The shipped presets and, where given, those of the folder `own`, in order of key and id.

    `kinds` are the tile kinds that can be drawn. Any thread; reads files.
    """
    problems: list[Problem] = []
    layouts: dict[str, Layout] = {}
    for folder in (PRESETS, own):
        if folder is None:
            continue
        try:
            paths = sorted(folder.glob("*.toml"))
            if not folder.is_dir():
                raise NotADirectoryError("there is no such folder")
        except OSError as error:
            problems.append(_problem(str(folder), 0, f"không đọc được thư mục: {error}", f"cannot be read: {error}"))
            continue
        for path in paths:
            layout, found = load_file(path, kinds)
            problems += found
            if layout is not None:
                layouts[layout.id] = layout
    ordered = sorted(layouts.values(), key=lambda la: (_key_number(la.key), la.id))
    return Loaded(tuple(_without_taken_keys(ordered, problems)), tuple(problems))


def load_file(path: Path, kinds: TileKinds) -> tuple[Layout | None, list[Problem]]:
    """One file; None when nothing of it can be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, [_problem(path.name, 0, f"không đọc được: {error}", f"cannot be read: {error}")]
    return parse_layout(text, path.name, kinds)


def parse_layout(text: str, file: str, kinds: TileKinds) -> tuple[Layout | None, list[Problem]]:
    """One layout from TOML text; `file` is how problems name it."""
    dotted = next((n for n, row in enumerate(text.split("\n"), start=1) if row.count(".") > DOTS_MOST), 0)
    if dotted:
        said = f"hơn {DOTS_MOST} dấu chấm trong một dòng", f"more than {DOTS_MOST} dots in one line"
        return None, [_problem(file, dotted, *said)]
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at.group(1)) if at else text.count("\n") + 1
        return None, [_problem(file, line, f"không phải TOML hợp lệ: {error}", f"is not valid TOML: {error}")]
    reader = _Reader(text, file, kinds)
    return reader.layout(raw), reader.problems


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, str]:
    """Vietnamese and English ending of a sentence about an unknown name."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f'; có phải ý là "{close[0]}"?', f'; did you mean "{close[0]}"?'
    return f" (có: {', '.join(names)})", f" (known: {', '.join(names)})"


class _Broken(Exception):
    """The file cannot be used; the problem is noted already."""


class _Reader:
    """Walks one parsed file, noting problems with their lines."""

    def __init__(self, text: str, file: str, kinds: TileKinds) -> None:
        self._lines = text.splitlines()
        self._file = file
        self._kinds = with_blocks(kinds)
        self.problems: list[Problem] = []

    def layout(self, raw: dict[str, Any]) -> Layout | None:
        try:
            return self._layout(raw)
        except _Broken:
            return None

    def _layout(self, raw: dict[str, Any]) -> Layout:
        self._unknown_keys(raw, _TOP_KEYS, ())
        if raw.get("version") != FORMAT_VERSION:
            self._break(("version",), f"version phải là {FORMAT_VERSION}", f"version must be {FORMAT_VERSION}")
        ident, key = raw.get("id"), raw.get("key", "")
        if not isinstance(ident, str) or not re.fullmatch(r"[a-z0-9-]{1,40}", ident):
            self._break(
                ("id",),
                "id phải là chữ thường, số và dấu nối",
                "id must be made of lower-case letters, digits, hyphens",
            )
            raise _Broken
        if key != "" and (not isinstance(key, str) or not re.fullmatch(r"F([1-6]|1[0-2])", key)):
            vi = f'phím "{key}" không phải F1 đến F6, F10 đến F12 (F7 đến F9 đã có việc)'
            en = f'key "{key}" is not one of F1 to F6, F10 to F12 (F7 to F9 have their work)'
            self._note(("key",), vi, en)
            key = ""
        try:
            name = msgspec.convert(raw.get("name"), Words)
        except msgspec.ValidationError as error:
            self._break(("name",), f"name sai: {error}", f"name is wrong: {error}")
            raise _Broken from None
        return Layout(ident, name, key, self._windows(raw))

    def _windows(self, raw: dict[str, Any]) -> dict[int, tuple[WindowSpec, ...]]:
        panels, monitors = raw.get("panels"), raw.get("monitors")
        if not isinstance(panels, dict) or not isinstance(monitors, dict) or not panels or not monitors:
            self._break((), "thiếu bảng [monitors] hoặc [panels]", "the tables [monitors] and [panels.*] are missing")
            raise _Broken
        built = {name: self._window(name, panel) for name, panel in panels.items()}
        windows: dict[int, tuple[WindowSpec, ...]] = {}
        for count, names in monitors.items():
            if not count.isdecimal() or int(count) < 1 or not isinstance(names, list) or not names:
                self._note(
                    ("[monitors]", count),
                    f'"{count}" phải là số màn hình và danh sách panel',
                    f'"{count}" must be a number of monitors with a list of panels',
                )
                continue
            windows[int(count)] = tuple(self._named(str(name), count, built) for name in names)
        if not windows:
            self._break(("[monitors]",), "không có bố cục nào dùng được", "no number of monitors is usable")
        return windows

    def _named(self, name: str, count: str, built: dict[str, WindowSpec]) -> WindowSpec:
        if name in built:
            return built[name]
        vi, en = did_you_mean(name, built)
        problem = self._note(("[monitors]", count), f'không có panel "{name}"{vi}', f'there is no panel "{name}"{en}')
        panel = PanelSpec(name, 1, 1, (TileSpec(PROBLEM_KIND, ProblemOptions(problem), 0, 0, 1, 1),))
        return WindowSpec(panel, panel)

    def _window(self, name: str, raw: Any) -> WindowSpec:
        drawn = {}
        where = (f"[panels.{name}",)
        if isinstance(raw, dict):
            self._unknown_keys(raw, ("desk", "wall"), where)
            drawn = {kind: self._panel(name, kind, raw[kind]) for kind in ("desk", "wall") if kind in raw}
        if not drawn:
            problem = self._note(
                where, f'panel "{name}" không có desk hay wall', f'panel "{name}" has neither desk nor wall'
            )
            empty = PanelSpec(name, 1, 1, (TileSpec(PROBLEM_KIND, ProblemOptions(problem), 0, 0, 1, 1),))
            return WindowSpec(empty, empty)
        either = next(iter(drawn.values()))
        return WindowSpec(drawn.get("desk", either), drawn.get("wall", either))

    def _panel(self, name: str, kind: str, raw: Any) -> PanelSpec:
        where = (f"[panels.{name}.{kind}]",)
        raw = raw if isinstance(raw, dict) else {}
        self._unknown_keys(raw, _PANEL_KEYS, where)
        columns, rows = raw.get("columns"), raw.get("rows")
        tiles = raw.get("tiles", [])
        if not _cells(columns) or not _cells(rows) or not isinstance(tiles, list):
            problem = self._note(
                where,
                f"columns và rows phải là số từ 1 đến {_MAX_CELLS}, tiles là danh sách",
                f"columns and rows must be 1 to {_MAX_CELLS}, tiles a list",
            )
            return PanelSpec(name, 1, 1, (TileSpec(PROBLEM_KIND, ProblemOptions(problem), 0, 0, 1, 1),))
        taken: dict[tuple[int, int], int] = {}
        built = []
        for index, tile in enumerate(tiles):
            made = self._tile(tile, columns, rows, (*where, *("kind",) * (index + 1)))
            if made is None:
                continue
            cells = [
                (c, r) for c in range(made.col, made.col + made.cols) for r in range(made.row, made.row + made.rows)
            ]
            other = next((taken[cell] for cell in cells if cell in taken), None)
            if other is not None:
                self._note(
                    (*where, *("kind",) * (index + 1)),
                    f'ô "{made.kind}" chồng lên ô thứ {other + 1}, nên bị bỏ',
                    f'tile "{made.kind}" overlaps tile {other + 1} and is left out',
                )
                continue
            taken.update(dict.fromkeys(cells, index))
            built.append(made)
        return PanelSpec(name, columns, rows, tuple(built))

    def _tile(self, raw: Any, columns: int, rows: int, where: tuple[str, ...]) -> TileSpec | None:
        if not isinstance(raw, dict):
            self._note(where, "mỗi ô phải là một bảng { kind, at, size }", "a tile must be a table { kind, at, size }")
            return None
        at, size = raw.get("at"), raw.get("size")
        if not (_pair(at) and _pair(size) and at[0] + size[0] <= columns and at[1] + size[1] <= rows and min(size) > 0):
            self._note(
                where,
                f"at và size phải là hai số và nằm trong lưới {columns} x {rows}",
                f"at and size must be two numbers inside the grid of {columns} x {rows}",
            )
            return None
        kind = raw.get("kind")
        options, problem = self._options(kind, {k: v for k, v in raw.items() if k not in _PLACE_KEYS}, where)
        if problem is not None:
            return TileSpec(PROBLEM_KIND, ProblemOptions(problem), at[0], at[1], size[0], size[1])
        return TileSpec(str(kind), options, at[0], at[1], size[0], size[1])

    def _options(self, kind: Any, given: dict[str, Any], where: tuple[str, ...]) -> tuple[Any, Problem | None]:
        """The options record, or the problem that stands in the tile's place. Unknown options are noted and dropped."""
        if not isinstance(kind, str) or kind not in self._kinds:
            vi, en = did_you_mean(str(kind), self._kinds)
            return None, self._note(where, f'không có loại ô "{kind}"{vi}', f'there is no tile kind "{kind}"{en}')
        record = self._kinds[kind].options
        known = [field.encode_name for field in msgspec.structs.fields(record)]
        for name in [n for n in given if n not in known]:
            vi, en = did_you_mean(name, known)
            self._note(where, f'ô "{kind}" không có mục "{name}"{vi}', f'tile "{kind}" has no option "{name}"{en}')
            del given[name]
        try:
            return msgspec.convert(given, record), None
        except msgspec.ValidationError as error:
            return None, self._note(where, f'ô "{kind}" sai: {error}', f'tile "{kind}" is wrong: {error}')

    def _unknown_keys(self, raw: dict[str, Any], known: tuple[str, ...], where: tuple[str, ...]) -> None:
        for key in raw:
            if key not in known:
                vi, en = did_you_mean(key, known)
                self._note((*where, key), f'không có mục "{key}"{vi}', f'unknown entry "{key}"{en}')

    def _break(self, needles: tuple[str, ...], vi: str, en: str) -> None:
        self._note(needles, vi, en)
        raise _Broken

    def _note(self, needles: tuple[str, ...], vi: str, en: str) -> Problem:
        problem = _problem(self._file, self._line(needles), vi, en)
        self.problems.append(problem)
        return problem

    def _line(self, needles: tuple[str, ...]) -> int:
        """The line (from 1) where the needles, each after the one before, are found; 0 when they are not.

        TOML parsers keep no positions of values; our files have a tile a line, so a search finds them.
        """
        row, column = 0, 0
        for needle in needles:
            while row < len(self._lines):
                found = self._lines[row].partition("#")[0].find(needle, column)
                if found >= 0:
                    column = found + len(needle)
                    break
                row, column = row + 1, 0
            else:
                return 0
        return row + 1 if needles else 0


def _problem(file: str, line: int, vi: str, en: str) -> Problem:
    return Problem(file, line, Words(vi, en))


def _cells(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_CELLS


def _pair(value: Any) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= _MAX_CELLS for v in value)
    )


def _key_number(key: str) -> int:
    return int(key[1:]) if key else 99


def _without_taken_keys(layouts: list[Layout], problems: list[Problem]) -> list[Layout]:
    taken: dict[str, str] = {}
    out = []
    for layout in layouts:
        if layout.key and layout.key in taken:
            problems.append(
                _problem(
                    layout.id,
                    0,
                    f'phím {layout.key} đã dùng cho "{taken[layout.key]}"',
                    f'key {layout.key} is already used by "{taken[layout.key]}"',
                )
            )
            out.append(msgspec.structs.replace(layout, key=""))
            continue
        taken[layout.key] = layout.id
        out.append(layout)
    return out
