"""What happened to an alarm, as the timeline has it: when, what, who, in which words. Pure but for the language.

Where the timeline no longer reaches back to, the record itself says when it was raised and who acknowledged it.
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.domain.alarm import Alarm
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from widgets.i18n import local, tr
from widgets.models.city import CityModel

_KNOWN = frozenset(
    {
        "alarm_raised", "alarm_acknowledged", "alarm_claimed", "alarm_released", "alarm_shelved", "alarm_unshelved",
        "alarm_returned", "alarm_reset", "alarm_out_of_service", "alarm_in_service", "alarm_suppressed",
        "alarm_unsuppressed", "alarm_chattering", "alarm_quiet", "alarm_escalated", "comment", "log_entry",
        "step_done", "step_not_needed", "step_not_done",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Happened:
    """One line."""

    t_ns: int
    what: str
    who: str = ""
    text: str = ""
    """A comment, a reason: a person's words."""

    @property
    def words(self) -> str:
        return " · ".join(part for part in (self.what, self.who, self.text) if part)


def history_of(city: CityModel, alarm: Alarm) -> list[Happened]:
    """The oldest first."""
    events: list[TimelineEvent] = [e for e in city.records("timeline").values() if e.target == alarm.id]
    lines = [Happened(e.t_ns, _what(e.what), _who(city, e.actor), _text(e, alarm)) for e in events]
    told = {event.what for event in events}
    if "alarm_raised" not in told:
        lines.append(Happened(alarm.t_raised_ns, _what("alarm_raised")))
    if alarm.t_acked_ns and not told & {"alarm_acknowledged", "alarm_claimed"}:
        lines.append(Happened(alarm.t_acked_ns, _what("alarm_acknowledged"), alarm.acked_by))
    return sorted(lines, key=lambda line: line.t_ns)


def _what(what: str) -> str:
    # A newer hub may know more, in words that nobody here can read: that something happened, when and by whom is said.
    return tr(f"alarms.history.{what if what in _KNOWN else 'other'}")


def _who(city: CityModel, operator_id: str) -> str:
    person = city.records("roster").get(operator_id)
    return person.short if isinstance(person, Operator) else operator_id


def _text(event: TimelineEvent, alarm: Alarm) -> str:
    words, name = local(event.text), local(alarm.name)
    if event.what in ("comment", "log_entry") or event.what.startswith("step_"):
        return words
    # Beside the name, which the list shows, it carries the reason of a shelving.
    return words.rpartition(" · ")[2] if event.what == "alarm_shelved" and words != name else ""
