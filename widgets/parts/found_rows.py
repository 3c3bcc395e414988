"""What a found thing looks like in a row, as it stands now. Pure but for the language on screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from backends.domain.place import Area
from backends.domain.quality import Quality
from backends.domain.sensor import band_of
from widgets import format as fmt
from widgets.commands import COMMANDS, told_keys
from widgets.i18n import Language, language, local, tr
from widgets.models.camera_seen import seen_of
from widgets.models.reports import sla_of
from widgets.parts.alarm_words import state_words
from widgets.parts.panel_rows import Row
from widgets.search.finder import Kind
from widgets.search.index import Item
from widgets.session import Session


def row_of(session: Session, item: Item) -> Row:
    """The row of `item`; of a thing that has just gone, its name."""
    made = _ROWS[Kind(item.kind)](session, item)
    head = tr(f"search_kind.{item.kind}")
    title = made.pop("title", "") or item.names[0]
    return Row(item.key, title, head, **made)


Words = dict[str, Any]
_PARTS = re.compile("[:;] ")
"""Between what a command does and what else is to be known of it."""


def _camera(session: Session, item: Item) -> Words:
    camera = session.city.camera(item.id)
    if camera is None:
        return {}
    seen = seen_of(camera, None, session.clock.now_ns())
    area = session.city.records("config").get(camera.area_id)
    place = local(area.name) if isinstance(area, Area) else ""
    title = f"{camera.number} {local(camera.name)}"
    return {"title": title, "place": place, "state": seen.words, "strong_state": seen.trouble}


def _alarm(session: Session, item: Item) -> Words:
    alarm = session.city.alarm(item.id)
    if alarm is None:
        return {}
    asks = alarm.unacknowledged
    words = {"title": local(alarm.name), "place": local(alarm.place), "state": state_words(alarm)}
    return {**words, "strong_state": asks, "priority": alarm.priority, "filled": asks}


def _report(session: Session, item: Item) -> Words:
    report = session.city.records("reports").get(item.id)
    if report is None:
        return {}
    words = {"title": f"{report.id} {local(report.title)}", "place": local(report.place)}
    if not report.state.open:
        return {**words, "state": tr(f"reports.state.{report.state.value}")}
    sla = sla_of(report, session.clock.now_ns())
    return {**words, "state": sla.words, "strong_state": sla.overdue}


def _sensor(session: Session, item: Item) -> Words:
    sensor = session.city.sensor(item.id)
    if sensor is None:
        return {}
    words = {"title": local(sensor.name), "place": local(sensor.station)}
    newest = session.city.value(sensor.id)
    if newest is None or newest.value is None:
        return {**words, "state": tr("stale.never")}
    value = fmt.with_unit(fmt.number(newest.value, sensor.decimals), sensor.unit)
    if sensor.bands:
        value += f" · {local(band_of(sensor.bands, newest.value).name)}"
    if newest.quality is not Quality.GOOD:
        return {**words, "state": f"{value} · {tr(f'plot.quality.{newest.quality}')}", "strong_state": True}
    return {**words, "state": f"{value} · {fmt.event_minutes(newest.t_ns, session.clock.now_ns())}"}


def _indicator(session: Session, item: Item) -> Words:
    one = session.city.records("indicators").get(item.id)
    if one is None:
        return {}
    value = fmt.number(one.value, one.decimals) if one.value is not None else tr("stale.never")
    at = fmt.event_minutes(one.t_as_of_ns, session.clock.now_ns())
    state = f"{fmt.with_unit(value, local(one.unit))} · {at}"
    return {"title": local(one.name), "state": state, "strong_state": one.bad}


def _agency(session: Session, item: Item) -> Words:
    agency = session.city.records("config").get(item.id)
    now_ns = session.clock.now_ns()
    open_ones = [r for r in session.city.reports() if r.state.open and r.agency_id == item.id]
    late = sum(report.t_due_ns < now_ns for report in open_ones)
    key = "search.open_late" if late else "search.open"
    title = local(agency.name) if agency is not None else ""
    return {"title": title, "state": tr(key, n=len(open_ones), late=late), "strong_state": bool(late)}


def _area(session: Session, item: Item) -> Words:
    area = session.city.records("config").get(item.id)
    cameras = sum(camera.area_id == item.id for camera in session.city.records("cameras").values())
    title = local(area.name) if area is not None else ""
    return {"title": title, "state": tr("camera_list.count", n=cameras) if cameras else ""}


def _procedure(session: Session, item: Item) -> Words:
    one = session.city.records("config").get(item.id)
    return {"title": local(one.name), "state": tr("procedures.count", n=len(one.steps))} if one is not None else {}


def _phone(session: Session, item: Item) -> Words:
    one = session.city.records("config").get(item.id)
    if one is None:
        return {}
    return {
        "title": local(one.name),
        "state": one.number or tr("procedures.no_number"),
        "strong_state": bool(one.number),
    }


def _layout(_session: Session, item: Item) -> Words:
    return {"title": item.names[-1 if language() is Language.EN else 0], "state": item.number}


def _command(session: Session, item: Item) -> Words:
    command = COMMANDS[item.id]
    refused = session.city.grant.refusal(command.right) if command.right is not None else ""
    state = tr(f"access.why.{refused}") if refused else told_keys(command)
    title, *more = _PARTS.split(tr(f"command.{item.id}"), maxsplit=1)
    return {"title": title, "place": "".join(more), "state": state, "strong_state": bool(refused)}


def _help(_session: Session, item: Item) -> Words:
    return {"title": tr(f"command_group.{item.id}")}


_ROWS: dict[Kind, Callable[[Session, Item], Words]] = {
    Kind.CAMERA: _camera,
    Kind.ALARM: _alarm,
    Kind.LAYOUT: _layout,
    Kind.COMMAND: _command,
    Kind.SENSOR: _sensor,
    Kind.AREA: _area,
    Kind.REPORT: _report,
    Kind.AGENCY: _agency,
    Kind.INDICATOR: _indicator,
    Kind.PROCEDURE: _procedure,
    Kind.PHONE: _phone,
    Kind.HELP: _help,
}
