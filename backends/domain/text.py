"""Text of the city's data: two languages in one value, and folding for search without accents.

Interface words do not belong here: they live in resources/i18n and go through `tr`.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

#: đ and Đ have no decomposition, and boundary data writes Ð (U+00D0, eth) where Đ is meant.
_FOLD = str.maketrans({"đ": "d", "Đ": "d", "ð": "d", "Ð": "d"})

#: All that Vietnamese puts on letters, taken off at once: names are folded by the thousand.
_MARKS = re.compile("[\u0300-\u036f]+")


class LocalText(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A name or sentence that comes with the data.

    `vi` is always there; `en` may be empty, then the Vietnamese text stands in for it
    (names of streets and people are the same in both). Not followed by the garbage collector: it only holds text.
    """

    vi: str
    en: str = ""

    def get(self, lang: str) -> str:
        """The text in `lang` ("vi" or "en")."""
        return self.en if lang == "en" and self.en else self.vi


def fold(text: str) -> str:
    """`text` for comparison without accents or case: "Ngập" and "ngap" fold to the same."""
    if text.isascii():
        return text.casefold()
    bare = _MARKS.sub("", unicodedata.normalize("NFD", text.translate(_FOLD)))
    if not bare.isascii():  # marks of other languages
        bare = "".join(c for c in bare if not unicodedata.combining(c))
    return bare.casefold()
