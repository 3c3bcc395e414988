"""Lists of painted rows: one view for alarms, reports and whatever else comes in rows.

The view knows nothing of what a row says: a delegate paints it through the text door. It opens nothing,
keeps no records and never shows half a row: what does not fit whole is left to the tile's summary.
It asks for the heights of the rows on the screen only: ten thousand rows cost what twenty do.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
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


class RowList(ViewHabits, QAbstractItemView):
    """A list without frame and scroll bars on the tile's ground.

    A desk scrolls by wheel and keys, a row at a time; a wall neither scrolls nor takes the focus.
    """

    shownChanged = Signal()
    """Which rows are shown whole may have changed: the tile repaints its summary."""
    pressed = Signal(object, QRectF, QPointF)
    """A press and its release on one row: (what that row showed when the button went down, its place then, where)."""
    pointerMoved = Signal()
    """Over the list, or it has left."""
    keyPressed = Signal()
    """One of the list's own keys."""

    def __init__(self, session: Session, scale: TypeScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.where_is: Callable[[object], int] | None = None
        """Row of what a row showed; for lists whose rows may have moved since they were painted."""
        self.session = session
        self.scale = scale
        self.dirty = QRectF()
        """What is being repainted, in viewport coordinates: delegates may leave out what lies outside."""
        self._painted: dict[int, tuple[QRect, object]] = {}
        """What is on the screen: row -> (place, what it shows)."""
        self._pressed: tuple[QRect, object] | None = None
        self._double_ms: int | None = None
        """When a double click came last, by the clock of the pointer's events."""
        self._pointer: QPoint | None = None
        self._hovered = -1
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # By whole rows: the first one shown always begins at the top edge.
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
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
        first = self._first()
        shown = [row for row, rect in self._placed() if self.fits(QRectF(rect))]
        return range(first, first + len(shown))

    def relayout(self) -> None:
        """Row heights changed (language, options): lay out again and repaint."""
        self.updateGeometries()
        self.viewport().update()
        self._tell_shown()

    def renew(self) -> None:
        """Rows came, went or changed: repaint those places on the screen that show something else now."""
        self.updateGeometries()
        placed = {row: (rect, self._content(row)) for row, rect in self._placed()}
        for row in placed.keys() | self._painted.keys():
            now, before = placed.get(row), self._painted.get(row)
            if now != before:
                for one in (now, before):
                    if one is not None:
                        self.viewport().update(one[0])
        self._tell_shown()

    def _content(self, row: int) -> object:
        return self.model().index(row, 0).data(Qt.ItemDataRole.UserRole)

    def select_row(self, row: int) -> None:
        """Make `row` the current one, as the keyboard does: marked, and no other with it."""
        model, flags = self.model(), QItemSelectionModel.SelectionFlag
        marks = self.selectionMode() is not QAbstractItemView.SelectionMode.NoSelection
        if model is not None and 0 <= row < model.rowCount():
            # Not by Qt's view: while Ctrl is down, as in a shortcut that leads here, it would take the mark away.
            self.selectionModel().setCurrentIndex(
                model.index(row, 0), flags.ClearAndSelect if marks else flags.NoUpdate
            )

    def _tell_shown(self) -> None:
        self.shownChanged.emit()

    def _first(self) -> int:
        return max(0, self.verticalScrollBar().value())

    def _height(self, row: int) -> int:
        model, delegate = self.model(), self.itemDelegate()
        if isinstance(delegate, RowDelegate):
            return max(1, delegate.row_height(model.index(row, 0)))
        return self.scale.line(self.scale.read)

    def _placed(self) -> Iterator[tuple[int, QRect]]:
        """The rows that the viewport holds from the first on, the last one perhaps in part."""
        model = self.model()
        count = model.rowCount() if model is not None else 0
        wide, high = self.viewport().width(), self.viewport().height()
        top, row = 0, self._first()
        while row < count and top < high:
            tall = self._height(row)
            yield row, QRect(0, top, wide, tall)
            top += tall
            row += 1

    def _fill_from_below(self, last: int) -> int:
        """The first row of a viewport whose last whole row is `last`."""
        room, row = self.viewport().height(), last
        while row >= 0 and (room := room - self._height(row)) >= 0:
            row -= 1
        return min(row + 1, last)

    # -- QAbstractItemView asks ---------------------------------------------------------------------

    def visualRect(self, index: Index) -> QRect:
        return next((rect for row, rect in self._placed() if index.isValid() and row == index.row()), QRect())

    def indexAt(self, point: QPoint) -> QModelIndex:
        found = next((row for row, rect in self._placed() if rect.contains(point)), -1)
        return self.model().index(found, 0) if found >= 0 else QModelIndex()

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        row, bar, shown = index.row(), self.verticalScrollBar(), self.shown_rows()
        if not index.isValid() or row in shown:
            return
        self.updateGeometries()
        bar.setValue(row if row < shown.start else self._fill_from_below(row))

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        model, now = self.model(), self.currentIndex()
        last = model.rowCount() - 1 if model is not None else -1
        if last < 0:
            return QModelIndex()
        if not now.isValid():
            return model.index(min(self._first(), last), 0)
        page = max(1, len(self.shown_rows()) - 1)
        steps = {
            QAbstractItemView.CursorAction.MoveUp: -1,
            QAbstractItemView.CursorAction.MovePrevious: -1,
            QAbstractItemView.CursorAction.MoveDown: 1,
            QAbstractItemView.CursorAction.MoveNext: 1,
            QAbstractItemView.CursorAction.MovePageUp: -page,
            QAbstractItemView.CursorAction.MovePageDown: page,
            QAbstractItemView.CursorAction.MoveHome: -last,
            QAbstractItemView.CursorAction.MoveEnd: last,
        }
        return model.index(min(last, max(0, now.row() + steps.get(action, 0))), 0)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return 0

    def isIndexHidden(self, index: Index) -> bool:
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        rows = [row for row, placed in self._placed() if placed.intersects(rect.normalized())]
        model, chosen = self.model(), QItemSelection()
        if rows:
            chosen.select(model.index(rows[0], 0), model.index(rows[-1], 0))
        self.selectionModel().select(chosen, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        # What a selection looks like reaches beyond its own rows nowhere; a screen of rows is soon painted.
        return QRegion(self.viewport().rect())

    def updateGeometries(self) -> None:
        super().updateGeometries()
        model, bar = self.model(), self.verticalScrollBar()
        count = model.rowCount() if model is not None else 0
        bar.setSingleStep(1)
        bar.setRange(0, self._fill_from_below(count - 1) if count else 0)
        bar.setPageStep(max(1, len(self.shown_rows())))

    def dataChanged(self, topLeft: Index, bottomRight: Index, roles: Sequence[int] = ()) -> None:  # noqa: N803
        # Qt would repaint all of them.
        self.renew()

    def doItemsLayout(self) -> None:
        self.renew()

    # -- Qt -----------------------------------------------------------------------------------------

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset, model.layoutChanged):
                signal.connect(self.renew)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        self.dirty = QRectF(event.rect())
        painter.fillRect(event.rect(), self.session.look.theme.tile)
        placed = list(self._placed())
        self._painted = {row: (rect, self._content(row)) for row, rect in placed}
        delegate, model = self.itemDelegate(), self.model()
        if isinstance(delegate, RowDelegate):
            delegate.before_rows(self.shown_rows())
        option, selection = QStyleOptionViewItem(), self.selectionModel()
        self.initViewItemOption(option)
        plain = option.state & ~QStyle.StateFlag.State_HasFocus
        for row, rect in placed:
            if rect.intersects(event.rect()):
                index = model.index(row, 0)
                option.rect, option.state = rect, plain
                if selection is not None and selection.isSelected(index):
                    option.state |= QStyle.StateFlag.State_Selected
                if row == self._hovered:
                    option.state |= QStyle.StateFlag.State_MouseOver
                delegate.paint(painter, option, index)
        painter.end()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() in _POINTER and isinstance(event, QMouseEvent):
            self._point(event.position().toPoint())
        elif event.type() == QEvent.Type.Leave:
            self._point(None)
        return super().viewportEvent(event)

    def painted_at(self, point: QPoint) -> tuple[QRect, object] | None:
        """(place, what is shown) of the row that is on the screen there, whatever has become of it since."""
        shown = self._painted or {row: (rect, self._content(row)) for row, rect in self._placed()}
        return next((one for one in shown.values() if one[0].contains(point)), None)

    @property
    def pointed(self) -> bool:
        """The pointer is over the list."""
        return self._pointer is not None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        shown = self.painted_at(event.position().toPoint())
        self._pressed = None if self._goes_on(event) else shown
        if shown is None or self.where_is is None:
            super().mousePressEvent(event)
            return
        row = self.where_is(shown[1])
        if row == self.indexAt(event.position().toPoint()).row():
            super().mousePressEvent(event)
        else:
            # It has moved between its last paint and this press: the person means what is on the screen.
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            if row >= 0:
                self.setCurrentIndex(self.model().index(row, 0))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # Its first click has done what a click does; what stands in that place since then nobody has read. Afterwards:
        # where another row stands there by now, Qt makes a press of it.
        super().mouseDoubleClickEvent(event)
        self._pressed, self._double_ms = None, event.timestamp()

    def _goes_on(self, event: QMouseEvent) -> bool:
        """A third click of the same hand: it means nothing more than the second."""
        before, self._double_ms = self._double_ms, None
        return before is not None and 0 <= event.timestamp() - before < QApplication.doubleClickInterval()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        pressed, self._pressed = self._pressed, None
        at = event.position()
        if pressed is not None and event.button() == Qt.MouseButton.LeftButton and pressed[0].contains(at.toPoint()):
            self.pressed.emit(pressed[1], QRectF(pressed[0]), at)

    def _point(self, at: QPoint | None) -> None:
        """The pointer is there now; None: it has left."""
        self._pointer = at
        self.pointerMoved.emit()
        found = self.indexAt(at).row() if at is not None else -1
        if found != self._hovered:
            for row, rect in self._placed():
                if row in (found, self._hovered):
                    self.viewport().update(rect)
            self._hovered = found

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()
        if self._pointer is not None:
            self._point(self._pointer)  # another row is under it now

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometries()
        self._tell_shown()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Only moves and activation are the list's; everything else belongs to the window's shortcuts.
        if event.key() in _KEYS:
            self.keyPressed.emit()
            super().keyPressEvent(event)
        else:
            event.ignore()


_POINTER = frozenset({QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease})
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
