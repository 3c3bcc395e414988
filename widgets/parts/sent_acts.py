"""Clicks that have no row to show how they end: sent, and told as a sentence when the hub has decided.

One a session, so that it is told also when the page that a click came from has gone. GUI thread only. Must not: judge;
the hub does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QObject

from backends.domain.action import ActionStatus, Stage, Verb, with_pictures
from backends.domain.feeds import LinkState
from backends.domain.ports import ActionDesk, ActionRefused
from widgets.i18n import tr
from widgets.models.city import CityModel
from widgets.parts.alarm_words import why_not

_DONE = frozenset({Verb.LOG, Verb.COMMENT, Verb.HAND_OVER, Verb.TAKE_OVER})
_WHY = frozenset(
    {"locked", "not_given", "same_person", "already_open", "changed", "gone", "full", "bad_text", "bad_corrects"}
)
"""Codes of the hub that have words of their own; the others are told as they are."""


class NoticeBoard(Protocol):
    """Where sentences are shown (`session.Notices`)."""

    def post(self, sentence: str) -> None: ...
    def tell_desk(self, sentence: str) -> None: ...


class SentActs(QObject):
    """See the module."""

    def __init__(self, city: CityModel, actions: ActionDesk, told: NoticeBoard) -> None:
        super().__init__()
        self._city, self._actions, self._told = city, actions, told
        self._waiting: set[str] = set()
        city.actionChanged.connect(self._on_action)

    def submit(
        self, verb: Verb, feed: str, target: str, state_rev: int, args: dict[str, str], pictures: Sequence[bytes] = ()
    ) -> str:
        """Send it, with these JPEGs. Returns why it cannot be, in words; empty = it is kept, its end is told."""
        args = with_pictures(args, pictures)
        try:
            self._waiting.add(self._actions.submit(verb, feed, target, state_rev, args, pictures))
        except ActionRefused as refusal:
            return why_not(self._city, refusal.code)
        if self._city.link.state is not LinkState.UP:
            self._told.tell_desk(tr("acts.queued"))
        return ""

    def _on_action(self, status: ActionStatus) -> None:
        if status.action.aid not in self._waiting or not status.stage.final:
            return
        self._waiting.discard(status.action.aid)
        if status.stage in (Stage.APPLIED, Stage.DUPLICATE):
            self._told.tell_desk(done_words(status))
        else:
            self._told.post(why_words(status))


def done_words(status: ActionStatus) -> str:
    """That it took effect."""
    verb = status.action.verb
    return tr(f"acts.done.{verb.value}") if verb in _DONE else tr("acts.done.other")


def why_words(status: ActionStatus) -> str:
    """Why it did not."""
    if status.stage is Stage.EXPIRED:
        return tr("acts.expired")
    if status.code not in _WHY:
        return tr("acts.refused", code=status.code or status.stage.value)
    return tr(f"acts.why.{status.code}", who=status.text or "–")
