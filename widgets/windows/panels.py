"""The three lines with rows: the search line, the help and the notices of this station.

Each says what there is; `windows.panel_desk` does what is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from layouts.spec import Layout
from widgets import format as fmt
from widgets.commands import Command, Context, told, told_keys
from widgets.i18n import language, tr
from widgets.parts.found_rows import row_of
from widgets.parts.panel_rows import Row
from widgets.search.finder import Finder, Kind
from widgets.search.index import Item
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows import page
from widgets.windows.list_panel import ListPanel

FOUND_MOST = 60
"""Rows of one search."""


class Doer(page.Doer, Protocol):
    """What does what is chosen."""

    def does(self, item: Item) -> str:
        """What Enter does with it, and Shift+Enter where that is something else."""
        ...

    def run(self, command: Command) -> str:
        """Why not; empty = done."""
        ...


class Palette(ListPanel):
    """Finds everything, without accents."""

    most = FOUND_MOST

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, finder: Finder, doer: Doer
    ) -> None:
        self._finder, self._doer = finder, doer
        self._found: dict[tuple[str, str], Item] = {}
        super().__init__(session, window, scale, room)

    def title(self) -> str:
        return tr("search.title")

    def look_up(self, words: str) -> Sequence[Row]:
        self._found = {item.key: item for item in self._finder.find(words, FOUND_MOST)}
        return [row_of(self.session, item) for item in self._found.values()]

    def nothing(self, words: str) -> str:
        return tr("search.filling") if self._finder.filling else super().nothing(words)

    def foot(self, row: Row | None) -> str:
        keys = super().foot(row)
        return f"{self._doer.does(self._found[row.key])} · {keys}" if row is not None else keys

    def choose(self, row: Row, second: bool) -> str:
        item = self._found[row.key]
        why = self._doer.do(item, second)
        if not why:
            self._finder.used(item)
        return why


class HelpPanel(ListPanel):
    """Every key, those of the present context first."""

    ems = 60
    tall = True

    def __init__(
        self,
        session: Session,
        window: QWidget,
        scale: TypeScale,
        room: QRect,
        layouts: Sequence[Layout],
        first: Context,
        doer: Doer,
    ) -> None:
        self._layouts, self._first, self._doer = layouts, first, doer
        self._acts: dict[tuple[str, str], Callable[[], str]] = {}
        super().__init__(session, window, scale, room)

    def title(self) -> str:
        return tr("search.help_title")

    def look_up(self, words: str) -> Sequence[Row]:
        self._acts = {}
        groups = sorted(told(), key=lambda group: group[0] is not self._first)
        wanted, out = split(words), []
        for context, commands in groups:
            group = tr(f"command_group.{context}")
            rows = [row for command in commands for row in self._rows_of(command)]
            rows = [row for row in rows if matches(wanted, tokens(f"{row.head} {row.title} {group}"))]
            if rows:
                out += [Row((Kind.HELP, context), group, heading=True), *rows]
        return out

    def _rows_of(self, command: Command) -> list[Row]:
        if command.id == "window.layouts":
            return [self._layout_row(layout) for layout in self._layouts if layout.key]
        refused = self.session.city.grant.refusal(command.right) if command.right is not None else ""
        state = tr(f"access.why.{refused}") if refused else ""
        keys = told_keys(command) or tr(f"command_key.{command.id}")
        row = Row(
            (Kind.COMMAND, command.id), tr(f"command.{command.id}"), keys, state=state, strong_state=bool(refused)
        )
        self._acts[row.key] = lambda: self._doer.run(command)
        return [row]

    def _layout_row(self, layout: Layout) -> Row:
        title = f"{tr('command.window.layouts')}: {layout.name.get(language())}"
        row = Row((Kind.LAYOUT, layout.id), title, layout.key)
        item = Item(Kind.LAYOUT, layout.id, (title,), layout.key)
        self._acts[row.key] = lambda: self._doer.do(item, second=False)
        return row

    def foot(self, row: Row | None) -> str:
        return f"{tr('search_does.command')} · {super().foot(row)}"

    def choose(self, row: Row, second: bool) -> str:
        return self._acts[row.key]()


class NoticesPanel(ListPanel):
    """The notices that were shown here, the newest first."""

    ems = 70

    def title(self) -> str:
        return tr("search.notices_title")

    def look_up(self, words: str) -> Sequence[Row]:
        now_ns, wanted = self.session.clock.now_ns(), split(words)
        recent = self.session.notices.recent()
        return [
            Row((str(one.t_ns), one.sentence), one.sentence, fmt.event_time(one.t_ns, now_ns), priority=one.priority)
            for one in recent
            if matches(wanted, tokens(one.sentence))
        ]

    def nothing(self, words: str) -> str:
        return super().nothing(words) or tr("search.no_notices")
