"""Both catalogues against the glossary, against each other, and against the code that uses them."""

from __future__ import annotations

import ast
import functools
import re
import string
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Words = dict[str, str]


def flat(table: dict, prefix: str = "") -> Words:
    out: Words = {}
    for key, value in table.items():
        if isinstance(value, dict):
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out


def catalogue(language: str) -> Words:
    out: Words = {}
    for path in sorted((ROOT / "resources" / "i18n" / language).glob("*.toml")):
        if path.stem != "qt":
            words = flat(tomllib.loads(path.read_text(encoding="utf-8")))
            twice = out.keys() & words.keys()
            assert not twice, f"{path.name} ({language}) says again what another file says: {sorted(twice)}"
            out |= words
    return out


VI, EN = catalogue("vi"), catalogue("en")
GLOSSARY = tomllib.loads((ROOT / "resources" / "glossary.toml").read_text(encoding="utf-8"))
ROWS = GLOSSARY["row"]


def carries(text: str, words: str) -> bool:
    """`words` as whole words, whatever the case."""
    return re.search(rf"(?<!\w){re.escape(words.casefold())}(?!\w)", text.casefold()) is not None


def implied(pattern: str, english: str) -> bool:
    """`english` says the term; names of placeholders are no words of it unless the pattern asks for one."""
    plain = english if "{" in pattern else re.sub(r"\{\w*\}", "…", english)
    return re.search(pattern, plain) is not None


def problems_of(row: dict, vi: Words, en: Words) -> list[str]:
    """What is wrong with the keys of one glossary row, each as one line that names the key."""
    said = set(row["keys"])
    if "match" in row:
        said |= {k for k, text in en.items() if implied(row["match"], text)} - set(row.get("except", ()))
    bad = []
    for key in sorted(said):
        text = vi.get(key)
        if text is None:
            bad.append(f"{key}: the glossary names it under «{row['english']}», but vi/*.toml has no such key")
            continue
        if not any(carries(text, words) for words in row["vi"]):
            bad.append(f"{key}: «{row['english']}» is {' or '.join(row['vi'])!r} in Vietnamese, but it says {text!r}")
        bad += [
            f"{key}: {wrong!r} is wrong for «{row['english']}», but it says {text!r}"
            for wrong in row.get("forbid", ())
            if (wrong.casefold() in text.casefold() if wrong != wrong.strip() else carries(text, wrong))
        ]
    return bad


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("row", ROWS, ids=[row["english"] for row in ROWS])
def test_vietnamese_follows_the_glossary(row: dict) -> None:
    bad = problems_of(row, VI, EN)
    assert not bad, "\n" + "\n".join(bad)


def test_both_languages_have_the_same_keys() -> None:
    assert not VI.keys() - EN.keys(), f"only in Vietnamese: {sorted(VI.keys() - EN.keys())}"
    assert not EN.keys() - VI.keys(), f"only in English: {sorted(EN.keys() - VI.keys())}"


def test_both_languages_put_in_the_same_values() -> None:
    bad = [
        f"{key}: vi {VI[key]!r}, en {EN[key]!r}"
        for key in VI.keys() & EN.keys()
        if placeholders(VI[key]) != placeholders(EN[key])
    ]
    assert not bad, "\n" + "\n".join(bad)


def has_words(text: str) -> bool:
    """Something besides placeholders and signs."""
    return any(char.isalpha() for char in re.sub(r"\{\w*\}", "", text))


def test_every_sentence_is_translated() -> None:
    empty = [key for words in (VI, EN) for key, text in words.items() if not text.strip()]
    assert not empty, f"empty: {empty}"
    same = {key for key in VI.keys() & EN.keys() if VI[key] == EN[key] and has_words(VI[key])} - set(GLOSSARY["same"])
    assert not same, f"Vietnamese equals English (if that is right, list it in glossary.toml under `same`): {same}"


def test_rows_of_the_glossary_are_whole() -> None:
    names = [row["english"] for row in ROWS]
    assert len(names) == len(set(names))
    known = {"english", "vi", "forbid", "match", "except", "keys"}
    for row in ROWS:
        assert row.keys() <= known, f"{row['english']}: {row.keys() - known}"
        assert row["vi"], row["english"]
        assert row["keys"] or "match" in row, f"{row['english']}: nothing would ever be held against it"
        for words in row["vi"]:
            assert not any(carries(words, wrong) for wrong in row.get("forbid", ())), row["english"]
    assert set(GLOSSARY["same"]) <= VI.keys()


# -- the code ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """One place of the code that names a key, whole or as a pattern."""

    where: str
    pattern: str
    certain: bool
    """True: the argument of tr()."""


def uses_in(source: str, name: str) -> list[Use]:
    """Keys named in `source`: arguments of tr(), and other strings that may be keys."""
    out: list[Use] = []
    tree = ast.parse(source)
    asked: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args:
            for part in _branches(node.args[0]):
                asked.add(id(part))
                out += _use(part, name, certain=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in asked:
            out += _use(node, name, certain=False)
    return out


def _branches(node: ast.expr) -> list[ast.expr]:
    return [*_branches(node.body), *_branches(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def _use(node: ast.AST, name: str, *, certain: bool) -> list[Use]:
    where = f"{name}:{getattr(node, 'lineno', 0)}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [Use(where, re.escape(node.value), certain)]
    if isinstance(node, ast.JoinedStr):
        parts = [re.escape(v.value) if isinstance(v, ast.Constant) else r"[\w.]+" for v in node.values]
        if re.match(r"\w+\\\.", parts[0]):  # only f"section.{...}" names keys
            return [Use(where, "".join(parts), certain)]
    return []


@functools.cache
def all_uses() -> list[Use]:
    out: list[Use] = []
    for folder in ("widgets", "console"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            out += uses_in(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    return out


def unknown_keys(uses: list[Use], words: Words) -> list[str]:
    return [
        f"{use.where}: tr of {use.pattern!r}"
        for use in uses
        if use.certain and not any(re.fullmatch(use.pattern, key) for key in words)
    ]


def unused_keys(uses: list[Use], words: Words) -> list[str]:
    whole = {use.pattern for use in uses}
    patterns = {re.compile(p) for p in whole if r"[\w.]+" in p}
    return [key for key in words if re.escape(key) not in whole and not any(p.fullmatch(key) for p in patterns)]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_key_that_the_code_asks_for_exists(language: str) -> None:
    bad = unknown_keys(all_uses(), {"vi": VI, "en": EN}[language])
    assert not bad, f"not in {language}/*.toml:\n" + "\n".join(bad)


def test_every_key_is_used() -> None:
    bad = unused_keys(all_uses(), VI)
    assert not bad, "in the catalogue, but nobody says it:\n" + "\n".join(bad)


# -- negative controls -----------------------------------------------------------------------------------------


def test_a_wrong_word_is_found() -> None:
    row = {"english": "stale", "vi": ["số liệu cũ"], "forbid": ["mất nguồn"], "match": r"(?i)\bstale\b", "keys": []}
    en = {"a": "stale {age}", "b": "fresh {stale}"}
    assert problems_of(row, {"a": "số liệu cũ {age}", "b": "mất nguồn"}, en) == []
    assert "a:" in problems_of(row, {"a": "dữ liệu cũ"}, en)[0]
    assert "mất nguồn" in problems_of(row, {"a": "số liệu cũ, mất nguồn"}, en)[0]
    assert "no such key" in problems_of(row | {"keys": ["c"]}, {"a": "số liệu cũ"}, en)[0]


def test_unknown_and_unused_keys_are_found() -> None:
    uses = uses_in('tr("a.b"); tr("a.c" if x else "a.d"); tr(f"p.{q}"); key = "k.l"; f"{x}.y"', "x.py")
    words = dict.fromkeys(["a.b", "a.c", "p.one", "k.l", "z.z"], "")
    assert unknown_keys(uses, words) == [r"x.py:1: tr of 'a\\.d'"]
    assert unused_keys(uses, words) == ["z.z"]
