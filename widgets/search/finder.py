"""What can be found of the city and the program, kept as it is now.

Records are looked at when somebody searches, and a few each second before that, so that the first query of a shift
does not wait for all of them; what has not changed since costs a comparison. Citizens' own words are not among what is
found: they are personal data. GUI thread only. Must not: draw, or do what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from backends.domain.alarm import Alarm, AlarmState
from backends.domain.camera import Camera
from backends.domain.indicator import Indicator
from backends.domain.place import Agency, Area
from backends.domain.procedure import Phone, Procedure
from backends.domain.report import Report
from backends.domain.sensor import Sensor
from backends.domain.text import LocalText
from layouts.spec import Layout
from widgets.commands import COMMANDS, Context, told_keys
from widgets.i18n import both
from widgets.memory import Memory
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.search.index import CALM, Item, Key, SearchIndex

RECENT_MOST = 12
A_SECOND = 100
"""Records that are taken in each second while nobody searches: a few milliseconds."""
A_SEARCH = 1500
"""And at most before a query is answered, so that the first one after a start does not hold up the screen."""
_RECENT = "search.recent"
"""What the memory calls the keys of what was used last."""
_QUIET = frozenset({AlarmState.NORMAL, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE})


class Kind(StrEnum):
    """Of what is found, in the order in which they come where all else is equal."""

    CAMERA = "camera"
    ALARM = "alarm"
    LAYOUT = "layout"
    COMMAND = "command"
    SENSOR = "sensor"
    AREA = "area"
    REPORT = "report"
    AGENCY = "agency"
    INDICATOR = "indicator"
    PROCEDURE = "procedure"
    PHONE = "phone"
    HELP = "help"
    """The keys of one context."""


_RANK = {kind: rank for rank, kind in enumerate(Kind)}


class Finder:
    """One a wall."""

    def __init__(self, city: CityModel, memory: Memory, layouts: Iterable[Layout]) -> None:
        self._city, self._memory = city, memory
        self.index = SearchIndex()
        self._makers: dict[str, Callable[[Any], Item | None]] = {
            "config": _place,
            "cameras": self._camera,
            "alarms": self._alarm,
            LOCAL_FEED: self._alarm,
            "sensors": self._sensor,
            "reports": _report,
            "indicators": _indicator,
        }
        self._seen: dict[str, dict[str, Any]] = {feed: {} for feed in self._makers}
        self._keys: dict[tuple[str, str], Key] = {}
        """(feed, record id) -> what is in the index for it."""
        self._dirty = set(self._makers)
        offered = (*map(_layout, layouts), *_of_program())
        for item in offered:
            self.index.put(item)
        self._program = [item.key for item in offered if item.kind != Kind.HELP]
        city.feedsChanged.connect(self._on_feeds)

    # -- what there is -------------------------------------------------------------------------------

    def _on_feeds(self, changed: frozenset[str]) -> None:
        self._dirty |= changed & self._makers.keys()

    def sync(self, most: int = 0) -> None:
        """Take in what changed; `most`: so many records at most (0 = all), the rest stays for the next time."""
        left = most
        for feed in self._makers:  # the areas first: others are found by their names, and become dirty with them
            if feed not in self._dirty:
                continue
            taken = self._sync(feed, left if most else 0)
            left -= taken
            if most and left <= 0:
                return

    def _sync(self, feed: str, most: int) -> int:
        """Returns how many records were taken; fewer than `most`, or `most` = 0: the feed is in."""
        records, seen, taken = self._city.records(feed), self._seen[feed], 0
        for key, record in records.items():
            if seen.get(key) is record:
                continue
            if feed == "config" and _names_moved(seen.get(key), record):
                self._again("cameras", "sensors", "alarms", LOCAL_FEED)  # they are found by the names of their areas
            seen[key] = record
            self._put(feed, key, self._makers[feed](record))
            taken += 1
            if most and taken >= most:
                return taken
        if len(seen) > len(records):
            for key in seen.keys() - records.keys():
                del seen[key]
                self._put(feed, key, None)
        self._dirty.discard(feed)
        return taken

    def _again(self, *feeds: str) -> None:
        for feed in feeds:
            self._dirty.add(feed)
            self._seen[feed] = dict.fromkeys(self._seen[feed])

    def _put(self, feed: str, record_id: str, item: Item | None) -> None:
        if item is not None:
            self._keys[feed, record_id] = item.key
            self.index.put(item)
        elif (key := self._keys.pop((feed, record_id), None)) is not None:
            self.index.remove(key)

    # -- finding -------------------------------------------------------------------------------------

    @property
    def filling(self) -> bool:
        """Not all records have been taken in yet: what is not found may be there."""
        return bool(self._dirty)

    def find(self, typed: str, most: int) -> list[Item]:
        """Best first; for an empty query what was used last, then layouts and commands."""
        self.sync(A_SEARCH)
        recent = self.recent()
        if not typed.strip():
            keys = dict.fromkeys((*recent, *self._program))
            return [item for key in keys if (item := self.index.get(key)) is not None][:most]
        return self.index.find(typed, most, (*recent, *self._marked()))

    def recent(self) -> list[Key]:
        """What was used last, the newest first."""
        pairs = (line.partition(":") for line in self._memory.get(_RECENT).splitlines())
        return [(kind, ident) for kind, _, ident in pairs]

    def used(self, item: Item) -> None:
        keys = [item.key, *(key for key in self.recent() if key != item.key)]
        lines = [f"{kind}:{ident}" for kind, ident in keys[:RECENT_MOST] if "\n" not in ident]
        self._memory.set(_RECENT, "\n".join(lines))

    def _marked(self) -> list[Key]:
        """Cameras that who sits here has marked in the camera list."""
        marked = self._memory.get(f"camera_list.marked:{self._city.grant.operator_id}").split()
        return [(Kind.CAMERA, ident) for ident in marked]

    # -- records as items ----------------------------------------------------------------------------

    def _area(self, area_id: str) -> tuple[str, ...]:
        area = self._city.records("config").get(area_id)
        return _texts(area.name) if isinstance(area, Area) else ()

    def _camera(self, camera: Camera) -> Item:
        near = (*self._area(camera.area_id), *_kind(Kind.CAMERA))
        return Item(Kind.CAMERA, camera.id, _texts(camera.name), camera.number, near, rank=_RANK[Kind.CAMERA])

    def _alarm(self, alarm: Alarm) -> Item | None:
        if alarm.state in _QUIET:
            return None
        near = (*_texts(alarm.place), *self._area(alarm.area_id), *_kind(Kind.ALARM))
        urgency = alarm.priority.rank if alarm.unacknowledged else CALM
        return Item(Kind.ALARM, alarm.id, _texts(alarm.name), "", near, urgency, _RANK[Kind.ALARM])

    def _sensor(self, sensor: Sensor) -> Item:
        near = (*_texts(sensor.station), *self._area(sensor.area_id), *_kind(Kind.SENSOR))
        return Item(Kind.SENSOR, sensor.id, _texts(sensor.name), "", near, rank=_RANK[Kind.SENSOR])


def _texts(*words: LocalText) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for each in words for text in (each.vi, each.en) if text)) or ("",)


def _kind(kind: Kind) -> tuple[str, ...]:
    """ "camera 68" finds it too."""
    return _texts(both(f"search_kind.{kind}"))


def _names_moved(before: Any, now: Any) -> bool:
    return isinstance(now, Area) and not (isinstance(before, Area) and before.name == now.name)


def _place(record: Any) -> Item | None:
    if isinstance(record, Area):
        return Item(Kind.AREA, record.id, _texts(record.name), "", _kind(Kind.AREA), rank=_RANK[Kind.AREA])
    if isinstance(record, Agency):
        return Item(Kind.AGENCY, record.id, _texts(record.name), "", _kind(Kind.AGENCY), rank=_RANK[Kind.AGENCY])
    if isinstance(record, Procedure):
        return Item(
            Kind.PROCEDURE, record.id, _texts(record.name), "", _kind(Kind.PROCEDURE), rank=_RANK[Kind.PROCEDURE]
        )
    if isinstance(record, Phone):
        return Item(
            Kind.PHONE, record.id, _texts(record.name), record.number, _kind(Kind.PHONE), rank=_RANK[Kind.PHONE]
        )
    return None


def _report(report: Report) -> Item:
    near = (*_texts(report.category_name, report.agency, report.place), *_kind(Kind.REPORT))
    # Closed ones come after everything: they are found to be looked up, not to be worked on.
    rank = _RANK[Kind.REPORT] if report.state.open else len(Kind)
    return Item(Kind.REPORT, report.id, _texts(report.title), report.id, near, rank=rank)


def _indicator(indicator: Indicator) -> Item:
    near = _kind(Kind.INDICATOR)
    return Item(Kind.INDICATOR, indicator.id, _texts(indicator.name), "", near, rank=_RANK[Kind.INDICATOR])


def _layout(layout: Layout) -> Item:
    names = tuple(name for name in (layout.name.vi, layout.name.en) if name)
    return Item(Kind.LAYOUT, layout.id, names, layout.key, _kind(Kind.LAYOUT), rank=_RANK[Kind.LAYOUT])


def _of_program() -> Iterable[Item]:
    for command in COMMANDS.values():
        if command.offered:
            names, near = _texts(both(f"command.{command.id}")), _kind(Kind.COMMAND)
            yield Item(Kind.COMMAND, command.id, names, told_keys(command), near, rank=_RANK[Kind.COMMAND])
    for context in Context:
        names, near = _texts(both(f"command_group.{context}")), _kind(Kind.HELP)
        yield Item(Kind.HELP, context, names, "", near, rank=_RANK[Kind.HELP])
