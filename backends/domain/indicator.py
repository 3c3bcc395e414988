"""Slow indicators of every service, always with the date that they hold for."""

from __future__ import annotations

import msgspec

from backends.domain.quality import Quality
from backends.domain.text import LocalText


class Indicator(msgspec.Struct, frozen=True, omit_defaults=True):
    """One figure with what it is held against."""

    id: str
    service: str
    """One of: "public_administration", "health", "education", "tourism", "lodging", "social_listening", ..."""
    name: LocalText
    value: float | None
    t_as_of_ns: int
    unit: LocalText = LocalText("")
    decimals: int = 0
    goal: float | None = None
    goal_kind: str = ""
    """One of: "plan" (kế hoạch), "threshold" (ngưỡng, must stay below), "total" (tổng, "25 / 27")."""
    period: str = "minute"
    """How precise `t_as_of_ns` is: "minute", "hour", "day", "today"."""
    quality: Quality = Quality.GOOD
    rev: int = 1

    @property
    def bad(self) -> bool:
        """On the wrong side of its goal."""
        if self.value is None or self.goal is None:
            return False
        return self.value > self.goal if self.goal_kind == "threshold" else self.value < self.goal
