"""How an alarm of a kind behaves: data of the site, never code. What reads it is the hub's alarm engine."""

from __future__ import annotations

import msgspec

from backends.domain.alarm import Priority

CHATTER = 3
"""Raised so often within CHATTER_S, an alarm chatters (three or more a minute: PAS, Chattering and fleeting alarms)."""
CHATTER_S = 60.0
"""Also: for so long nothing may have come or gone before it is quiet again."""
FLEETING_S = 10.0
"""Over within this, and not raised again: fleeting. The sources say "seconds"; the figure is ours."""
ESCALATE_S = 60.0
"""Ours: urgent means "act now"; who has not touched it within a minute is not there, or cannot."""


class Definition(msgspec.Struct, frozen=True):
    """What holds for the alarms of one condition key, or one sensor."""

    priority: Priority | None = None
    """None: as its source says. A limit has its own."""
    on_delay_s: float = 0.0
    """The cause must have been there for so long before it is raised."""
    count: int = 0
    """Or have come so often within the on-delay; 0 = only the time counts."""
    off_delay_s: float = 0.0
    """The cause must have been away for so long before it returns."""
    latching: bool = False
    procedure_id: str = ""
    parent: str = ""
    """Key of what speaks for it when both are wrong; empty = as its source says."""
    chatter: int = CHATTER
    """0 = it may come and go as it likes."""
    escalate_s: float = ESCALATE_S
    """An urgent alarm that nobody has acknowledged or claimed for so long goes to the shift lead; 0 = never."""
    escalate_high_s: float = 0.0
    """The same of one of high priority."""
    sector: str = ""
    """See domain.coverage; empty = by its source."""

    def escalates_after_s(self, priority: Priority) -> float:
        """0 = never."""
        return {Priority.URGENT: self.escalate_s, Priority.HIGH: self.escalate_high_s}.get(priority, 0.0)


PLAIN = Definition()
