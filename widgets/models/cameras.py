"""The directory of cameras as an item model: areas, their sites, the cameras, with favourites before all.

Fed by `sync` with whole records, by `tick` with the time and the pictures on the screen; it changes only what
changed and never resets, so that selection, what is open and the scroll place survive. GUI thread only. It
paints nothing and keeps nothing: favourites are its owner's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import count
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from backends.domain.camera import Camera, PictureStatus
from backends.domain.text import LocalText, fold
from widgets.i18n import local, tr
from widgets.models.camera_seen import Seen, seen_of, sights_words, still_words
from widgets.search.words import initials, matches, split, tokens

NODE_ROLE = int(Qt.ItemDataRole.UserRole)
"""The Node itself; do not change it."""

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class Kind(StrEnum):
    """What a row is."""

    FAVOURITES = "favourites"
    """Cameras that the person at this station has marked; each stands in its area too."""
    AREA = "area"
    SITE = "site"
    """A place with several cameras; one alone stands in its area without it."""
    CAMERA = "camera"


class Order(StrEnum):
    """Of cameras inside their area."""

    NUMBER = "number"
    NAME = "name"
    TROUBLE = "trouble"
    """What is wrong first, then by number."""


class Node:
    """One row."""

    __slots__ = ("camera", "children", "id", "key", "kind", "number", "parent", "row", "seen", "title", "trouble")

    def __init__(self, number: int, key: str, kind: Kind, ident: str) -> None:
        self.number = number
        """For the index: never used twice, so that an index of a row that is gone finds nothing."""
        self.key = key
        self.kind = kind
        self.id = ident
        """Of the camera, area or site."""
        self.parent: Node | None = None
        self.row = 0
        self.children: list[Node] = []
        self.title = ""
        self.camera: Camera | None = None
        self.seen: Seen | None = None
        """Of a camera."""
        self.trouble = 0
        """Cameras below that are in trouble."""

    @property
    def depth(self) -> int:
        return 0 if self.parent is None or self.parent.parent is None else self.parent.depth + 1

    def cameras(self) -> Iterator[Node]:
        """Those below, or itself."""
        if self.kind is Kind.CAMERA:
            yield self
        for child in self.children:
            yield from child.cameras()

    @property
    def total(self) -> int:
        return sum(1 for _ in self.cameras())


@dataclass
class _Want:
    """A row as it should be."""

    kind: Kind
    id: str
    title: str = ""
    camera: Camera | None = None
    children: list[_Want] = field(default_factory=list)


class CameraModel(QAbstractItemModel):
    """See the module. One column."""

    def __init__(self, parent: QObject | None = None, *, order: Order = Order.NUMBER, flat: bool = False) -> None:
        """`flat`: cameras alone, without areas (a wall, on which nothing is opened)."""
        super().__init__(parent)
        self._order = order
        self._flat = flat
        self._cameras: list[Camera] = []
        self._areas: Mapping[str, LocalText] = {}
        self._favourites: frozenset[str] = frozenset()
        self._search: tuple[str, ...] = ()
        self._statuses: Mapping[str, PictureStatus] = {}
        self._now_ns = 0
        self._seen: dict[str, Seen] = {}
        self._tokens: dict[str, tuple[Camera, frozenset[str]]] = {}
        self._numbers = count(1)
        self._root = Node(0, "", Kind.AREA, "")
        self._nodes: dict[int, Node] = {}

    # -- reading -------------------------------------------------------------------------------------

    @property
    def order(self) -> Order:
        return self._order

    @property
    def searching(self) -> bool:
        return bool(self._search)

    def total(self) -> int:
        """All cameras, found or not."""
        return len(self._cameras)

    def has_pictures(self) -> bool:
        """The hub has a small picture of at least one of them."""
        return any(camera.thumbnail for camera in self._cameras)

    def found(self) -> int:
        """Cameras that the search lets through; each once."""
        return len({node.id for node in self._root.cameras() if node.camera is not None})

    def trouble(self) -> int:
        """Cameras in trouble, found or not."""
        return sum(seen.trouble for seen in self._seen.values())

    def node(self, index: Index) -> Node | None:
        """The row behind an index; None for none, or for one that is gone."""
        return self._nodes.get(index.internalId()) if index.isValid() else None

    def index_of(self, node: Node) -> QModelIndex:
        return self.createIndex(node.row, 0, node.number) if node.parent is not None else QModelIndex()

    def groups(self) -> list[Node]:
        """The rows of the first level."""
        return list(self._root.children)

    def index(self, row: int, column: int = 0, parent: Index = _NO_PARENT) -> QModelIndex:
        above = self._root if not parent.isValid() else self.node(parent)
        if above is None or column != 0 or not 0 <= row < len(above.children):
            return QModelIndex()
        return self.index_of(above.children[row])

    def parent(self, child: Index = _NO_PARENT) -> QModelIndex:  # type: ignore[override]  # QObject's own parent()
        node = self.node(child)
        return self.index_of(node.parent) if node is not None and node.parent is not None else QModelIndex()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        if not parent.isValid():
            return len(self._root.children)
        node = self.node(parent)
        return len(node.children) if node is not None and parent.column() == 0 else 0

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 1

    def hasChildren(self, parent: Index = _NO_PARENT) -> bool:
        return self.rowCount(parent) > 0

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self.node(index)
        if node is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return node.title
        if role == NODE_ROLE:
            return node
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._whole(node, "\n" if role == Qt.ItemDataRole.ToolTipRole else " · ")
        return None

    def is_favourite(self, camera_id: str) -> bool:
        return camera_id in self._favourites

    def _whole(self, node: Node, between: str) -> str:
        """All that a row may have cut."""
        if node.camera is None or node.seen is None:
            return f"{node.title} · {tr('camera_list.count', n=node.total)}"
        seen, area = node.seen, self._areas.get(node.camera.area_id)
        state = f"{seen.words} · {seen.age}" if seen.age else seen.words
        still = still_words(node.camera.t_thumbnail_ns, self._now_ns) if node.camera.thumbnail else ""
        where = (f"{node.camera.number} · {node.title}", local(area) if area else "")
        return between.join(line for line in (*where, state, *sights_words(node.camera), still) if line)

    # -- writing -------------------------------------------------------------------------------------

    def sync(
        self, cameras: Iterable[Camera], areas: Mapping[str, LocalText], favourites: Iterable[str], now_ns: int
    ) -> None:
        """Show exactly these, as one batch for each level: leave, move, arrive, change. `areas`: names by id."""
        self._cameras = list(cameras)
        self._areas = areas
        self._favourites = frozenset(favourites)
        self._now_ns = now_ns
        self._look()
        self._show()

    def tick(self, now_ns: int, statuses: Mapping[str, PictureStatus]) -> None:
        """The time has moved; `statuses`: of the pictures on the screen, by camera id."""
        self._now_ns = now_ns
        self._statuses = statuses
        ranks = [seen.rank for seen in self._seen.values()]
        self._look()
        if self._order is Order.TROUBLE and ranks != [seen.rank for seen in self._seen.values()]:
            self._show()
        else:
            self._tell()

    def search(self, words: str) -> None:
        """Only cameras in whose number, name or area all of `words` begin words (widgets/search). Empty: all."""
        wanted = split(words)
        if wanted != self._search:
            self._search = wanted
            self._show()

    def set_order(self, order: Order) -> None:
        if order is not self._order:
            self._order = order
            self._show()

    def set_favourites(self, favourites: Iterable[str]) -> None:
        wanted = frozenset(favourites)
        if wanted != self._favourites:
            changed, self._favourites = wanted ^ self._favourites, wanted
            self._show()
            self._emit([node for node in self._root.cameras() if node.id in changed])

    def retranslate(self) -> None:
        """The language changed."""
        self._look()
        self._show()

    def _look(self) -> None:
        """State and age of every camera, found or not."""
        get, now_ns = self._statuses.get, self._now_ns
        self._seen = {camera.id: seen_of(camera, get(camera.id), now_ns) for camera in self._cameras}

    def _show(self) -> None:
        self._merge(self._root, self._wanted())
        self._tell()

    def _tell(self) -> None:
        """Rows whose state, age or counts changed say so, the others stay quiet."""
        changed: list[Node] = []
        for node in self._root.children:
            self._renew(node, changed)
        self._emit(changed)

    def _renew(self, node: Node, changed: list[Node]) -> int:
        """Returns the cameras in trouble in and below it."""
        if node.kind is Kind.CAMERA:
            seen = self._seen[node.id]
            if seen != node.seen:
                node.seen = seen
                changed.append(node)
            return int(seen.trouble)
        trouble = sum(self._renew(child, changed) for child in node.children)
        if trouble != node.trouble:
            node.trouble = trouble
            changed.append(node)
        return trouble

    def _emit(self, nodes: Iterable[Node]) -> None:
        """One signal for each run of neighbours."""
        rows: dict[int, list[Node]] = {}
        for node in nodes:
            if node.parent is not None:
                rows.setdefault(node.parent.number, []).append(node)
        for siblings in rows.values():
            siblings.sort(key=lambda node: node.row)
            first = last = siblings[0]
            for node in siblings[1:]:
                if node.row > last.row + 1:
                    self.dataChanged.emit(self.index_of(first), self.index_of(last))
                    first = node
                last = node
            self.dataChanged.emit(self.index_of(first), self.index_of(last))

    # -- what should be there ------------------------------------------------------------------------

    def _wanted(self) -> list[_Want]:
        shown = sorted((c for c in self._cameras if self._matches(c)), key=self._place)
        if self._flat:
            return [_want(camera) for camera in shown]
        groups: list[_Want] = []
        marked = [_want(camera) for camera in shown if camera.id in self._favourites]
        if marked:
            groups.append(_Want(Kind.FAVOURITES, "", tr("camera_list.favourites"), children=marked))
        by_area: dict[str, list[Camera]] = {}
        for camera in shown:
            by_area.setdefault(camera.area_id if camera.area_id in self._areas else "", []).append(camera)
        named = sorted((a for a in by_area if a), key=lambda area: natural(local(self._areas[area])))
        groups += [_Want(Kind.AREA, a, local(self._areas[a]), children=_sites(by_area[a])) for a in named]
        if "" in by_area:
            title = tr("camera_list.no_area") if named else tr("camera_list.all")
            groups.append(_Want(Kind.AREA, "", title, children=_sites(by_area[""])))
        return groups

    def _matches(self, camera: Camera) -> bool:
        if not self._search:
            return True
        kept = self._tokens.get(camera.id)
        if kept is None or kept[0] is not camera:
            names = (camera.name.vi, camera.name.en)
            there = tokens(camera.number).union(*(tokens(name) | initials(name) for name in names))
            kept = self._tokens[camera.id] = camera, there
        area = self._areas.get(camera.area_id)
        return matches(self._search, kept[1] | tokens(f"{area.vi} {area.en}") if area else kept[1])

    def _place(self, camera: Camera) -> tuple[Any, ...]:
        number = natural(camera.number)
        if self._order is Order.NAME:
            return natural(local(camera.name)), number
        return (self._seen[camera.id].rank, number) if self._order is Order.TROUBLE else (number,)

    # -- making it so --------------------------------------------------------------------------------

    def _merge(self, above: Node, wanted: Sequence[_Want]) -> None:
        keys = [f"{above.key}/{want.kind.value}:{want.id}" for want in wanted]
        self._drop(above, set(keys))
        have = {node.key: node for node in above.children}
        self._arrange(above, [have[key] for key in keys if key in have])
        for first, last in _runs([row for row, key in enumerate(keys) if key not in have]):
            new = [self._make(above, keys[row], wanted[row]) for row in range(first, last + 1)]
            self.beginInsertRows(self.index_of(above), first, last)
            above.children[first:first] = new
            _renumber(above)
            self.endInsertRows()
        changed = []
        for node, key, want in zip(above.children, keys, wanted, strict=True):
            if key in have:
                if node.children or want.children:
                    self._merge(node, want.children)
                title = local(want.camera.name) if want.camera is not None else want.title
                if title != node.title or want.camera != node.camera:
                    node.title, node.camera = title, want.camera
                    changed.append(node)
        self._emit(changed)

    def _drop(self, above: Node, kept: set[str]) -> None:
        gone = [row for row, node in enumerate(above.children) if node.key not in kept]
        for first, last in reversed(_runs(gone)):
            self.beginRemoveRows(self.index_of(above), first, last)
            for node in above.children[first : last + 1]:
                self._forget(node)
            del above.children[first : last + 1]
            _renumber(above)
            self.endRemoveRows()

    def _arrange(self, above: Node, nodes: list[Node]) -> None:
        if nodes == above.children:
            return
        self.layoutAboutToBeChanged.emit()
        before = [index for index in self.persistentIndexList() if (n := self.node(index)) and n.parent is above]
        moved = [self._nodes[index.internalId()] for index in before]
        above.children = nodes
        _renumber(above)
        self.changePersistentIndexList(before, [self.index_of(node) for node in moved])
        self.layoutChanged.emit()

    def _make(self, above: Node, key: str, want: _Want) -> Node:
        """With everything below it."""
        node = Node(next(self._numbers), key, want.kind, want.id)
        node.parent = above
        node.camera = want.camera
        node.title = local(want.camera.name) if want.camera is not None else want.title
        node.seen = self._seen[want.id] if want.camera is not None else None
        node.children = [self._make(node, f"{key}/{w.kind.value}:{w.id}", w) for w in want.children]
        _renumber(node)
        node.trouble = sum(1 for n in node.cameras() if n.seen is not None and n.seen.trouble)
        self._nodes[node.number] = node
        return node

    def _forget(self, node: Node) -> None:
        for child in node.children:
            self._forget(child)
        del self._nodes[node.number]


@lru_cache(maxsize=4096)
def natural(text: str) -> tuple[tuple[int, str], ...]:
    """For sorting: accents and case aside, "Phường 2" before "Phường 10"."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", fold(text)) if part)


def _want(camera: Camera) -> _Want:
    return _Want(Kind.CAMERA, camera.id, camera=camera)


def _sites(cameras: Sequence[Camera]) -> list[_Want]:
    """Cameras in their order; those of one place together, where its first one stands."""
    places: dict[str, list[Camera]] = {}
    for camera in cameras:
        places.setdefault(camera.site or camera.id, []).append(camera)
    return [_want(eyes[0]) if len(eyes) == 1 else _site(site, eyes) for site, eyes in places.items()]


def _site(ident: str, eyes: Sequence[Camera]) -> _Want:
    return _Want(Kind.SITE, ident, _site_name(eyes), children=[_want(eye) for eye in eyes])


def _site_name(eyes: Sequence[Camera]) -> str:
    """What the names of its cameras begin with: "Cầu Đông Hà" of "Cầu Đông Hà, hướng Bắc" and "..., hướng Nam"."""
    words = [re.split(r"(?<=[,–-])\s+|\s+(?=[,–-])", local(eye.name)) for eye in eyes]
    same = []
    for parts in zip(*words, strict=False):
        if len(set(parts)) > 1:
            break
        same.append(parts[0])
    return " ".join(same).rstrip(" ,–-") or local(eyes[0].name)


def _renumber(above: Node) -> None:
    for row, node in enumerate(above.children):
        node.row = row


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending row numbers as (first, last) of neighbours."""
    out: list[tuple[int, int]] = []
    for row in rows:
        if out and out[-1][1] == row - 1:
            out[-1] = (out[-1][0], row)
        else:
            out.append((row, row))
    return out
