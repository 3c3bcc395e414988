"""No identifier of the program is put into a sentence: people read names, not ids of kinds, verbs, states and reasons.

The arguments of tr() are looked at as they are written. What looks like an identifier and is none, or is what a person
typed himself, is listed with why.
"""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest

from layouts.load import PRESETS
from widgets.parts.plot_words import QUANTITIES

ROOT = Path(__file__).parents[2]
_ID = re.compile(r"(^|[._])(id|ids|key|kind|code|verb|state|stage|reason|why|parameter|category|what|value|feed|act)$")
"""How an identifier is mostly called."""

ALLOWED = {
    ("reports.caller.kept", "id"): "the number of a report, which people say",
    ("reports.caller.untold", "title"): "as above",
    ("reports.do.merge", "id"): "as above",
    ("reports.do.unmerge", "id"): "as above",
    ("reveal.title", "id"): "as above",
    ("reports.caller.untold", "why"): "a sentence by then",
    ("reports.not_taken_in", "why"): "a sentence by then",
    ("replay.past_over", "why"): "a sentence by then",
    ("alarm_sheet.missing", "why"): "a sentence by then",
    ("alarm_sheet.instead", "why"): "a sentence by then",
    ("turn.tour.not_there", "why"): "a sentence by then",
    ("key", "reason"): "the system's own words of a file that cannot be written",
    ("replay.past_failed", "reason"): "the recorder's own words",
    ("feeds.tooltip", "state"): "a sentence by then",
    ("paper.handover.title", "id"): "the number of a hand-over, which people say",
    ("key", "id"): "as above",
    ("handover.ask_take", "id"): "as above",
    ("handover.standing", "id"): "as above",
    ("layout.unknown_tile", "kind"): "as whoever wrote the layout file wrote it",
    ("accounts.why.other", "code"): "said to be a code: a newer hub's, to be told to whoever looks after it",
    ("access.answer.other", "code"): "as above",
    ("reveal.answer", "code"): "as above",
    ("replay.code", "code"): "as above",
    ("acts.refused", "code"): "as above",
    ("settings.why.other", "code"): "as above",
}


def raw_arguments(source: str, name: str) -> dict[tuple[str, str], str]:
    """(key, argument) of tr() -> where and what, of those that look like identifiers. A key that is put together
    counts by what it begins with, one in a variable by the variable's name."""
    found: dict[tuple[str, str], str] = {}
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args):
            continue
        for keyword in node.keywords:
            if any(_ID.search(words) for words in _named(keyword.value)):
                for key in _keys(node.args[0]):
                    where = f"{name}:{node.lineno}: {keyword.arg}={ast.unparse(keyword.value)}"
                    found[key, keyword.arg or ""] = where
    return found


def _named(node: ast.expr) -> list[str]:
    """Names whose values end in the sentence as they are. What goes through a call has been made to words there."""
    if isinstance(node, ast.Subscript):
        return _named(node.value)
    if isinstance(node, ast.BoolOp):
        return [name for value in node.values for name in _named(value)]
    if isinstance(node, ast.IfExp):
        return [*_named(node.body), *_named(node.orelse)]
    if isinstance(node, ast.JoinedStr):
        return [name for v in node.values if isinstance(v, ast.FormattedValue) for name in _named(v.value)]
    return [ast.unparse(node)] if isinstance(node, ast.Name | ast.Attribute) else []


def _keys(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_keys(node.body), *_keys(node.orelse)]
    if isinstance(node, ast.JoinedStr):
        return [str(ast.literal_eval(node.values[0])).rstrip(".")]
    return [str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)]


@functools.cache
def all_raw() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for path in sorted((ROOT / "widgets").rglob("*.py")):
        found |= raw_arguments(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    return found


def test_no_identifier_is_put_into_a_sentence() -> None:
    bad = [where for one, where in all_raw().items() if one not in ALLOWED]
    assert not bad, "\n".join(bad)


def test_names_that_are_missing_are_not_replaced_by_identifiers() -> None:
    """`local(one.name) or one.id`."""
    bad = []
    for path in sorted((ROOT / "widgets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.BoolOp) and ast.unparse(node.values[0]).startswith("local("):
                last = ast.unparse(node.values[-1])
                if _ID.search(last):
                    bad.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_shipped_layouts_plot_has_a_name(language: str) -> None:
    words = tomllib.loads((ROOT / "resources" / "i18n" / language / "plot.toml").read_text(encoding="utf-8"))
    assert words["quantity"].keys() == QUANTITIES
    asked = set()
    for path in PRESETS.glob("*.toml"):
        asked |= set(re.findall(r'parameter = "(\w+)"', path.read_text(encoding="utf-8")))
    assert asked
    assert asked <= QUANTITIES


def test_an_identifier_is_found() -> None:
    source = 'tr("a.b", name=x.id or y); tr(f"k.{z}", code=told.code[:9]); tr("c", why=words(x.why)); tr("d", n=count)'
    assert raw_arguments(source, "x.py").keys() == {("a.b", "name"), ("k", "code")}
