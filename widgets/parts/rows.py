"""Lists of painted rows: one view for alarms, reports and whatever else comes in rows.

The view knows nothing of what a row says: a delegate paints it through the text door. It opens nothing,
keeps no records and never shows half a row: what does not fit whole is left to the tile's summary.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from widgets.session import Session
from widgets.theme import Theme
from widgets.typography import TypeScale

Index = QModelIndex | QPersistentModelIndex


def plain_tooltip(words: str) -> str:
    """`words` for a tooltip, as plain text whatever they hold: tags from outside stay visible letters.

    Escaped inside a rich-text shell, because Qt guesses the kind of a tooltip from its content, and
    because only rich text wraps.
    """
    return f'<p style="white-space:pre-wrap">{html.escape(words)}</p>' if words else ""


class RowDelegate(QStyledItemDelegate):
    """Base of row painters. Override `row_height` and `paint_row`; the tooltip is the model's ToolTipRole."""

    def __init__(self, view: RowList) -> None:
        super().__init__(view)
        self.view = view

    @property
    def theme(self) -> Theme:
        return self.view.session.look.theme

    @property
    def scale(self) -> TypeScale:
        return self.view.scale

    def row_height(self, index: Index) -> int:
        """Height of the row in pixels, from the type scale; asked for at every new layout, so keep it cheap."""
        return self.scale.line(self.scale.read) + self.scale.pad

    def before_rows(self, shown: range) -> None:
        """Once before a paint of all `shown` rows: measure here what their columns have in common."""

    def paint_row(self, painter: QPainter, rect: QRectF, index: Index, *, selected: bool, hovered: bool) -> None:
        """Paint the row inside `rect` (viewport coordinates); the tile's ground is already there."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        # Width 1, never the viewport's: a list that is as wide as its widest hint would scroll sideways.
        return QSize(1, self.row_height(index))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect = QRectF(option.rect)
        if not self.view.fits(rect):
            return
        state = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        self.paint_row(painter, rect, index, selected=selected, hovered=bool(state & QStyle.StateFlag.State_MouseOver))
        painter.restore()
        if selected:
            self._mark_selected(painter, rect)

    def _mark_selected(self, painter: QPainter, rect: QRectF) -> None:
        """A ring while the keyboard is here, an edge while it is elsewhere: never a hue, never a ground."""
        width = max(2.0, self.scale.floor * 0.12)
        if not self.view.hasFocus():
            painter.fillRect(QRectF(rect.left(), rect.top(), width, rect.height()), self.theme.text)
            return
        painter.save()
        painter.setPen(QPen(self.theme.text, width, j=Qt.PenJoinStyle.MiterJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(width / 2, width / 2, -width / 2, -width / 2))
        painter.restore()

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        if event.type() != QEvent.Type.ToolTip or not index.isValid():
            return False
        words = str(index.data(Qt.ItemDataRole.ToolTipRole) or "")
        if words:
            QToolTip.showText(event.globalPos(), plain_tooltip(words), view)
        else:
            QToolTip.hideText()
        return True


if TYPE_CHECKING:
    _View = QAbstractItemView
else:
    _View = object


class ViewHabits(_View):
    """What every list and tree of rows does alike; stands before Qt's class among the bases."""

    scale: TypeScale

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.scale.wall:
            event.ignore()
        else:
            super().wheelEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        # Qt chooses the first row by itself; only a person who comes with Tab means to choose one.
        chosen = self.currentIndex().isValid()
        super().focusInEvent(event)
        if not chosen and event.reason() not in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.setCurrentIndex(QModelIndex())

    def keyboardSearch(self, search: str) -> None:
        """Letters never move the selection: under Telex they are half-typed words or shortcuts."""


class RowList(ViewHabits, QListView):
    """A list without frame and scroll bars on the tile's ground.

    A desk scrolls by wheel and keys, a row at a time; a wall neither scrolls nor takes the focus.
    """

    shownChanged = Signal()
    """Which rows are shown whole may have changed: the tile repaints its summary."""

    def __init__(self, session: Session, scale: TypeScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.scale = scale
        self.dirty = QRectF()
        """What is being repainted, in viewport coordinates: delegates may leave out what lies outside."""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # By whole rows: the first one shown always begins at the top edge.
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setAutoFillBackground(False)
        if scale.wall:
            self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        else:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.verticalScrollBar().valueChanged.connect(self._tell_shown)

    # -- what is shown ------------------------------------------------------------------------------

    def fits(self, rect: QRectF) -> bool:
        """A row is painted only where it is whole, or where not even one is and it is the first."""
        return rect.bottom() <= self.viewport().height() + 0.5 or rect.top() <= 0

    def shown_rows(self) -> range:
        """Rows that are on screen now, whole."""
        model = self.model()
        if model is None or model.rowCount() == 0:
            return range(0)
        self.executeDelayedItemsLayout()
        first = max(0, self.verticalScrollBar().value())
        row, count = first, model.rowCount()
        while row < count and self.fits(QRectF(self.visualRect(model.index(row, 0)))):
            row += 1
        return range(first, row)

    def relayout(self) -> None:
        """Row heights changed (language, options): lay out again and repaint."""
        self.scheduleDelayedItemsLayout()
        self.viewport().update()
        self._tell_shown()

    def select_row(self, row: int) -> None:
        """Make `row` the current one, as the keyboard does."""
        model = self.model()
        if model is not None and 0 <= row < model.rowCount():
            self.setCurrentIndex(model.index(row, 0))

    def _tell_shown(self) -> None:
        self.shownChanged.emit()

    # -- Qt -----------------------------------------------------------------------------------------

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset, model.layoutChanged):
                signal.connect(self._tell_shown)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        self.dirty = QRectF(event.rect())
        painter.fillRect(event.rect(), self.session.look.theme.tile)
        painter.end()
        delegate = self.itemDelegate()
        if isinstance(delegate, RowDelegate):
            delegate.before_rows(self.shown_rows())
        super().paintEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell_shown()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Only moves and activation are the list's; everything else belongs to the window's shortcuts.
        if event.key() in _KEYS:
            super().keyPressEvent(event)
        else:
            event.ignore()


_KEYS = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_Return,
        Qt.Key.Key_Enter,
        Qt.Key.Key_Select,
    }
)
