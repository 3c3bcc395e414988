"""Everything that can be found, by its words. Pure: no Qt, no clock, no records; one thread.

Words are kept sorted, each with the places of the items that have it, so that a query looks at a few slices and
never at all texts; a change touches the words of its own item. What is typed is answered in this order: the very
number; names that begin with it; all its words in name or number; then kinds, places and first letters. Inside each:
what its caller puts first (favourites, what was used last), then what is urgent, then by kind and number.

Own code and no dependency: 100,000 items are answered in milliseconds (tests/bench/search.py), and what packages for
text search add (stemming, scoring by frequency, files) has no use for names and numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass
from heapq import nsmallest

from widgets.search.words import initials, number_key, sort_key, split, tokens

CALM = 9
"""Urgency of what asks for nothing."""
_LAST = "\U0010ffff"
_SHORT = 2
_NONE: Set[int] = frozenset()
_UNSORTED_MOST = 1000
"""New words that are looked through one by one before they are sorted in."""
Key = tuple[str, str]
"""(kind, id)."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be found."""

    kind: str
    id: str
    names: tuple[str, ...]
    """In each language of the screen."""
    number: str = ""
    """What people call it by: "068", "PA-2203", "F1"."""
    near: tuple[str, ...] = ()
    """Where it is, whose it is, what kind of thing it is: found by these words too, after names."""
    urgency: int = CALM
    """Smaller comes first; alarms that ask for an acknowledgement, by priority."""
    rank: int = 0
    """Of its kind among the kinds."""

    @property
    def key(self) -> Key:
        return self.kind, self.id

    @property
    def texts(self) -> tuple[object, ...]:
        """All that its words are made of."""
        return self.number, self.names, self.near


class _Words:
    """Words, and which slots have each. All words of a slot are added, and dropped, in one call."""

    def __init__(self) -> None:
        self._slots: dict[str, tuple[int] | set[int]] = {}
        self._short: dict[str, set[int]] = {}
        """By the first one and two letters: whoever begins to type asks for most of all words."""
        self._sorted: list[str] = []
        self._unsorted: list[str] = []
        self._dead = 0

    def add(self, words: Collection[str], slot: int) -> None:
        for start in _starts(words):
            self._short.setdefault(start, set()).add(slot)
        for word in words:
            held = self._slots.get(word)
            if held is None:
                self._slots[word] = (slot,)
                self._unsorted.append(word)
            elif isinstance(held, set):
                self._dead -= not held
                held.add(slot)
            elif held[0] != slot:
                self._slots[word] = {held[0], slot}

    def drop(self, words: Collection[str], slot: int) -> None:
        """Words that nothing has any more stay in the order until they are many: taking one out moves the rest."""
        for start in _starts(words):
            self._short[start].discard(slot)
        for word in words:
            held = self._slots[word]
            if not isinstance(held, set):
                held = self._slots[word] = set(held)
            held.discard(slot)
            self._dead += not held

    def beginning(self, start: str) -> Set[int]:
        """Slots with a word that begins so. Do not change it."""
        if len(start) <= _SHORT:
            return self._short.get(start, _NONE)
        self._tidy()
        found = self._sorted[bisect_left(self._sorted, start) : bisect_left(self._sorted, start + _LAST)]
        found += [word for word in self._unsorted if word.startswith(start)]
        return set().union(*(self._slots[word] for word in found))

    def _tidy(self) -> None:
        if self._dead > len(self._slots) // 2:
            self._slots = {word: held for word, held in self._slots.items() if held}
            self._sorted, self._unsorted, self._dead = sorted(self._slots), [], 0
        if len(self._unsorted) > _UNSORTED_MOST:
            self._sorted += self._unsorted
            self._sorted.sort()  # two runs that are all but sorted: a merge
            self._unsorted = []


def _starts(words: Collection[str]) -> set[str]:
    return {word[:length] for word in words for length in range(1, _SHORT + 1)}


class SearchIndex:
    """See the module."""

    def __init__(self) -> None:
        self._slot: dict[Key, int] = {}
        self._items: list[Item | None] = []
        self._order: list[tuple[int, int, str]] = []
        self._free: list[int] = []
        self._named, self._near, self._heads = _Words(), _Words(), _Words()
        self._numbers: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._slot)

    def get(self, key: Key) -> Item | None:
        slot = self._slot.get(key)
        return None if slot is None else self._items[slot]

    # -- changing ------------------------------------------------------------------------------------

    def put(self, item: Item) -> None:
        """New or changed. One whose words are the same costs next to nothing."""
        slot = self._slot.get(item.key)
        old = None if slot is None else self._items[slot]
        if slot is None:
            slot = self._new_slot(item.key)
        elif old == item:
            return
        if old is None or old.texts != item.texts:
            if old is not None:
                self._forget(old, slot)
            self._learn(item, slot)
        self._items[slot] = item
        self._order[slot] = (item.urgency, item.rank, sort_key(item.number or item.names[0]))

    def remove(self, key: Key) -> None:
        """Nothing where it is not there."""
        slot = self._slot.pop(key, None)
        if slot is None:
            return
        item, self._items[slot] = self._items[slot], None
        assert item is not None
        self._forget(item, slot)
        self._free.append(slot)

    def _new_slot(self, key: Key) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self._items)
            self._items.append(None)
            self._order.append((0, 0, ""))
        self._slot[key] = slot
        return slot

    def _learn(self, item: Item, slot: int) -> None:
        named, near, heads = _words_of(item)
        self._named.add(named, slot)
        self._near.add(near, slot)
        self._heads.add(heads, slot)
        if item.number:
            self._numbers.setdefault(number_key(item.number), set()).add(slot)

    def _forget(self, item: Item, slot: int) -> None:
        named, near, heads = _words_of(item)
        self._named.drop(named, slot)
        self._near.drop(near, slot)
        self._heads.drop(heads, slot)
        if item.number:
            held = self._numbers[number_key(item.number)]
            held.discard(slot)
            if not held:
                del self._numbers[number_key(item.number)]

    # -- finding -------------------------------------------------------------------------------------

    def find(self, typed: str, most: int, first: Sequence[Key] = ()) -> list[Item]:
        """At most `most` items, best first; none for a query without a letter or digit. `first`: keys that come
        before others that fit as well, in this order."""
        wanted = split(typed)
        if not wanted or most <= 0:
            return []
        taken: dict[int, None] = {}
        liked = [slot for key in first if (slot := self._slot.get(key)) is not None]
        for level in self._levels(typed, wanted):
            taken.update(dict.fromkeys(slot for slot in liked if slot in level))
            if len(taken) < most:
                # Of those that a level before had, some may be among them: as many more are asked for.
                taken.update(dict.fromkeys(nsmallest(most + len(taken), level, key=self._order.__getitem__)))
            if len(taken) >= most:
                break
        return [item for slot in list(taken)[:most] if (item := self._items[slot]) is not None]

    def _levels(self, typed: str, wanted: Sequence[str]) -> Iterator[Set[int]]:
        """Those that fit, the best ones first; a later level holds the earlier ones too. Each is made when it is
        needed: most queries have enough before the last one, which is the dear one."""
        named = [self._named.beginning(word) for word in wanted]
        near = [self._near.beginning(word) for word in wanted]
        exact = set().union(*(self._numbers.get(number_key(word), ()) for word in (typed, *wanted)))
        yield {slot for slot in exact if all(slot in a or slot in b for a, b in zip(named, near, strict=True))}
        yield self._heads.beginning(" ".join(wanted))
        yield _common(named)
        yield _common([a | b for a, b in zip(named, near, strict=True)])


def _common(sets: Sequence[Set[int]]) -> Set[int]:
    few, *others = sorted(sets, key=len)
    for other in others:
        few = few & other
    return few


def _words_of(item: Item) -> tuple[set[str], set[str], set[str]]:
    """(of name and number, of all else, whole names)."""
    named = set(tokens(item.number)).union(*(tokens(name) for name in item.names))
    if item.number:
        named.add(number_key(item.number))
    near = set().union(*(tokens(text) for text in item.near), *(initials(name) for name in item.names))
    return named, near - named, {" ".join(split(name)) for name in item.names if name}
