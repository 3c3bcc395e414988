"""Rows of the camera list: an area or a site with its counts, or a camera with number, name, star and state.

What is wrong stands in words on an inverse chip; a priority's hue never appears here. With `stills` a row is two lines
high and begins with the camera's small picture, whose age stands in words in the second line. Must not: change
anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QModelIndex, QRectF, Qt
from PySide6.QtGui import QPainter

from backends.domain.camera import Camera
from backends.domain.place import Boxes
from widgets.i18n import tr
from widgets.models.camera_seen import is_old, still_words
from widgets.models.cameras import NODE_ROLE, CameraModel, Kind, Node
from widgets.parts import text
from widgets.parts.row_tree import RowTree
from widgets.parts.shapes import chip_width, draw_chip, draw_rule, draw_star, draw_turn
from widgets.parts.thumbnails import SHAPE, Still, Thumbnails, draw_still
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

NUMBERS_SAID = 3
_NAME_EM = 5.0
"""In less room a name that does not fit whole is a letter and dots: the number alone says which camera it is."""
_WHOLE_NAME_EM = 11.0
"""Most names are not longer."""
_STILL_EM = 19.0
"""Text beside a picture has so much room at least: both ages and the state."""


@dataclass(frozen=True)
class Places:
    """Where the parts of a camera's row stand; the same for painting and for the pointer."""

    number: QRectF
    name: QRectF
    star: QRectF
    """Empty where there is no room for one."""
    state: QRectF
    words: str
    """Of the state: with its age where that has room."""
    still: QRectF = field(default_factory=QRectF)
    """Of the small picture; empty where rows have none."""
    taken: QRectF = field(default_factory=QRectF)
    """Of the words that say when that was taken."""


class CameraRows:
    """RowPainter of the list."""

    def __init__(self, tree: RowTree, model: CameraModel) -> None:
        self._tree = tree
        self._model = model
        self._number_width = 0.0
        self.stills: Thumbnails | None = None
        """Rows have pictures, and are so high as `tall`."""
        self.masks: Mapping[str, Boxes] = {}
        """By camera id."""
        self.sights: Mapping[str, str] = {}
        """By camera id, of those that show the place of the chosen alarm, or may: how they see it, in words."""
        self.now_ns = 0

    @property
    def tall(self) -> int:
        """Natural height of a row with a picture: two lines."""
        return self.scale.line(self.scale.read) + self.scale.line(self.scale.floor) + self.scale.pad

    def room_for_stills(self, width: float) -> bool:
        """A row so wide has room for a picture and what is said beside it."""
        deepest = 2 * self.scale.floor
        return width - deepest - 3 * self.scale.pad - self.tall * SHAPE >= _STILL_EM * self.scale.read

    @property
    def theme(self) -> Theme:
        return self._tree.session.look.theme

    @property
    def scale(self) -> TypeScale:
        return self._tree.scale

    def before_rows(self, shown: list[QModelIndex]) -> None:
        """Numbers stand in a column as wide as the widest on screen."""
        nodes: list[Node] = [index.data(NODE_ROLE) for index in shown]
        px = self.scale.read
        widths = (text.width(node.camera.number, px, Weight.BOLD) for node in nodes if node.camera is not None)
        self._number_width = max(widths, default=0.0) + 1

    def paint_row(self, painter: QPainter, rect: QRectF, index: QModelIndex, *, selected: bool, hovered: bool) -> None:
        node: Node = index.data(NODE_ROLE)
        if hovered:
            painter.fillRect(rect, self.theme.raised)
        draw_rule(painter, rect.left(), rect.right(), rect.bottom() - 1, self.theme)
        if node.camera is None:
            self._paint_group(painter, self._inner(rect, node), node, opened=self._tree.isExpanded(index))
        else:
            self._paint_camera(painter, self.places(rect, node), node, node.camera, near=selected or hovered)

    def hits_star(self, index: QModelIndex, x: float) -> bool:
        """Is `x` (viewport) on the star of that row, or a little beside it?"""
        node: Node = index.data(NODE_ROLE)
        if node.camera is None:
            return False
        star, slack = self.places(QRectF(self._tree.visualRect(index)), node).star, self.scale.floor * 0.3
        return not star.isEmpty() and star.left() - slack <= x <= star.right() + slack

    def places(self, rect: QRectF, node: Node) -> Places:
        """The parts of a camera's row: the number first, then the words of its state, then its name."""
        if self.stills is not None:
            return self._tall_places(rect, node)
        scale, px = self.scale, self.scale.floor
        inner = self._inner(rect, node)
        number = QRectF(inner.left(), inner.top(), min(self._number_width, inner.width()), inner.height())
        room = inner.adjusted(number.width() + px * 0.6, 0, 0, 0)
        # Across the room a name says more than since when all is well.
        sayings = self._sayings(node, with_age=not scale.wall or _troubled(node))
        words = next((w for w in sayings if chip_width(w, px) <= room.width() * 0.55), sayings[-1])
        calm = not _troubled(node) and node.id not in self.sights
        if calm and room.width() - chip_width(words, px) - scale.pad < scale.read * _WHOLE_NAME_EM:
            words = ""  # that all is well need not be said where it costs the name
        width = max(0.0, min(chip_width(words, px), room.width())) if words else 0.0
        state = QRectF(room.right() - width, room.center().y() - scale.line(px) / 2, width, scale.line(px))
        right, star = state.left() - scale.pad, QRectF()
        side = px * 0.95
        if not scale.wall and right - room.left() > side + scale.read * 4:
            star = QRectF(right - side, room.center().y() - side / 2, side, side)
            right = star.left() - px * 0.4
        return Places(number, QRectF(room.left(), room.top(), right - room.left(), room.height()), star, state, words)

    def _tall_places(self, rect: QRectF, node: Node) -> Places:
        """The picture first; beside it number, name and star, and below them the state and the picture's age."""
        scale, px = self.scale, self.scale.floor
        inner = self._inner(rect, node)
        gap = max(2.0, scale.pad * 0.3)
        high = inner.height() - 2 * gap
        still = QRectF(inner.left(), inner.top() + gap, high * SHAPE, high)
        first, second = scale.line(scale.read), scale.line(px)
        left, top = still.right() + scale.pad, inner.center().y() - (first + second) / 2
        number = QRectF(left, top, self._number_width, first)
        right, star = inner.right(), QRectF()
        if not scale.wall:
            side = px * 0.95
            star = QRectF(right - side, number.center().y() - side / 2, side, side)
            right = star.left() - px * 0.4
        name_left = number.right() + px * 0.6
        name = QRectF(name_left, top, right - name_left, first)
        taken_words = self._taken(node)
        taken_width = min(text.width(taken_words, px) + 1, inner.right() - left) if taken_words else 0.0
        taken = QRectF(inner.right() - taken_width, top + first, taken_width, second)
        room = taken.left() - left - (scale.pad if taken_width else 0.0)
        sayings = self._sayings(node, with_age=True)
        words = next((w for w in sayings if chip_width(w, px) <= room), sayings[-1])
        state = QRectF(left, top + first, max(0.0, min(chip_width(words, px), room)), second)
        return Places(number, name, star, state, words, still, taken)

    def _sayings(self, node: Node, *, with_age: bool) -> tuple[str, ...]:
        """The state in words, the longest first. That all is well can wait while somebody asks who sees a place."""
        seen = node.seen
        if seen is None:
            return ("",)
        sight = self.sights.get(node.id, "")
        if sight and not _troubled(node):
            return (sight,)
        return (f"{seen.words} · {seen.age}", seen.words) if seen.age and with_age else (seen.words,)

    def _still(self, node: Node) -> Still | None:
        return self.stills.of(node.camera) if self.stills is not None and node.camera is not None else None

    def _taken(self, node: Node) -> str:
        """How old the picture is that stands there."""
        still = self._still(node)
        return still_words(still.t_ns, self.now_ns) if still is not None else ""

    def _inner(self, rect: QRectF, node: Node) -> QRectF:
        return rect.adjusted(self.scale.pad + node.depth * self.scale.floor, 0, -self.scale.pad, 0)

    def _paint_group(self, painter: QPainter, inner: QRectF, node: Node, *, opened: bool) -> None:
        scale, theme, px = self.scale, self.theme, self.scale.floor
        side = px * 0.6
        sign = QRectF(inner.left(), inner.center().y() - side / 2, side, side)
        draw_turn(painter, sign, theme.muted, opened=opened)
        left = sign.right() + px * 0.6
        if node.kind is Kind.FAVOURITES:
            draw_star(painter, QRectF(left, inner.center().y() - px * 0.5, px, px), theme.strong, filled=True)
            left += px * 1.4
        # The name first, and of the counts what is wrong.
        spare = inner.right() - left - scale.pad - text.width(node.title, scale.read, Weight.SEMIBOLD) - 1
        bad = tr("camera_list.trouble", n=node.trouble) if node.trouble else ""
        words = next((w for w in (_counts(node), bad) if text.width(w, px) < spare), bad)
        width = min(text.width(words, px) + 1, (inner.right() - left) * 0.6)
        count = QRectF(inner.right() - width, inner.top(), width, inner.height())
        name = QRectF(left, inner.top(), count.left() - scale.pad - left, inner.height())
        color = theme.text if node.trouble else theme.muted
        text.draw(painter, count, words, px, color, align=Qt.AlignmentFlag.AlignRight)
        if name.width() > scale.read * 2:
            weight = Weight.REGULAR if node.kind is Kind.SITE else Weight.SEMIBOLD
            text.draw(painter, name, node.title, scale.read, theme.text, weight)

    def _paint_camera(self, painter: QPainter, at: Places, node: Node, camera: Camera, *, near: bool) -> None:
        scale, theme, px = self.scale, self.theme, self.scale.floor
        text.draw(painter, at.number, camera.number, scale.read, theme.text, Weight.BOLD)
        if not at.still.isEmpty():
            still = self._still(node)
            dimmed = still is not None and is_old(camera, still.t_ns, self.now_ns)
            draw_still(painter, at.still, still, self.masks.get(camera.id, ()), theme, dimmed=dimmed)
            if still is not None:
                color = theme.text if dimmed else theme.muted
                text.draw(painter, at.taken, self._taken(node), px, color, align=Qt.AlignmentFlag.AlignRight)
        if _troubled(node):
            draw_chip(painter, at.state, at.words, px, theme.inverse, theme.inverse_text)
        else:
            align = Qt.AlignmentFlag.AlignRight if at.still.isEmpty() else Qt.AlignmentFlag.AlignLeft
            text.draw(painter, at.state, at.words, px, theme.muted, align=align)
        chosen = self._model.is_favourite(camera.id)
        if not at.star.isEmpty() and (chosen or near):  # its place is kept on every row: names do not jump
            draw_star(painter, at.star, theme.strong if chosen else theme.muted, filled=chosen)
        if at.name.width() >= scale.read * _NAME_EM or text.width(node.title, scale.read) <= at.name.width():
            color = theme.text if camera.enabled else theme.muted
            text.draw(painter, at.name, node.title, scale.read, color)


def _troubled(node: Node) -> bool:
    return node.seen is not None and node.seen.trouble


def _counts(node: Node) -> str:
    """How many there are and how many of them are wrong; of a place with a few cameras, which."""
    numbers = [below.camera.number for below in node.cameras() if below.camera is not None]
    if node.kind is Kind.SITE and len(numbers) <= NUMBERS_SAID:
        said = " · ".join(numbers)
        return f"{said} · {tr('camera_list.trouble', n=node.trouble)}" if node.trouble else said
    if node.trouble:
        return tr("camera_list.count_trouble", n=len(numbers), bad=node.trouble)
    return tr("camera_list.count", n=len(numbers))
