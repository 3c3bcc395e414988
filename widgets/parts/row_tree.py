"""A tree of painted rows on the tile's ground: the sister of `rows.RowList` for what has levels.

The view knows nothing of what a row says: its painter does. All rows have one height, so that hundreds cost no
more than those on the screen. It never shows half a row. Must not: open, read or keep anything.
"""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QTreeView,
    QWidget,
)

from widgets.parts.rows import ViewHabits, plain_tooltip
from widgets.session import Session
from widgets.typography import TypeScale

Index = QModelIndex | QPersistentModelIndex


class RowPainter(Protocol):
    """What a row looks like."""

    def before_rows(self, shown: list[QModelIndex]) -> None:
        """Once before a paint: measure here what the columns have in common."""

    def paint_row(self, painter: QPainter, rect: QRectF, index: QModelIndex, *, selected: bool, hovered: bool) -> None:
        """Paint inside `rect` (viewport coordinates); the tile's ground is already there."""


class _Height(QStyledItemDelegate):
    """Tells Qt the height of a row, and nothing else."""

    def __init__(self, tree: RowTree) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(1, self._tree.row_height)


class RowTree(ViewHabits, QTreeView):
    """A tree without frame, branches and scroll bars. A desk moves in it by wheel and keys, a wall does not."""

    shownChanged = Signal()
    """Which rows are on screen may have changed."""
    marked = Signal(QModelIndex, bool)
    """'+' (True) or '-' (False) was pressed on a row: keys that Telex leaves alone."""
    pressedAt = Signal(QModelIndex, float)
    """A row was clicked, at that x of the viewport."""

    def __init__(self, session: Session, scale: TypeScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.scale = scale
        self.row_height = scale.line(scale.read) + scale.pad
        self.painter: RowPainter | None = None
        self.doubled_x: float | None = None
        """Between a double click and its release: where it was. Its first click has done what a click does."""
        self._hovered = QPersistentModelIndex()
        self.setItemDelegate(_Height(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHeaderHidden(True)
        self.setIndentation(0)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAnimated(False)
        self.setExpandsOnDoubleClick(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setAutoFillBackground(False)
        modes = QAbstractItemView.SelectionMode
        self.setSelectionMode(modes.NoSelection if scale.wall else modes.SingleSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if scale.wall else Qt.FocusPolicy.StrongFocus)
        self.verticalScrollBar().valueChanged.connect(self._tell_shown)
        self.expanded.connect(self._tell_shown)
        self.collapsed.connect(self._tell_shown)

    # -- what is shown -------------------------------------------------------------------------------

    def set_row_height(self, height: int) -> None:
        """In pixels, of every row."""
        if height != self.row_height:
            self.row_height = height
            self.scheduleDelayedItemsLayout()

    def shown(self) -> list[QModelIndex]:
        """The rows on screen now, whole, from above."""
        self.executeDelayedItemsLayout()
        found: list[QModelIndex] = []
        index = self.indexAt(self.viewport().rect().topLeft())
        while index.isValid() and self._fits(QRectF(self.visualRect(index))):
            found.append(index)
            index = self.indexBelow(index)
        return found

    def _fits(self, rect: QRectF) -> bool:
        """Whole; or the first where not even one is."""
        return rect.bottom() <= self.viewport().height() + 0.5 or rect.top() <= 0

    def _tell_shown(self, *_: object) -> None:
        self.shownChanged.emit()

    # -- painting ------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        ground = QPainter(self.viewport())
        ground.fillRect(event.rect(), self.session.look.theme.tile)
        ground.end()
        if self.painter is not None:
            self.painter.before_rows(self.shown())
        super().paintEvent(event)

    def drawRow(self, painter: QPainter, options: QStyleOptionViewItem, index: Index) -> None:
        rect = QRectF(options.rect)
        if self.painter is None or not self._fits(rect):
            return
        here = self.indexAt(options.rect.center()) if isinstance(index, QPersistentModelIndex) else index
        selected = self.selectionModel().isSelected(here)
        painter.save()
        self.painter.paint_row(painter, rect, here, selected=selected, hovered=self._hovered == index)
        painter.restore()
        if selected:
            self._mark_selected(painter, rect)

    def _mark_selected(self, painter: QPainter, rect: QRectF) -> None:
        """As in `rows.RowDelegate`: a ring while the keyboard is here, an edge while it is elsewhere."""
        theme, width = self.session.look.theme, max(2.0, self.scale.floor * 0.12)
        if not self.hasFocus():
            painter.fillRect(QRectF(rect.left(), rect.top(), width, rect.height()), theme.text)
            return
        painter.save()
        painter.setPen(QPen(theme.text, width, j=Qt.PenJoinStyle.MiterJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(width / 2, width / 2, -width / 2, -width / 2))
        painter.restore()

    # -- hands ---------------------------------------------------------------------------------------

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = str(self.indexAt(event.pos()).data(Qt.ItemDataRole.ToolTipRole) or "")
            if words:
                QToolTip.showText(event.globalPos(), plain_tooltip(words), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._hover(self.indexAt(event.position().toPoint()))
        elif event.type() == QEvent.Type.Leave:
            self._hover(QModelIndex())
        return super().viewportEvent(event)

    def _hover(self, index: QModelIndex) -> None:
        if self._hovered != index and not self.scale.wall:
            self._hovered = QPersistentModelIndex(index)
            self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.doubled_x = event.position().x()
        super().mouseDoubleClickEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self.doubled_x is not None:
            self.doubled_x = None
            return
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.button() is Qt.MouseButton.LeftButton and not self.scale.wall:
            self.pressedAt.emit(index, event.position().x())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus) and self.currentIndex().isValid():
            self.marked.emit(self.currentIndex(), key == Qt.Key.Key_Plus)
        elif key in _KEYS:
            super().keyPressEvent(event)
        else:
            event.ignore()


_KEYS = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_Return,
        Qt.Key.Key_Enter,
        Qt.Key.Key_Select,
    }
)
