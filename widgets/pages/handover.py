"""The hand-over: how things stand, in sections with their counts, and what is done to it: notes, two signatures, a PDF.

Before anybody has signed, the sections are what this console has now; afterwards they are what the hub froze. Enter
goes to the thing. A signature takes two Enters and carries the state that was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.action import Verb
from backends.domain.alarm import AlarmState, Priority
from backends.domain.feeds import LinkState
from backends.domain.handover import NOTE_LIMIT, Handover, HandoverState, Line, Part, Section, since_ns, unlocked
from backends.domain.handover_sheet import NO_LAYOUT
from backends.domain.text import LocalText
from widgets import format as fmt
from widgets.i18n import tr
from widgets.models.alarm_order import Moves
from widgets.pages import PageSpec
from widgets.parts import handover_words as words_of
from widgets.parts.handover_paper import blobs_of, job_of
from widgets.parts.handover_parts import HandoverParts
from widgets.parts.log_words import kind_of
from widgets.parts.panel_rows import Row
from widgets.parts.record_pictures import MOST
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Page, Question
from widgets.windows.wall_window import WallWindow

FEED = "handovers"
NEW = "new"
"""The target that opens one (docs/protocol.md)."""
LAYOUT_MOST = 80
"""Characters of a layout's name that the hub takes."""
_ASKS = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)


class HandoverPage(Page):
    """See the module. `about`: a hand-over that was, by its number."""

    feeds = frozenset({FEED})

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:
        super().__init__(session, window, scale, room, doer, about)
        self._chosen = about
        """Number of an earlier one; empty: the present one."""
        self._lines: dict[tuple[str, str], Line] = {}
        self._parts = HandoverParts(session.city, self.memo)
        session.city.alarmsMoved.connect(self._on_alarms)

    def title(self) -> str:
        return tr("handover.title")

    def _on_alarms(self, moves: Moves) -> None:
        self._parts.alarms_moved(moves)

    @property
    def shown(self) -> Handover | None:
        """None: no hand-over is open."""
        records: dict[str, Handover] = self.session.city.records(FEED)
        return records.get(self._chosen) if self._chosen else unlocked(records.values())

    def parts(self) -> tuple[Part, ...]:
        """As frozen; where nobody has signed, as things stand."""
        shown = self.shown
        if shown is not None and shown.state is not HandoverState.OPEN:
            return shown.parts
        now_ns = self.session.clock.now_ns()
        return self._parts.parts(self._since_ns(shown, now_ns), now_ns, self._layout())

    def _since_ns(self, shown: Handover | None, now_ns: int) -> int:
        city = self.session.city
        return since_ns(city.records(FEED).values(), city.operator(), now_ns) if shown is None else shown.t_from_ns

    def _layout(self) -> LocalText:
        window = self.window()
        return LocalText(window.plan.name.vi, window.plan.name.en) if isinstance(window, WallWindow) else NO_LAYOUT

    # -- rows ------------------------------------------------------------------------------------------

    def look_up(self, words: str) -> Sequence[Row]:
        city, wanted = self.session.city, split(words)
        self._lines = {}
        self._look_at_pictures(self.shown)
        if FEED not in city.feeds and city.link.state is LinkState.UP:
            return []
        rows = [] if wanted else list(self._acts())
        for heading, lines in self._sections():
            found = lines
            if wanted:
                found = [row for row in lines if matches(wanted, tokens(f"{row.title} {row.place} {row.state}"))]
            if found or not wanted:
                rows += [heading, *found]
        return rows

    def nothing(self, words: str) -> str:
        city = self.session.city
        offered = FEED in city.feeds or city.link.state is not LinkState.UP
        return super().nothing(words) if offered else tr("handover.not_kept")

    def _acts(self) -> Iterator[Row]:
        shown = self.shown
        yield Row(("heading", "acts"), tr("handover.acts"), heading=True)
        if shown is None or shown.state is not HandoverState.LOCKED:
            given = shown is not None and shown.given is not None
            yield self._act("note", Verb.COMMENT, "note_given" if given else "note")
            if given:
                yield self._act("take", Verb.TAKE_OVER, "take")
            yield self._act("give", Verb.HAND_OVER, "give_again" if given else "give")
        yield Row(("act", "export"), tr("handover.export"))
        if self._chosen:
            yield Row(("act", "back"), tr("handover.back"))

    def _act(self, key: str, verb: Verb, words: str) -> Row:
        return Row(("act", key), tr(f"handover.{words}"), state=self.may_not(verb))

    def _sections(self) -> Iterator[tuple[Row, Sequence[Row]]]:
        shown, now_ns = self.shown, self.session.clock.now_ns()
        yield self._heading(shown, now_ns), list(self._signatures(shown))
        if shown is not None and shown.notes:
            notes = [
                Row(("note", str(n)), note.text, fmt.event_time(note.t_ns, now_ns), state=note.by)
                for n, note in enumerate(shown.notes)
            ]
            name = tr("handover.heading", name=tr("handover.notes"), n=len(notes))
            yield Row(("heading", "notes"), name, heading=True), notes
        at_ns = shown.t_frozen_ns if shown is not None and shown.t_frozen_ns else now_ns
        for part in self.parts():
            heading = Row(("heading", part.section), words_of.heading(part), heading=True)
            rows = self._parts.rows(part, at_ns, partial(_row, part.section, at_ns))
            self._lines |= {row.key: line for row, line in zip(rows, part.lines, strict=True)}
            yield heading, rows
        locked = [one for one in self.session.city.records(FEED).values() if one.state is HandoverState.LOCKED]
        locked.sort(key=lambda one: one.t_opened_ns, reverse=True)
        if locked:
            rows = [Row(("earlier", one.id), one.id, state=words_of.signed(one.taken)) for one in locked]
            yield Row(("heading", "earlier"), tr("handover.earlier"), heading=True), rows

    def _heading(self, shown: Handover | None, now_ns: int) -> Row:
        if shown is not None:
            return Row(("heading", "standing"), words_of.standing(shown, now_ns), heading=True)
        since = fmt.event_minutes(self._since_ns(None, now_ns), now_ns)
        return Row(("heading", "standing"), tr("handover.none_yet", since=since), heading=True)

    def _signatures(self, shown: Handover | None) -> Iterator[Row]:
        if shown is None:
            return
        yield Row(("sign", "given"), words_of.signed(shown.given), tr("handover.given_by"))
        yield Row(("sign", "taken"), words_of.signed(shown.taken), tr("handover.taken_by"))
        if shown.state is HandoverState.LOCKED:
            whole = self._parts.intact(shown)
            state = tr("handover.matches" if whole else "handover.altered")
            yield Row(("sign", "sha"), shown.sha256, "SHA-256", state=state, strong_state=not whole)

    # -- what Enter does -------------------------------------------------------------------------------

    def foot(self, row: Row | None) -> str:
        return tr("handover.foot_act" if row is not None and row.key[0] in ("act", "earlier") else "handover.foot")

    def choose(self, row: Row, second: bool) -> str:
        if row.key[0] == "earlier":
            return self._show(row.key[1])
        if row.key[0] == "act":
            acts: dict[str, Callable[[Row], str]] = {
                "note": self._note,
                "give": self._give,
                "take": self._take,
                "export": self._export,
                "back": lambda _row: self._show(""),
            }
            return acts[row.key[1]](row)
        line = self._lines.get(row.key)
        if line is not None and line.feed == "timeline":
            self.session.calls.pageCalled.emit("logbook", line.id)
            return ""
        kind = kind_of(line.feed) if line is not None else None
        return tr("handover.no_target") if line is None or kind is None else self.go(kind, line.id)

    def _show(self, number: str) -> str:
        self._chosen = number
        self._renew(keep=False)
        return ""

    def _note(self, row: Row) -> str:
        seen = self.shown

        def write(words: str) -> str:
            if not words:
                return tr("logbook.no_words")
            # It takes a signature away, so it says which one was seen; of an open one all notes are welcome.
            rev = seen.state_rev if seen is not None and seen.given is not None else 0
            return self._submit(Verb.COMMENT, seen, rev, {"text": words})

        question = Question(tr("handover.ask_note"), write, row, kept="handover.note", most=NOTE_LIMIT)
        return self.may_not(Verb.HAND_OVER) or self.ask(question)

    def _give(self, row: Row) -> str:
        seen, layout = self.shown, self._layout()
        args = {"layout": layout.vi[:LAYOUT_MOST], "layout_en": layout.en[:LAYOUT_MOST]}
        question = Question(tr("handover.ask_give"), lambda _words: self._sign(Verb.HAND_OVER, seen, args), row)
        return self.may_not(Verb.HAND_OVER) or self.ask(question)

    def _take(self, row: Row) -> str:
        seen = self.shown
        number = seen.id if seen is not None else ""
        question = Question(
            tr("handover.ask_take", id=number), lambda _words: self._sign(Verb.TAKE_OVER, seen, {}), row
        )
        return self.may_not(Verb.TAKE_OVER) or self.ask(question)

    def _sign(self, verb: Verb, seen: Handover | None, args: dict[str, str]) -> str:
        why = self._submit(verb, seen, seen.state_rev if seen is not None else 0, args)
        if not why and seen is not None and verb is Verb.TAKE_OVER:
            self._chosen = seen.id  # it stays in sight, locked: for the export
        return why

    def _submit(self, verb: Verb, seen: Handover | None, rev: int, args: dict[str, str]) -> str:
        return self.session.acts.submit(verb, FEED, seen.id if seen is not None else NEW, rev, args)

    def _export(self, _row: Row) -> str:
        shown = self.shown
        if shown is None or not shown.parts:
            return tr("handover.not_signed")
        if self._look_at_pictures(shown):
            return tr("handover.pictures_coming")
        self.session.calls.saveAsked.emit(job_of(self.session, shown))
        return ""

    def _look_at_pictures(self, shown: Handover | None) -> bool:
        """Those of its log entries are fetched while it is in sight, for the paper. True: one is still on its way."""
        blobs = blobs_of(shown)[:MOST] if shown is not None else ()
        here = self.session.record_pictures
        here.look(self, blobs)
        seen = self.session.city.shows_personal_data
        return seen and any(here.image(blob) is None and not here.code(blob) for blob in blobs)

    def end(self, *, back: bool = False) -> None:
        self.session.record_pictures.look(self, ())
        super().end(back=back)


def _row(section: Section, at_ns: int, line: Line) -> Row:
    said = words_of.cells(line, section, at_ns)
    priority = Priority(line.priority) if line.priority in set(Priority) else None
    asks, key = line.state in _ASKS, (section.value, f"{line.feed}/{line.id}")
    return Row(key, said.title, said.at, said.place, said.state, strong_state=asks, priority=priority, filled=asks)


SPEC = PageSpec("handover", HandoverPage)
