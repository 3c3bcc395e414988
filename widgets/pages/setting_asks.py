"""What is common to pages on which the centre's own data is changed: from which day, why, and what became of it.

No page by itself.
"""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.action import ActionStatus, Verb
from backends.domain.limits import day_of
from backends.domain.ports import ActionRefused
from backends.domain.settings import NAME_MOST, LimitsRecord, SettingRecord, SettingRefused, check_day
from widgets.i18n import tr
from widgets.models import setting_rows as words_of
from widgets.models.setting_rows import Entry
from widgets.parts.alarm_words import why_not
from widgets.parts.panel_rows import Row
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Page, Question

REASON_MOST = 200


class SettingAsks(Page):
    """A click is sent with the state that was seen when its row was opened."""

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        self._sent: set[str] = set()
        super().__init__(session, window, scale, room, doer, about)
        session.city.actionChanged.connect(self._on_action)

    def state(self, entry: Entry) -> tuple[str, bool]:
        """(what a row says of it, whether that is about a click)."""
        pending = self.session.city.pending.get(("config", entry.record.id))
        if pending is not None:
            return words_of.pending_words(pending), True
        return words_of.origin(entry, self.session.clock.now_ns()), False

    def refused_on(self, record: SettingRecord | None, day: str) -> str:
        """Why it cannot be from that day on; empty: it can, or nobody knows here."""
        return ""

    def as_sent(self, entry: Entry, record: SettingRecord) -> SettingRecord:
        """What of a record that is to hold goes to the hub."""
        return record

    def reset_rows(self, entry: Entry) -> list[Row]:
        """The choice that leads back to what the source gives, where there is such a way."""
        given = entry.given
        if entry.setting is None or given is None or entry.last() == given:
            return []
        given_words = words_of.change_words(entry.last(), None, given, self.session.city)
        back = "limit.take_back" if isinstance(given, LimitsRecord) else "reset"
        return [Row(("field", "reset"), tr(f"settings.{back}"), place=given_words)]

    def history_rows(self, entry: Entry) -> list[Row]:
        setting, now_ns = entry.setting, self.session.clock.now_ns()
        if setting is None or not setting.amendments:
            return []
        city, newest_first = self.session.city, reversed(range(len(setting.amendments)))
        said = [(str(n), words_of.amendment_words(n, setting, city, now_ns)) for n in newest_first]
        if setting.earlier:
            said.append(("earlier", tr("settings.earlier", n=setting.earlier)))
        rows = [Row(("was", key), words, heading=True) for key, words in said]
        return [Row(("heading", "history"), tr("settings.heading.history"), heading=True), *rows]

    def ask_day(self, entry: Entry, row: Row, record: SettingRecord | None) -> str:
        """From which day; then why. `record` None: what the source gives."""
        before = entry.last()
        if (record if record is not None else entry.given) == before:
            return words_of.refusal_words("unchanged")
        today = day_of(self.session.clock.now_ns())
        made = entry.setting.amendments if entry.setting is not None else ()
        change = words_of.change_words(before, record, entry.given, self.session.city)
        return self.ask(
            Question(
                tr("settings.ask.day", change=change), lambda words: self._on_day(entry, row, record, change, words),
                row, typed=words_of.day_words(max(today, made[-1].valid_from if made else today)), most=NAME_MOST,
            )
        )  # fmt: skip

    def _on_day(self, entry: Entry, row: Row, record: SettingRecord | None, change: str, words: str) -> str:
        now_ns = self.session.clock.now_ns()
        day = words_of.read_day(words, day_of(now_ns))
        try:
            check_day(day, now_ns, entry.setting)
        except SettingRefused as refused:
            return words_of.refusal_words(refused.code, refused.text)
        if why := self.refused_on(record, day):
            return why
        asked = tr("settings.ask.reason", change=change, since=words_of.from_words(day))
        return self.ask(Question(asked, lambda why: self._send(entry, record, day, why), row, most=REASON_MOST))

    def _send(self, entry: Entry, record: SettingRecord | None, day: str, reason: str) -> str:
        if not reason:
            return words_of.refusal_words("bad_reason")
        args = {"valid_from": day, "reason": reason}
        if record is not None:
            args["json"] = msgspec.json.encode(self.as_sent(entry, record)).decode()
        try:
            aid = self.session.actions.submit(Verb.CONFIGURE, "config", entry.record.id, entry.rev, args)
        except ActionRefused as refused:
            return why_not(self.session.city, refused.code)
        self._sent.add(aid)
        return ""

    def _on_action(self, status: ActionStatus) -> None:
        if status.action.aid in self._sent and status.stage.final:
            self._sent.discard(status.action.aid)
            applied = ("config", status.action.target) not in self.session.city.pending
            self.say(tr("settings.pending.applied") if applied else words_of.pending_words(status))


def narrowed(rows: list[Row], typed: str, heading: str = "") -> list[Row]:
    """Those that the typed words find."""
    wanted = split(typed)
    return [row for row in rows if matches(wanted, tokens(f"{row.title} {row.head} {row.place} {heading}"))]
