"""Who called about reports that were taken in here, held in memory until the hub has it.

1. `hold`: with the click that takes the report in, under its id; the click itself knows nothing of it.
2. The click is through: the hub has given the report its number, and the caller is told to it under that.
3. The hub keeps it: it is forgotten here. Until then it stands on the screen that it has not been sent, and why, and it
   is tried again while somebody may tell it.
A name and a number lie in no file of this station, in no journal, log or feed: so they are lost with this process, and
with the person who wrote them down: another one who takes the station does not get them.
GUI thread only. Must not: be put into the session's memory, which outlives the screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from backends.domain.access import AccessAnswer
from backends.domain.action import ActionStatus, Stage
from backends.domain.ports import AccessDesk
from backends.domain.times import MonotonicClock
from widgets.i18n import tr
from widgets.models.city import CityModel

AGAIN_S = 5.0
"""Seconds between two tries."""
LATER = frozenset({"offline", "no_answer", "no_feeder", "not_kept", "locked", "nobody_signed_in"})
"""Answers after which it is tried again."""
WHY = LATER | {"known", "unknown", "not_allowed", "bad_values"}
"""Answers that have words of their own."""
VALUE_MOST = 80
_PHONE = re.compile(r"\+?[0-9][0-9 .\-]{4,}[0-9]")


def values_of(typed: str) -> dict[str, str]:
    """`name` and `phone` of what was typed in one line; empty: nothing was."""
    found = _PHONE.search(typed)
    phone = found.group() if found is not None else ""
    name = " ".join(typed.replace(phone, " ").split()).strip(" ,;·-") if phone else typed.strip()
    return {key: text[:VALUE_MOST] for key, text in (("name", name), ("phone", phone)) if text}


@dataclass
class Caller:
    """One that the hub does not have."""

    aid: str
    """Of the click that takes the report in."""
    title: str
    values: dict[str, str] = field(repr=False)
    person: str
    report_id: str = ""
    """Empty: the hub has not given it a number yet."""
    request: int = 0
    """The question under way; 0 = none."""
    code: str = ""
    """Why the last try came to nothing."""
    again_s: float = 0.0
    """When it is tried again, by the monotonic clock."""

    @property
    def words(self) -> str:
        return " · ".join(self.values.values())


class Callers(QObject):
    """One a session."""

    changed = Signal()

    def __init__(
        self, city: CityModel, access: AccessDesk, mono: MonotonicClock, tell: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        """`tell`: a quiet sentence for the desks; `warn`: one for everybody. Neither ever holds who called."""
        super().__init__()
        self._city, self._access, self._mono, self._say, self._warn = city, access, mono, tell, warn
        self._held: list[Caller] = []
        city.actionChanged.connect(self._on_action)
        city.accessAnswered.connect(self._on_answer)
        city.grantChanged.connect(self._on_grant)

    @property
    def waiting(self) -> list[Caller]:
        """What the hub does not have, the oldest first."""
        return list(self._held)

    def hold(self, aid: str, title: str, values: dict[str, str]) -> None:
        """Of the report that this click takes in."""
        self._held.append(Caller(aid, title, values, self._city.grant.operator_id))
        self.changed.emit()

    def again(self, aid: str) -> None:
        """A person wants it tried now; what the hub will not have is given up."""
        caller = next((one for one in self._held if one.aid == aid), None)
        if caller is None or not caller.report_id or caller.request:
            return
        if caller.code in LATER:
            self._tell(caller)
        else:
            self.drop(caller)

    def drop(self, caller: Caller) -> None:
        """It is held no longer."""
        if caller in self._held:
            self._held.remove(caller)
            self.changed.emit()

    def on_second(self) -> None:
        """As often as one likes."""
        now_s = self._mono.monotonic_s()
        for caller in list(self._held):
            if caller.report_id and not caller.request and caller.code in LATER and now_s >= caller.again_s:
                self._tell(caller)

    def _tell(self, caller: Caller) -> None:
        caller.again_s = self._mono.monotonic_s() + AGAIN_S
        caller.request = self._access.confide(caller.report_id, caller.values)

    def _on_action(self, status: ActionStatus) -> None:
        caller = next((one for one in self._held if one.aid == status.action.aid), None)
        if caller is None or not status.stage.final or caller.report_id:
            return
        if status.stage in (Stage.APPLIED, Stage.DUPLICATE):
            caller.report_id = status.text
            self._tell(caller)
            self.changed.emit()
        else:
            self.drop(caller)
            self._warn(tr("reports.caller.lost", title=caller.title))

    def _on_answer(self, answer: object) -> None:
        if not isinstance(answer, AccessAnswer):
            return
        caller = next((one for one in self._held if one.request == answer.request), None)
        if caller is None or not answer.request:
            return
        caller.request, caller.code = 0, answer.code
        if not answer.code:
            self.drop(caller)
            self._say(tr("reports.caller.kept", id=caller.report_id))
        else:
            self.changed.emit()

    def _on_grant(self) -> None:
        """Somebody else sits here: what one person was told is not the next one's. A lock hides it, and keeps it."""
        person = self._city.grant.operator_id
        for caller in [one for one in self._held if person and one.person != person]:
            self.drop(caller)
            self._warn(tr("reports.caller.lost", title=caller.title))
        self.changed.emit()
