"""The logbook: what people wrote, the newest first. Enter goes to what an entry is about, Shift+Enter corrects it.

Nothing is ever changed: a correction is a new entry that names the old one, and both stay in sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from backends.domain.action import Verb
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from widgets import format as fmt
from widgets.i18n import tr
from widgets.pages import PageSpec
from widgets.parts.log_words import about_words, kind_of, span_words
from widgets.parts.panel_rows import Row
from widgets.search.words import matches, split, tokens
from widgets.windows.page import Page, Question

_WRITE = ("act", "write")
ENTRY_MOST = 1000
"""Characters of an entry that is typed here; the hub takes 2000."""


class LogbookPage(Page):
    """See the module. `about`: the entry that it was opened for is chosen."""

    most = 300

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
        return tr("logbook.foot_write" if row is not None and row.key == _WRITE else "logbook.foot")

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
        place = " · ".join(part for part in (about_words(city, entry), span_words(entry, now_ns)) if part)
        return Row(("entry", entry.id), entry.text.vi, fmt.event_time(entry.t_ns, now_ns), place, " · ".join(marks))


SPEC = PageSpec("logbook", LogbookPage)
