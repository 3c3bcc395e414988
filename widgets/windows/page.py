"""A page: a list over the room beside the alarm lists that stays while people work, and asks for words in its own line.

Rows with headings, of which letters narrow down what is seen and Enter does what the foot says. It stays when the
keyboard goes elsewhere; its key, or a click on it, brings the keyboard back. It ends with Esc, when nobody has touched
it for ten minutes (what was typed is kept), and when another person or another role takes the station. A kind of page
is one file in widgets/pages/ with a SPEC. GUI thread only. Must not: be modal, or
cover alarm lists where there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.access import Right
from backends.domain.action import Verb
from widgets.i18n import tr
from widgets.parts.alarm_words import why_not
from widgets.parts.memo import Memo
from widgets.parts.panel_rows import Row, row_height
from widgets.search.finder import Kind
from widgets.search.index import Item
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.list_panel import TYPED_MOST, ListPanel

IDLE_MS = 600_000
WORDS_MOST = 1000
"""Characters of an answer to a question."""
_ASKED = ("page", "asked")


def _no_match() -> Row:
    """Stands where the choices would."""
    return Row(("page", "no_match"), tr("page.no_match"), heading=True)


class Doer(Protocol):
    """Who does what is found (`panels.Doer` asks more of it)."""

    def do(self, item: Item, second: bool) -> str:
        """Why not; empty = done."""
        ...


@dataclass(frozen=True)
class Question:
    """Words that an act needs: asked for in the page's line, with the row it is about in sight."""

    words: str
    """What is asked, as it stands over the row."""
    then: Callable[[str], str]
    """Given what was typed, without space around it; returns why not, empty = done. Of a question with choices: the
    second part of the chosen row's key."""
    about: Row | None = None
    choices: Callable[[str], Sequence[Row]] | None = None
    """Rows for what is typed, of which one is the answer."""
    typed: str = ""
    """What the line holds at first."""
    kept: str = ""
    """Name in the session's memory: what was typed and not sent is there again; empty = it is not kept."""
    most: int = WORDS_MOST
    secret: bool = False
    """What is typed is hidden, and given as it is."""


class Page(ListPanel):
    """Base of all pages: the hooks of `ListPanel`, and these."""

    ems = 96
    idle_ms = IDLE_MS
    stays = True
    feeds: frozenset[str] = frozenset()
    """Whose changes it shows at once; all else a second later at most."""

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:
        """`about`: id of the record that it was opened for; empty = none."""
        self.about, self._doer = about, doer
        self.memo = Memo()
        """Of what `look_up` makes each second."""
        self._question: Question | None = None
        self._answered: tuple[str, str] | None = None
        self._person: tuple[str, str] = (session.city.grant.operator_id, session.city.grant.role)
        super().__init__(session, window, scale, room)
        session.city.grantChanged.connect(self._on_grant)
        session.city.feedsChanged.connect(self._on_feeds)

    # -- for its kinds ---------------------------------------------------------------------------------

    def may_not(self, right: Right | Verb) -> str:
        """Why the person here may not; empty = may. In words."""
        refused = self.session.city.grant.refusal(right)
        return why_not(self.session.city, refused) if refused else ""

    def ask(self, question: Question) -> str:
        """Ask it; for `choose` to return."""
        self._question = question
        self._answered = question.about.key if question.about is not None else None
        self.field.setMaxLength(question.most)
        self.field.hide_words(question.secret)
        kept = self.session.memory.get(self._kept(question)) if question.kept else ""
        self.field.setText(kept or question.typed)
        self._prompt(question.words)
        self._renew(keep=False)
        return ""

    @property
    def asking(self) -> bool:
        return self._question is not None

    def go(self, kind: Kind, record_id: str) -> str:
        """Go to that thing, as the search line does, and end; for `choose` to return."""
        why = self._doer.do(Item(kind, record_id, ()), second=False)
        if not why:
            self.end(back=True)
        return why

    # -- a list that asks --------------------------------------------------------------------------------

    def _on_words(self, words: str) -> None:
        question = self._question
        if question is not None and question.kept:
            self.session.memory.set(self._kept(question), words)
        super()._on_words(words)

    def _look(self) -> Sequence[Row]:
        question = self._question
        if question is None:
            return super()._look()
        asked = Row(_ASKED, question.words, heading=True)
        if question.choices is not None:
            return [asked, *(question.choices(self.field.words()) or (_no_match(),))]
        return [asked, *(() if question.about is None else (question.about,))]

    def nothing(self, words: str) -> str:
        return "" if self.asking else super().nothing(words)

    def _foot(self) -> str:
        question = self._question
        if question is None:
            return super()._foot()
        if question.choices is None:
            return tr("page.asking")
        return tr("page.choosing" if self.row is not None else "page.no_choice")

    def _enter(self, *, second: bool) -> None:
        question, row = self._question, self.row
        if question is None:
            if row is not None and (why := self.choose(row, second)):
                self.say(why)
            return
        if question.choices is not None and row is None:
            self.say(tr("page.no_match"))
            return
        typed = self.field.text() if question.secret else self.field.text().strip()
        why = question.then(row.key[1] if question.choices is not None and row else typed)
        if why:
            self.say(why)
        elif self._question is question:  # `then` may have asked the next one
            if question.kept:
                self.session.memory.set(self._kept(question), "")
            self._leave_question()

    def _escape(self) -> None:
        if self.asking:
            self._leave_question()
        else:
            super()._escape()

    def _leave_question(self) -> None:
        """Back to the rows, with the one chosen that it was about. What was typed stays in the memory."""
        self._question = None
        self.field.setMaxLength(TYPED_MOST)
        self.field.blockSignals(True)
        self.field.clear()
        self.field.blockSignals(False)
        self.field.hide_words(False)
        self._prompt(self.title())
        self._renew(keep=False)
        self._choose_key(self._answered)

    def _choose_key(self, key: tuple[str, str] | None) -> None:
        """Put the keyboard's ring on that row, if it is there."""
        found = next((n for n, row in enumerate(self.rows) if row.key == key and not row.heading), None)
        if found is not None:
            self._at = found
            self._place()

    # -- life ------------------------------------------------------------------------------------------

    def _on_look(self) -> None:
        super()._on_look()
        if self._question is not None:
            self._prompt(self._question.words)

    def _kept(self, question: Question) -> str:
        """One person's unsent words are not the next one's."""
        return f"{self._person[0]}:{question.kept}"

    def _who(self) -> tuple[str, str]:
        grant = self.session.city.grant
        return grant.operator_id, grant.role

    def _on_grant(self) -> None:
        if self._who() != self._person:
            self.end()
        elif self.session.city.grant.locked and self.asking:
            self._leave_question()  # what somebody was typing is nobody's to read
        else:
            self._renew(keep=True)

    def _on_feeds(self, changed: frozenset[str]) -> None:
        if changed & self.feeds and self.isVisible():
            self._renew(keep=True)

    @property
    def _shown(self) -> int:
        """As many as fit: the page does not change its size with what it says."""
        return max(1, (self._room.height() - self._around - 2 * self.scale.pad) // row_height(self.scale))

    def _place(self) -> None:
        """All of its room: a strip of what lies below would only unsettle the eye."""
        super()._place()
        room, mine = self._room, self.geometry()
        wide = min(self.scale.read * self.ems, room.width())
        mine.setRect(room.left() + (room.width() - wide) // 2, room.top(), wide, room.height())
        self.setGeometry(mine)
        pad = self.scale.pad
        self.field.setGeometry(pad, pad, wide - 2 * pad, self.scale.line(self.scale.read) + pad)
