"""The logbook: what people wrote, the newest first. Enter goes to what an entry is about, Shift+Enter corrects it.

Nothing is ever changed: a correction is a new entry that names the old one, and both stay in sight. Right shows the
picture that went with an entry, where citizens' own words may be seen; it is put away as soon as they may not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from backends.domain.action import Verb
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from widgets import format as fmt
from widgets.i18n import tr
from widgets.pages import PageSpec
from widgets.parts import enters
from widgets.parts.log_words import about_words, kind_of, span_words
from widgets.parts.panel_rows import Row
from widgets.parts.report_pictures import PictureRoom
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Page, Question

_WRITE = ("act", "write")
ENTRY_MOST = 1000
"""Characters of an entry that is typed here; the hub takes 2000."""


class LogbookPage(Page):
    """See the module. `about`: the entry that it was opened for is chosen."""

    most = 300

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        super().__init__(session, window, scale, room, doer, about)
        self.pictures = PictureRoom(session, scale, self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if self.pictures.isVisible():
                if self.session.enters.heed(event) or event.key() not in enters.KEYS:
                    self._leaf(event.key())
                return True
            if event.key() == Qt.Key.Key_Right and self._entry_pictures() and not self.asking and not self.field.text():
                self._show_pictures()
                return True
        return super().eventFilter(watched, event)

    def _leaf(self, key: int) -> None:
        """A key while a picture is enlarged: it does nothing else."""
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and len(self._entry_pictures()) > 1:
            self.pictures.step(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Escape, *enters.KEYS):
            self.pictures.end()

    def _entry_pictures(self) -> tuple[LogPicture, ...]:
        """Of the chosen entry, where they may be seen."""
        city, row = self.session.city, self.row
        entry = city.logbook.get(row.key[1]) if row is not None and row.key[0] == "entry" else None
        seen = entry is not None and city.shows_personal_data
        return tuple(LogPicture(blob, entry) for blob in entry.pictures) if seen and entry is not None else ()

    def _show_pictures(self) -> None:
        pages = [(one,) for one in self._entry_pictures()]
        self.pictures.open_pages(tr("logbook.title_picture"), pages, self, self.rect())

    def _on_grant(self) -> None:
        if not self.session.city.shows_personal_data:
            self.pictures.end()
        super()._on_grant()

    def end(self, *, back: bool = False) -> None:
        self.pictures.end()
        super().end(back=back)

    def title(self) -> str:
        return tr("logbook.title")

    def begin(self, words: str = "") -> None:
        super().begin(words)
        if self.about:
            self._choose_key(("entry", self.about))

    def look_up(self, words: str) -> Sequence[Row]:
        wanted, entries = split(words), self.session.city.logbook
        corrected = {entry.corrects for entry in entries.values()}
        rows = (self._row(entry, corrected) for entry in reversed(entries.values()))
        fit = (row for row in rows if not wanted or matches(wanted, tokens(f"{row.title} {row.place} {row.state}")))
        found = list(islice(fit, self.most))
        count = len(found) if wanted else len(entries)
        heading = Row(("heading", "entries"), tr("logbook.heading", n=count), heading=True)
        write = [] if wanted else [Row(_WRITE, tr("logbook.write"), state=self.may_not(Verb.LOG))]
        return [*write, heading, *found] if found or not wanted else []

    def foot(self, row: Row | None) -> str:
        if row is not None and row.key == _WRITE:
            return tr("logbook.foot_write")
        return " · ".join([tr("logbook.look")] * bool(self._entry_pictures()) + [tr("logbook.foot")])

    def choose(self, row: Row, second: bool) -> str:
        if row.key == _WRITE:
            return self.may_not(Verb.LOG) or self.ask(
                Question(tr("logbook.ask"), self._write, kept="logbook.new", most=ENTRY_MOST)
            )
        entry = self.session.city.logbook.get(row.key[1])
        if entry is None:
            return tr("acts.why.bad_corrects")
        return self._correct(entry, row) if second else self._go(entry)

    def _go(self, entry: TimelineEvent) -> str:
        kind = kind_of(entry.about)
        return tr("logbook.no_target") if kind is None else self.go(kind, entry.target)

    def _correct(self, entry: TimelineEvent, row: Row) -> str:
        at = fmt.event_time(entry.t_ns, self.session.clock.now_ns())
        asked = tr("logbook.ask_correct", at=at)
        return self.may_not(Verb.LOG) or self.ask(
            Question(
                asked, lambda words: self._write(words, entry.id), row, typed=entry.text.vi[:ENTRY_MOST],
                kept=f"logbook.{entry.id}", most=ENTRY_MOST,
            )
        )  # fmt: skip

    def _write(self, words: str, corrects: str = "") -> str:
        if not words:
            return tr("logbook.no_words")
        args = {"text": words, **({"corrects": corrects} if corrects else {})}
        return self.session.acts.submit(Verb.LOG, "timeline", "", 0, args)

    def _row(self, entry: TimelineEvent, corrected: set[str]) -> Row:
        city, now_ns = self.session.city, self.session.clock.now_ns()
        person = city.records("roster").get(entry.actor)
        who = person.short if isinstance(person, Operator) else entry.actor
        marks = [who]
        if entry.corrects:
            marks.append(tr("logbook.correction"))
        if entry.id in corrected:
            marks.append(tr("logbook.corrected"))
        if entry.pictures:
            marks.append(tr("logbook.has_picture"))
        place = " · ".join(part for part in (about_words(city, entry), span_words(entry, now_ns)) if part)
        return Row(("entry", entry.id), entry.text.vi, fmt.event_time(entry.t_ns, now_ns), place, " · ".join(marks))


@dataclass(frozen=True)
class LogPicture:
    """One picture of an entry."""

    blob: str
    entry: TimelineEvent

    def words(self, now_ns: int) -> str:
        """The entry's own words: they say of which camera it is, and when it was taken."""
        return f"{fmt.event_time(self.entry.t_ns, now_ns)} · {self.entry.text.vi}"


SPEC = PageSpec("logbook", LogbookPage)
