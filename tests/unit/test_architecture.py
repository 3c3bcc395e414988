"""The frame is a test: who may import whom, file lengths, docstrings, and backends without Qt."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("console", "widgets", "layouts", "backends", "resources")
MAX_LINES = 500

#: Part -> what of ours it may import, longest prefix wins. A part may always import itself.
ALLOWED: dict[str, tuple[str, ...]] = {
    "console": ("widgets", "layouts", "backends", "resources"),
    "widgets": ("layouts", "backends.domain", "resources"),
    "layouts": (),
    "resources": (),
    "backends": (),
    "backends.process": (),
    "backends.domain": (),
    "backends.protocol": ("backends.domain",),
    "backends.store": ("backends.domain",),
    "backends.video": ("backends.domain",),
    "backends.probe": ("backends.domain", "backends.video"),
    "backends.onvif": ("backends.domain", "backends.video"),
    "backends.watcher": ("backends.domain", "backends.video", "backends.onvif"),
    "backends.geo": ("backends.domain",),
    "backends.link": ("backends.domain", "backends.protocol"),
    "backends.conform": ("backends.domain", "backends.protocol"),
    "backends.recording": ("backends.domain", "backends.protocol"),
    "backends.adapters": ("backends.domain", "backends.protocol"),
    "backends.city": ("backends.domain",),
    "backends.hub": ("backends.domain", "backends.protocol", "backends.adapters", "backends.city"),
}
LEAF = "backends.process"
"""A leaf that all may import."""
#: The parts of console that join backends and widgets, or run in the GUI process.
QT_PARTS = ("console", "widgets")
QT = ("PySide6", "shiboken6", "pyqtgraph", "qasync")
FFMPEG = ("av", "cv2")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> list[Path]:
    return sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))


def part_of(module: str) -> str:
    """The longest entry of ALLOWED that `module` lies in."""
    fitting = [part for part in ALLOWED if module == part or module.startswith(f"{part}.")]
    return max(fitting, key=len)


def imports(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """(line, imported module) of every import, wherever it stands; `from a import b` gives a.b as well as a."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = module.split(".")[: -node.level]
                base = ".".join([*up, base] if base else up)
            yield node.lineno, base
            if base in ("backends", "console", "widgets"):  # `from backends import hub`
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def violations(source: str, module: str) -> list[str]:
    """Sentences about imports that the rules forbid."""
    return violations_of(ast.parse(source), module)


def violations_of(tree: ast.Module, module: str) -> list[str]:
    here = part_of(module)
    found = []
    for line, name in imports(tree, module):
        if name.split(".")[0] in QT and here not in QT_PARTS:
            found.append(f"{module}:{line} imports {name}: no Qt outside console and widgets")
        if name.split(".")[0] not in PARTS or name == LEAF or name in ("backends", here):
            continue
        if name == here or (name.startswith(f"{here}.") and part_of(name) == here):
            continue
        if not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[here]):
            found.append(f"{module}:{line} imports {name}: {here} may import {', '.join(ALLOWED[here]) or 'nothing'}")
    return found


def test_every_source_file_keeps_the_rules() -> None:
    wrong = []
    paths = sources()
    assert len(paths) > 400
    for path in paths:
        text, module = path.read_text(encoding="utf-8"), module_name(path)
        tree = ast.parse(text)
        wrong += violations_of(tree, module)
        if text.count("\n") > MAX_LINES:
            wrong.append(f"{module} is past {MAX_LINES} lines: look for the second idea in it")
        if not ast.get_docstring(tree):
            wrong.append(f"{module} does not say what it is for")
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("backends.domain.alarm", "from backends.protocol import codec"),
        ("backends.store.writer", "import backends.protocol.messages"),
        ("backends.conform.wire", "from backends.hub.keys import load_public"),
        ("backends.link.sync", "from backends.hub.keys import load_public"),
        ("backends.video.worker", "def f():\n    from PySide6.QtGui import QImage"),
        ("backends.hub.core", "from console.settings import SiteConfig"),
        ("backends.city.city", "from backends import hub"),
        ("backends.protocol.codec", "from ..link import sync"),
        ("backends.process", "from backends.domain.times import SystemClock"),
        ("widgets.tiles.plot", "from backends.store.reader import read"),
        ("widgets.tiles.plot", "import console.app"),
        ("layouts.geometry", "from backends.domain.text import LocalText"),
        ("layouts.geometry", "import PySide6"),
    ],
)
def test_the_rules_catch_a_bad_import(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("backends.hub.core", "from backends.hub import keys\nfrom backends.city import City\nimport zmq"),
        ("backends.city.city", "from backends.city import hydro, people\nfrom backends.process import start_child"),
        ("backends.domain.alarm", "from backends.domain.text import LocalText"),
        ("widgets.tiles.plot", "from backends.domain.sensor import Sensor\nfrom layouts.spec import Rect"),
        ("console.app", "from backends.store.reader import read\nimport PySide6"),
    ],
)
def test_the_rules_let_good_imports_be(module: str, source: str) -> None:
    assert violations(source, module) == []


def joins(source: str, module: str) -> bool:
    """Uses widgets and a part of backends that has something behind it."""
    parts = {part_of(name) for _, name in imports(ast.parse(source), module) if name.split(".")[0] in PARTS}
    behind = {p for p in parts if p.startswith("backends.")} - {"backends.domain", LEAF}
    return "widgets" in parts and bool(behind)


def test_only_the_composition_root_joins_backends_and_widgets() -> None:
    paths = (ROOT / "console").glob("*.py")
    assert [p.name for p in paths if joins(p.read_text(encoding="utf-8"), module_name(p))] == ["app.py"]


def test_every_part_of_backends_has_a_rule() -> None:
    folders = {f"backends.{p.name}" for p in (ROOT / "backends").iterdir() if (p / "__init__.py").exists()}
    assert folders <= set(ALLOWED)


CHECK_WITHOUT_QT = """
import importlib, pkgutil, sys
for part in {parts!r}:
    package = importlib.import_module(part)
    for found in pkgutil.walk_packages(package.__path__, part + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
qt = sorted(name for name in sys.modules if name.split(".")[0] in {qt!r})
sys.exit(f"Qt came with it: {{qt[:3]}}" if qt else 0)
"""


@pytest.mark.parametrize("parts", [("backends",), ("layouts",)], ids=lambda parts: parts[0])
def test_importing_it_leaves_qt_out(parts: tuple[str, ...]) -> None:
    code = CHECK_WITHOUT_QT.format(parts=parts, qt=QT)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        ("console.cli, console.demo, console.doctor", (*QT, *FFMPEG, "asyncio")),  # the supervisor
        ("console.feeder", (*QT, *FFMPEG, "asyncio")),
        ("backends.hub.main", (*QT, *FFMPEG, "asyncio")),
        ("backends.video.worker", QT),
        ("console.gui", FFMPEG),
    ],
)
def test_a_process_loads_nothing_that_it_does_not_need(modules: str, without: tuple[str, ...]) -> None:
    """Each takes memory for weeks, and time at every start."""
    code = f"import sys, {modules}\nsys.exit(str(sorted({{n.split('.')[0] for n in sys.modules}} & {set(without)})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == "[]\n"


def test_the_check_for_qt_sees_qt() -> None:
    code = CHECK_WITHOUT_QT.format(parts=("widgets.parts",), qt=QT)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Qt came with it" in done.stderr


def _paints_text(source: str) -> bool:
    """Directly, past `widgets.parts.text`."""
    doors = {"drawText", "drawStaticText", "drawGlyphRun"}
    if not any(door in source for door in doors):
        return False
    return any(isinstance(node, ast.Attribute) and node.attr in doors for node in ast.walk(ast.parse(source)))


def test_text_is_painted_through_one_door() -> None:
    found = {module_name(path) for path in sources() if _paints_text(path.read_text(encoding="utf-8"))}
    assert found == {"widgets.parts.text"}


def test_names_of_test_files_are_unique() -> None:
    names: dict[str, Path] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name in ("__main__.py", "conftest.py"):
            continue
        assert path.name not in names, f"{path} and {names[path.name]} would hide each other"
        names[path.name] = path
    assert not list((ROOT / "tests").rglob("__init__.py"))
