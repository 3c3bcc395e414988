"""The documents are held to the repository: links lead somewhere, commands exist, no trace of one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from console.cli import app
from layouts.options import SHIPPED_KINDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def dead_links(text: str, folder: Path) -> list[str]:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    return [target for target in local if not (folder / target).exists()]


def unknown_targets(text: str) -> set[str]:
    """Of `make TARGET` in back-quotes, or as a line of a code block."""
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z]+)|^ *make ([a-z]+)(?= *(?:#|ARGS|$))", text, re.MULTILINE)
    return {quoted or line for quoted, line in named} - known


def unknown_commands(text: str) -> set[str]:
    known = set(getattr(get_command(app), "commands", {}))
    return set(re.findall(r"ioc-console ([a-z]+)", text)) - known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_a_document_tells_the_truth(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert dead_links(text, path.parent) == []
    assert unknown_targets(text) == set()
    assert unknown_commands(text) == set()
    assert not re.search(r"/(work|root|tmp|opt)/", text)


def test_the_checks_see_what_is_wrong(tmp_path: Path) -> None:
    assert dead_links("see [it](nowhere.md#part) and [that](https://example.org/x)", tmp_path) == ["nowhere.md"]
    assert unknown_targets("run `make tset` now") == {"tset"}
    assert unknown_targets("    make rnu ARGS=1\nso as to make both ends\nmake run   # it") == {"rnu"}
    assert unknown_commands("`ioc-console replay FILE`") == {"replay"}


def test_all_tile_kinds_are_documented() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("| kind | options |")[2]
    assert [kind for kind in SHIPPED_KINDS if f"`{kind}`" not in table] == []


def test_every_make_target_is_in_the_readme_or_contributing() -> None:
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    assert all(f"make {target}" in text for target in ("run", "test", "lint"))


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="ascii").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line)] == []
    assert len({line.partition("==")[0].lower().replace("_", "-") for line in lines}) == len(lines)
