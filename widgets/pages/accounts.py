"""Accounts of people: who may sign in, as whom, where, since when; and what an administrator does with them.

Everything is asked of the hub and told by it: without it there is nothing to see here, and nothing waits for it.
Whoever may not see others has his own row, and sets his own password there. One that the hub makes for somebody is
shown for SHOWN_S, never again, and goes at once when the screen is locked or shown to visitors. Must not: keep or copy
a password.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.access import AccountSeen, AccountsTold, AccountWish, Right
from backends.domain.people import Role, Station
from backends.domain.text import fold
from widgets import format as fmt
from widgets.i18n import tr
from widgets.pages import PageSpec
from widgets.parts.panel_rows import Row
from widgets.search.words import matches, sort_key, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Page, Question

SHOWN_S = 120.0
"""Long enough to be read out twice."""
AGAIN_S = 10.0
"""How old the list gets while it is looked at."""
SECRET_LEAST = 12
NAME_MOST, ID_MOST, SECRET_MOST = 80, 64, 256
_NEW = ("new", "account")
_GIVEN = ("given", "")
_WHY = frozenset(
    {
        "not_here", "not_allowed", "nobody_signed_in", "locked", "offline", "no_answer", "no_feeder", "unknown",
        "changed", "unchanged", "exists", "bad_id", "bad_name", "bad_role", "bad_secret", "wrong_secret", "wait",
        "self", "last_admin", "not_kept",
    }
)  # fmt: skip


class AccountsPage(Page):
    """See the module."""

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        self._accounts: dict[str, AccountSeen] = {}
        self._told: AccountsTold | None = None
        """The hub's last word on the list."""
        self._listing = self._changing = 0
        self._listed_s = float("-inf")
        self._given: tuple[str, AccountsTold, float] | None = None
        """(whose, the answer, until when it is shown)."""
        super().__init__(session, window, scale, room, doer, about)
        session.city.accessAnswered.connect(self._on_answer)

    def begin(self, words: str = "") -> None:
        self._list()
        super().begin(words)

    def title(self) -> str:
        return tr("accounts.title")

    # -- rows ------------------------------------------------------------------------------------------

    def look_up(self, words: str) -> Sequence[Row]:
        own_id, wanted = self.session.city.grant.operator_id, split(words)
        rows = [(one, self._row(one)) for one in self._accounts.values()]
        rows = [(one, row) for one, row in rows if matches(wanted, tokens(f"{row.title} {row.head} {row.place}"))]
        own = [row for one, row in rows if one.id == own_id]
        others = [row for one, row in sorted(rows, key=lambda pair: sort_key(pair[0].name)) if one.id != own_id]
        if self._accounts and not self.may_not(Right.MANAGE_ACCOUNTS) and not wanted:
            others.append(Row(_NEW, tr("accounts.new")))
        out = self._given_row()
        if own:
            out += [Row(("heading", "own"), tr("accounts.heading.own"), heading=True), *own]
        if others:
            out += [Row(("heading", "others"), tr("accounts.heading.others"), heading=True), *others]
        return out

    def _given_row(self) -> list[Row]:
        if self._given is None or self._hidden:
            return []
        name, told, until_s = self._given
        left_s = max(0, round(until_s - self.session.mono.monotonic_s()))
        until = fmt.event_minutes(told.t_until_ns, self.session.clock.now_ns())
        state = tr("accounts.given_until", at=until, n=left_s)
        return [Row(_GIVEN, told.secret, tr("accounts.given"), name, state, strong_state=True)]

    def _seat(self, station_id: str) -> str:
        seat = self.session.city.records("stations").get(station_id)
        return seat.name if isinstance(seat, Station) and seat.name else station_id

    def _row(self, one: AccountSeen) -> Row:
        state, strong = self._state(one)
        where = tr("accounts.at", stations=", ".join(map(self._seat, one.stations))) if one.stations else ""
        place = " · ".join(filter(None, (_role_words(one.role), where)))
        return Row(("account", one.id), one.name, one.id, place, state, strong_state=strong)

    def _state(self, one: AccountSeen) -> tuple[str, bool]:
        now_ns = self.session.clock.now_ns()
        if one.disabled:
            return tr("accounts.disabled"), True
        if one.wait_s >= 1:
            return tr("accounts.locked_out", time=fmt.duration(one.wait_s)), True
        if one.t_temp_ns:
            over = one.t_temp_ns < now_ns
            key = "accounts.temp_over" if over else "accounts.temp"
            return tr(key, at=fmt.event_minutes(one.t_temp_ns, now_ns)), over
        if not one.t_signed_in_ns:
            return tr("accounts.never"), False
        return tr("accounts.last", at=fmt.event_minutes(one.t_signed_in_ns, now_ns)), False

    def nothing(self, words: str) -> str:
        if self.asking or self._accounts:
            return super().nothing(words)
        return _why(self._told) if self._told is not None and self._told.code else tr("accounts.asking")

    def foot(self, row: Row | None) -> str:
        keys = super().foot(row)
        if row is None:
            return keys
        does = {_NEW: "new", _GIVEN: "hide"}.get(row.key, "open")
        return f"{tr(f'accounts.does.{does}')} · {keys}"

    # -- what is done ----------------------------------------------------------------------------------

    def choose(self, row: Row, second: bool) -> str:
        if row.key == _GIVEN:
            self._wipe()
            return ""
        if row.key == _NEW:
            return self.ask(
                Question(tr("accounts.ask.name"), lambda name: self._on_name(row, name), row, most=NAME_MOST)
            )
        one = self._accounts.get(row.key[1])
        if one is None:
            return tr("accounts.why.unknown")
        asked = tr("accounts.ask.what", name=one.name)
        return self.ask(
            Question(asked, lambda act: self._on_act(one, row, act), row, choices=lambda w: self._act_rows(one, w))
        )

    def _act_rows(self, one: AccountSeen, typed: str) -> list[Row]:
        """What can be done with it; the hub says why not, where a role may not."""
        own = one.id == self.session.city.grant.operator_id
        acts = ["own"] if own else ["secret", "role", "enable" if one.disabled else "disable"]
        if one.wait_s >= 1 and not own:
            acts.insert(0, "unlock")
        rows = [Row(("act", act), tr(f"accounts.act.{act}"), place=tr(f"accounts.more.{act}")) for act in acts]
        return [row for row in rows if matches(split(typed), tokens(row.title))]

    def _on_act(self, one: AccountSeen, row: Row, act: str) -> str:
        if self._changing:
            return tr("accounts.asking")  # what the hub answers is told once: nothing else may come between
        if act == "own":
            return self._ask_old(one, row)
        if why := self.may_not(Right.MANAGE_ACCOUNTS):
            return why
        wish = AccountWish(act, one.id, one.rev)
        if act == "role":
            return self._ask_role(tr("accounts.ask.role", name=one.name, role=_role_words(one.role)), wish, row)
        if act in ("disable", "secret"):
            asked = tr(f"accounts.sure.{act}", name=one.name)
            return self.ask(Question(asked, lambda _typed: self._wish(wish), row))
        return self._wish(wish)

    def _on_name(self, row: Row, name: str) -> str:
        if not name:
            return tr("accounts.why.bad_name")
        wish = AccountWish("add", name=name)
        usual = "".join(c for c in fold(name.rsplit(maxsplit=1)[-1]) if c.isascii() and c.isalnum())
        asked = tr("accounts.ask.id", name=name)
        return self.ask(Question(asked, lambda id_: self._on_id(row, wish, id_), row, typed=usual, most=ID_MOST))

    def _on_id(self, row: Row, wish: AccountWish, person: str) -> str:
        if person in self._accounts:
            return tr("accounts.why.exists")
        wish = msgspec.structs.replace(wish, person=fold(person))
        return self._ask_role(tr("accounts.ask.new_role", name=wish.name), wish, row)

    def _ask_role(self, asked: str, wish: AccountWish, row: Row) -> str:
        def choices(typed: str) -> list[Row]:
            rows = [Row(("role", role.value), _role_words(role.value)) for role in Role]
            return [one for one in rows if matches(split(typed), tokens(one.title))]

        def then(role: str) -> str:
            return self._wish(msgspec.structs.replace(wish, role=role))

        return self.ask(Question(asked, then, row, choices=choices))

    def _ask_old(self, one: AccountSeen, row: Row) -> str:
        def old(words: str) -> str:
            wish = AccountWish("own", one.id, one.rev, old=words)
            return self.ask(_secret(tr("accounts.ask.own_new", n=SECRET_LEAST), lambda new: first(wish, new), row))

        def first(wish: AccountWish, new: str) -> str:
            if len(new) < SECRET_LEAST or one.id in fold(new):
                return tr("accounts.why.bad_secret")
            return self.ask(_secret(tr("accounts.ask.own_again"), lambda again: second(wish, new, again), row))

        def second(wish: AccountWish, new: str, again: str) -> str:
            if again != new:
                return tr("accounts.why.differ")
            return self._wish(msgspec.structs.replace(wish, secret=new))

        return self.ask(_secret(tr("accounts.ask.own_old"), old, row))

    def _wish(self, wish: AccountWish) -> str:
        self._changing = self.session.access.accounts(wish)
        self.say(tr("accounts.asking"))
        return ""

    # -- what the hub says -----------------------------------------------------------------------------

    @property
    def _hidden(self) -> bool:
        """Nobody is to read who may sign in, nor a password that was just made."""
        return self.session.city.grant.locked or self.session.city.briefing

    def _list(self) -> None:
        if self._hidden:
            return
        self._listed_s = self.session.mono.monotonic_s()
        self._listing = self.session.access.accounts(AccountWish())

    def _on_answer(self, told: object) -> None:
        if not isinstance(told, AccountsTold) or told.request not in (self._listing, self._changing):
            return
        had = bool(self._accounts)
        if told.request == self._listing:
            self._listing, self._told = 0, told
        if told.code:
            if told.request == self._changing:
                self._changing = 0
                self.say(_why(told))
                self._list()  # it may look otherwise by now
        else:
            self._accounts = {} if self._hidden else {one.id: one for one in told.accounts}
            if told.request == self._changing:
                self._changing = 0
                self._changed(told)
        if self.isVisible():
            self._renew(keep=had or self.asking)

    def _changed(self, told: AccountsTold) -> None:
        self.say(tr(f"accounts.done.{told.wish.act}"))
        if told.secret:
            one = self._accounts.get(told.wish.person)
            name = one.name if one is not None else told.wish.person
            self._given = (name, told, self.session.mono.monotonic_s() + SHOWN_S)
        if told.wish.act == "own":
            # Every session of the old password is over at the hub: this station says so at once.
            self.session.access.sign_out()
            self.session.notices.tell_desk(tr("accounts.done.own"))

    def on_second(self) -> None:
        now_s = self.session.mono.monotonic_s()
        if self._given is not None and now_s >= self._given[2]:
            self._given = None
        if now_s - self._listed_s >= AGAIN_S and not self._changing and not self.asking:
            self._list()
        super().on_second()

    def _wipe(self) -> None:
        self._given = None
        self._renew(keep=False)

    def _on_grant(self) -> None:
        if self._hidden:
            self._accounts = {}
            self._listed_s = float("-inf")  # asked for again when it is unlocked
        super()._on_grant()


def _secret(asked: str, then: Callable[[str], str], row: Row) -> Question:
    return Question(asked, then, row, most=SECRET_MOST, secret=True)


def _role_words(role: str) -> str:
    return tr(f"role.{role}") if role in set(Role) else role


def _why(told: AccountsTold) -> str:
    if told.code not in _WHY:
        return tr("accounts.why.other", code=told.code[:40])
    return tr(f"accounts.why.{told.code}", text=told.text)


SPEC = PageSpec("accounts", AccountsPage)
