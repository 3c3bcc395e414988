"""What a text and a query are made of, for every search of the screen. Pure.

A query finds a text when each of its words begins one of the text's words, in any order; accents, case and noughts
before a number do not count, and the first letters of a name stand for it ("tdh" for "Trạm Đông Hà"). Must not: know
what is searched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from backends.domain.text import fold

INITIALS_MOST = 8
"""Words of a name whose first letters count."""
_RUN = re.compile(r"[^\W_]+")
_STEP = re.compile(r"(?<=\d)(?=\D)|(?<=\D)(?=\d)")
_DIGITS = re.compile(r"\d+")
_PAD = 8


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[str, ...]:
    """The folded words of `text`: runs of letters and digits."""
    return tuple(_RUN.findall(fold(text)))


@lru_cache(maxsize=4096)
def tokens(text: str) -> frozenset[str]:
    """All that a word of a query may begin: the words of `text`, their parts where letters meet digits ("9" of
    "QL9"), and numbers without the noughts before them."""
    out: set[str] = set()
    for word in split(text):
        out.add(word)
        if word.isalpha():
            continue
        ends = (word[match.end() :] for match in _STEP.finditer(word))
        out.update(part.lstrip("0") or "0" for part in (word, *ends))
        out.update(word[match.end() :] for match in _STEP.finditer(word))
    return frozenset(out)


def initials(name: str) -> set[str]:
    """The first letters of a name, from each of its words on: "tdh" and "dh" of "Trạm Đông Hà"."""
    letters = "".join(word[0] for word in split(name)[:INITIALS_MOST])
    return {letters[start:] for start in range(len(letters) - 1)}


def number_key(text: str) -> str:
    """Equal for numbers that people take for the same: "068" and "68", "PA-2203" and "pa 2203"."""
    whole = "".join(split(text))
    return whole.lstrip("0") or "0" if whole.isdecimal() else whole


def matches(wanted: Iterable[str], there: Collection[str]) -> bool:
    """Each word of the query begins one of `there`."""
    return all(any(token.startswith(word) for token in there) for word in wanted)


def sort_key(text: str) -> str:
    """Accents and case aside, "Phường 2" before "Phường 10"."""
    return _DIGITS.sub(lambda run: run.group().zfill(_PAD), fold(text))
