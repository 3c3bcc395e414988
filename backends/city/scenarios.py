"""The scenarios that the city can play, as a registry of typed specs: a calm day, and the flood of 2020.

A new scenario is one more entry of SCENARIOS (and its table in data/).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backends.city import hydro, people
from backends.city.opening import opening_stories, scripted
from backends.city.reports import CALM, Pace
from backends.city.series import Water, special_value
from backends.city.stations import Definition, definitions
from backends.city.stories import LIVE_ACK_MIN, MIN_NS, Story
from backends.city.tables import local_hour, local_ns, table, text
from backends.domain.action import Verb
from backends.domain.alarm import Priority
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import CrewAct


class UnknownScenario(ValueError):
    """There is no scenario, or no mark, of that name; the text says which there are."""


@dataclass(frozen=True)
class ScenarioSpec:
    """One scenario: what the world does in it."""

    name: str
    title: LocalText
    water: Water
    pace: Pace
    script: Callable[[int], list[Story]]
    """Start (UTC ns) -> the scripted stories, by rising beginning."""
    weather: Callable[[float], str]
    """UTC seconds -> the weather of the drawn scenes."""
    marks: Mapping[str, int] = field(default_factory=dict)
    """Mark -> world start, UTC ns; the first is the default. None at all: the scenario starts now."""
    ordinary_rate: float = 1.0
    """Share of the calm day's ordinary stories."""
    indicators: Mapping[str, float] = field(default_factory=dict)
    """Figures at the start that differ from the calm day's."""
    opening_reports: bool = True
    """The first screen's open reports come from the opening, not from a backlog."""


def _calm_weather(t_s: float) -> str:
    hour = local_hour(t_s)
    if 6.0 <= hour < 17.25:
        return "day"
    return "dusk" if 5.25 <= hour < 18.25 else "night"


def _flood_weather(t_s: float) -> str:
    dark = not 5.75 <= local_hour(t_s) < 17.5
    wet = hydro.flood_level_m(t_s) > 3.0
    if wet:
        return "flood-night" if dark else "flood"
    return "rain-night" if dark else "rain"


def _flood_script(start_ns: int) -> list[Story]:
    stories = [
        scripted(row, local_ns(row["at"]), local_ns(row["until"]), start_ns) for row in table("flood-2020")["story"]
    ]
    stories.append(_limit_acts(start_ns))
    return sorted(stories, key=lambda s: s.t_ns)


def _limit_acts(start_ns: int) -> Story:
    """The crew acknowledges what the limits of road gauges and river raise, up to the given exceptions."""
    left_alone = set(table("flood-2020")["never_acknowledged"])
    begin_ns, end_ns = start_ns - 24 * 60 * MIN_NS, local_ns(table("flood-2020")["ends"])
    acts: list[CrewAct] = []
    for d in definitions():
        if d.row.get("special") not in ("river", "road", "rain_1h") or not d.limits:
            continue
        values = _special_values(d, begin_ns, end_ns)
        for limit in d.limits:
            if d.id in left_alone and limit.priority is Priority.URGENT:
                continue
            for t_ns in _crossings(values, limit.value):
                act_ns = t_ns + 6 * MIN_NS
                if act_ns >= start_ns:
                    act_ns = max(act_ns, max(t_ns, start_ns) + int(LIVE_ACK_MIN[1] * MIN_NS))
                acts.append(CrewAct(act_ns, f"limit:{d.id}", Verb.ACKNOWLEDGE, people.COLLEAGUE))
    acts.sort(key=lambda a: a.t_ns)
    return Story(None, begin_ns, begin_ns, tuple(acts))


def _special_values(source: Definition, begin_ns: int, end_ns: int) -> list[tuple[int, float]]:
    value = special_value(source, SCENARIOS["flood-2020"].water)
    return [(t_ns, value(t_ns / NS_PER_S)) for t_ns in range(begin_ns, end_ns, 5 * MIN_NS)]


def _crossings(values: list[tuple[int, float]], limit: float) -> list[int]:
    """When the value goes above the limit."""
    above, result = True, []
    for t_ns, value in values:
        if value > limit and not above:
            result.append(t_ns)
        above = value > limit
    return result


def _flood() -> ScenarioSpec:
    data = table("flood-2020")

    def wet(t_s: float) -> float:
        return max(0.0, min(1.0, (hydro.flood_level_m(t_s) - 1.8) / 2.6))

    return ScenarioSpec(
        name="flood-2020",
        title=text(data),
        water=Water(
            hydro.flood_level_m,
            hydro.flood_rain_mm,
            {parameter: (pair[0], pair[1]) for parameter, pair in data["weather"].items()},
        ),
        pace=Pace(rate=lambda t_s: 1.0 + 1.9 * wet(t_s), flood=wet, backlog=True),
        script=_flood_script,
        weather=_flood_weather,
        marks={mark: local_ns(at) for mark, at in data["marks"].items()},
        ordinary_rate=data["ordinary_rate"],
        indicators=data["indicators"],
        opening_reports=False,
    )


SCENARIOS: dict[str, ScenarioSpec] = {
    spec.name: spec
    for spec in (
        ScenarioSpec(
            name="calm",
            title=LocalText("Ngày thường", "Calm day"),
            water=Water(hydro.calm_level_m, hydro.calm_rain_mm, {}),
            pace=CALM,
            script=opening_stories,
            weather=_calm_weather,
        ),
        _flood(),
    )
}
"""All scenarios by name."""


def scenario(name: str) -> ScenarioSpec:
    """The scenario called `name`. Raises UnknownScenario with the nearest name."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise UnknownScenario(_unknown("scenario", name, SCENARIOS)) from None


def scenario_start_ns(name: str, mark: str = "") -> int | None:
    """World start of a scenario at a mark (its first one by default), UTC ns; None = it starts now.

    Raises UnknownScenario for a name or mark that does not exist.
    """
    spec = scenario(name)
    if mark and mark not in spec.marks:
        raise UnknownScenario(_unknown(f"mark of {name}", mark, spec.marks))
    if not spec.marks:
        return None
    return spec.marks[mark or next(iter(spec.marks))]


def _unknown(what: str, name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none'}"
    return f"unknown {what} {name!r}: {hint}"


def forecast(value: Callable[[float], float], t_ns: int, hours: float, step_min: int) -> tuple[tuple[int, float], ...]:
    """The value's own future with an error that grows with time, thinned to `step_min`."""
    step_ns = step_min * MIN_NS
    first = (t_ns // step_ns + 1) * step_ns
    result = []
    for t in range(first, t_ns + int(hours * 60) * MIN_NS + 1, step_ns):
        ahead_h = (t - t_ns) / (60 * MIN_NS)
        wrong = 1.0 + 0.012 * ahead_h * math.sin(t_ns / (7_200 * NS_PER_S))
        result.append((t, round(value(t / NS_PER_S) * wrong, 2)))
    return tuple(result)
