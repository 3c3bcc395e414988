"""The opening minute of a calm day (look/desk.png): the stories that are open at the start.

Whatever the clock says, the first screen shows the same composition; only the words follow the hour
(a jam at night is a truck that broke down). All times in data/opening.toml count back from the start.
"""

from __future__ import annotations

from backends.city import cameras, geography, people, stations
from backends.city.series import RAMP_S, Disturbance
from backends.city.stories import LIVE_ACK_MIN, MIN_NS, Story, eye_spot, gauge_spot
from backends.city.tables import Row, local_date, local_hour, table, text
from backends.domain.action import Verb
from backends.domain.alarm import Priority
from backends.domain.quality import Quality
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition, CrewAct

LATE_ACK_MIN = 25
"""A scripted alarm that names nobody is acknowledged by the colleague after so long."""


def opening_stories(start_ns: int) -> list[Story]:
    """By rising beginning."""
    result = []
    for row in table("opening")["story"]:
        t_ns = start_ns - int(row["before_s"] * NS_PER_S)
        result.append(scripted(row, t_ns, t_ns + int(row["lasts_min"] * MIN_NS), start_ns))
    return sorted(result, key=lambda s: s.t_ns)


def scripted(row: Row, t_ns: int, end_ns: int, start_ns: int) -> Story:
    """A row of a script (opening.toml, flood-2020.toml) as a story from `t_ns` to `end_ns`."""
    disturbances = _disturbances(row, t_ns, end_ns)
    if row.get("limit"):
        key = f"limit:{disturbances[0].sensors[0]}"
        return Story(None, t_ns, end_ns, _acts(row, key, t_ns, start_ns), (), disturbances)
    condition = _condition(row, t_ns, start_ns)
    dead = (row["camera"],) if row.get("dead") else tuple(row.get("dead_cameras", ()))
    return Story(condition, t_ns, end_ns, _acts(row, row["key"], t_ns, start_ns), dead, disturbances)


def _condition(row: Row, t_ns: int, start_ns: int) -> Condition:
    place, ward, at, numbers = _place(row, local_date(start_ns))
    night = local_hour(start_ns / NS_PER_S) >= 21 or local_hour(start_ns / NS_PER_S) < 5
    return Condition(
        key=row["key"],
        t_ns=t_ns,
        active=True,
        priority=Priority(row["priority"]),
        name=text(row, "night") if night and "night_vi" in row else text(row),
        detail=text(row, "detail"),
        place=place,
        area_id=ward,
        lon=at[0],
        lat=at[1],
        camera_ids=tuple(cameras.camera_id(n) for n in numbers),
        procedure_id=row.get("procedure", ""),
        source=row.get("source", "analytics"),
    )


def _place(row: Row, date: str) -> tuple[LocalText, str, tuple[float, float], tuple[str, ...]]:
    """Name, ward as of the date, position and cameras."""
    if "ward" in row:
        ward = geography.ward_on(row["ward"], date)
        border = next(a for a in geography.areas() if a.id == row["ward"]).border
        middle = (sum(p[0] for p in border) / len(border), sum(p[1] for p in border) / len(border))
        return next(a.name for a in geography.areas() if a.id == ward), ward, middle, ()
    if "data_centre" in row:
        gauge = next(g for g in stations.gauges() if g.kind == "data_centre" and g.index == row["data_centre"])
        spot = gauge_spot(gauge)
    else:
        spot = eye_spot(cameras.eye(row["camera"]), itself=row.get("source") == "camera")
    place = text(row, "place")
    return (place if place.vi else spot.place), geography.ward_on(spot.ward, date), (spot.lon, spot.lat), spot.numbers


def _acts(row: Row, key: str, t_ns: int, start_ns: int) -> tuple[CrewAct, ...]:
    """What the crew does; nothing to an urgent alarm after the start, and nothing soon after it."""
    act_ns, verb, who = 0, Verb.ACKNOWLEDGE, people.COLLEAGUE
    for column, word in (("claim", Verb.CLAIM), ("ack", Verb.ACKNOWLEDGE)):
        if column in row:
            verb, who = word, row[column]
            before = row.get(f"{column}_before_s")
            act_ns = t_ns + row["act_min"] * MIN_NS if before is None else start_ns - int(before * NS_PER_S)
    if "live_ack_min" in row:
        act_ns = start_ns + row["live_ack_min"] * MIN_NS
    elif not act_ns:
        act_ns = t_ns + LATE_ACK_MIN * MIN_NS
    if act_ns >= start_ns:
        if row.get("priority") == Priority.URGENT:
            return ()
        act_ns = max(act_ns, max(t_ns, start_ns) + int(LIVE_ACK_MIN[0] * MIN_NS))
        who = people.COLLEAGUE
    return (CrewAct(act_ns, key, verb, who),)


def _disturbances(row: Row, t_ns: int, end_ns: int) -> tuple[Disturbance, ...]:
    begin_ns = t_ns - int(RAMP_S * NS_PER_S)
    if "lost" in row:
        silent = [
            d.id
            for d in stations.definitions()
            if d.gauge.kind == "air"
            and d.gauge.index > 0
            and geography.ward_on(d.gauge.ward, "2025-07-01") == "nam-dong-ha"
        ]
        return (Disturbance(tuple(silent[: row["lost"]]), t_ns, end_ns, None, Quality.DISCONNECTED),)
    for kind in ("air", "traffic"):
        if kind in row:
            gauge = next(g for g in stations.gauges() if g.kind == kind and g.name.vi == row[kind])
            break
    else:
        if "data_centre" not in row:
            return ()
        gauge = next(g for g in stations.gauges() if g.kind == "data_centre" and g.index == row["data_centre"])
    return tuple(
        Disturbance((f"{gauge.id}.{parameter}",), begin_ns, end_ns, float(peak))
        for parameter, peak in row.get("bump", {}).items()
    )
