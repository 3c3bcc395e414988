"""The city as committed: records by feed, feed health, link, actions. GUI thread only.

`apply` takes what the pump drained and tells listeners once for each feed that changed, however many
records moved: tiles repaint on a clock, not on arrival. Nothing here knows whether the data is live,
demo or replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QObject, Signal

from backends.domain.access import NOBODY, AccessAnswer, AccountsTold, Grant, Revealed
from backends.domain.action import ActionStatus, Stage, Verb
from backends.domain.alarm import Alarm, Priority, highest_unacknowledged
from backends.domain.camera import Camera
from backends.domain.coverage import AT_WORK, Coverage
from backends.domain.feeds import FEEDS, FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.handover_sheet import LOG_ENTRY
from backends.domain.incident import TimelineEvent
from backends.domain.indicator import Indicator
from backends.domain.overload import AlarmLoad, load_of, operators_on_duty
from backends.domain.people import Operator, Role
from backends.domain.ports import (
    Changes,
    Delivery,
    FiguresPart,
    LinkStatus,
    NewSamples,
    SeriesPart,
    SmallPicture,
    StoreTrouble,
)
from backends.domain.quality import Quality, Value
from backends.domain.report import Report
from backends.domain.sensor import Sample, Sensor
from backends.domain.times import NS_PER_S
from backends.domain.turning import TurnStatus
from widgets.models.alarm_order import AlarmBook

LOCAL_FEED = "local"
"""Alarms of the station itself: same record and list, works without the hub."""

_ALARM_FEEDS = frozenset({"alarms", LOCAL_FEED})
_AHEAD_NS = 5 * NS_PER_S
"""So old may be what the link last said of the hub's time."""
_TIMELINE_KEPT = 500
_LOGBOOK_KEPT = 1000


class CityModel(QObject):
    """All that tiles read, apart from pictures and history."""

    alarmsMoved = Signal(object)
    """Before `feedsChanged`: which alarms of both feeds this drain touched, and what they are now (`Moves`; also those
    that no list shows, and those whose last click moved). What follows alarms one by one need not look at all."""
    feedsChanged = Signal(frozenset)
    """Names of the feeds whose records changed in this drain; also "local" and "samples"."""
    healthChanged = Signal()
    """A feed's quality, the link's or the store's state changed. Lag and rates move all the time: read them
    once a second."""
    actionChanged = Signal(object)
    """An ActionStatus moved."""
    grantChanged = Signal()
    """Another person sits here, the screen was locked or unlocked, rights changed, or a briefing began or ended."""
    accessAnswered = Signal(object)
    """An AccessAnswer, a Revealed or an AccountsTold for whoever asked with its request number. Kept nowhere."""
    seriesArrived = Signal(object)
    """A SeriesPart for whoever asked with its request number."""
    figuresArrived = Signal(object)
    """A FiguresPart for whoever asked with its request number. Kept nowhere."""
    pictureArrived = Signal(object)
    """A SmallPicture for whoever wanted it. Kept nowhere."""

    turnChanged = Signal(str)
    """Id of a camera: what becomes of turning it from here."""

    def __init__(self, mode: Mode = Mode.LIVE) -> None:
        super().__init__()
        self._records: dict[str, dict[str, Any]] = {name: {} for name in (*FEEDS, LOCAL_FEED)}
        self._moves: Counter[str] = Counter()
        self.statuses: dict[str, FeedStatus] = {}
        self.link = LinkStatus(state=LinkState.CONNECTING, mode=mode, t_since_ns=0)
        self.trouble: StoreTrouble | None = None
        self.grant: Grant = NOBODY
        """Who is signed in here, and what he may do."""
        self.briefing = False
        """Visitors look at the screen: what concerns citizens personally is hidden, on every window."""
        self.last: dict[str, Value] = {}
        """Newest value of each series."""
        self.pending: dict[tuple[str, str], ActionStatus] = {}
        """By (feed, target): the latest action that has not reached a final stage, or failed visibly."""
        self.step_clicks: dict[tuple[str, str], ActionStatus] = {}
        """By (alarm, step of its procedure): as `pending`. Apart, so that a tick is in the way of no other act."""
        self.turning: dict[str, TurnStatus] = {}
        """Cameras that are or were turned from this station, by id: the newest word on each."""
        self.unstored: set[str] = set()
        """Ids of alarms that are shown, but could not be stored."""
        self.logbook: dict[str, TimelineEvent] = {}
        """Entries of the logbook, by id, the oldest first: kept longer than the rest of the timeline."""
        self.book = AlarmBook()
        """Alarms in list order, counted, and by camera. To be read only."""
        self.load = AlarmLoad()
        """How many alarms come in, as `weigh` found it last."""
        self.coverage = Coverage()
        """Who looks after what, as the roster has it."""
        self._moved: dict[str, Alarm | None] = {}

    # -- reading -----------------------------------------------------------------------------------

    def records(self, feed: str) -> dict[str, Any]:
        """All records of a feed by id. Do not change it."""
        return self._records[feed]

    def moves(self, *feeds: str) -> tuple[int, ...]:
        """Of each feed a number that is another one as soon as its records are: what was made of them is made anew
        only then."""
        return tuple(self._moves[feed] for feed in feeds)

    def alarms(self) -> list[Alarm]:
        """City and station alarms in list order, without those kept quiet by design. It changes with the next drain;
        do not change it."""
        return self.book.alarms

    def highest_alarm(self) -> Alarm | None:
        return highest_unacknowledged(self.alarms()[:1])

    def unacknowledged_counts(self) -> dict[Priority, int]:
        return self.book.counts

    def weigh(self, now_ns: int) -> AlarmLoad:
        """How many alarms have come in lately, for each operator on duty. Whoever shows it asks, however often."""
        people = operators_on_duty(self._records["stations"].values(), self._records["roster"].values())
        self.load = load_of(self.load, self.book.raised, now_ns, people)
        return self.load

    def alarm(self, alarm_id: str) -> Alarm | None:
        found: Alarm | None = self._records["alarms"].get(alarm_id) or self._records[LOCAL_FEED].get(alarm_id)
        return found

    def is_mine(self, alarm: Alarm) -> bool:
        """It is for the person here to see to, or for everybody: he covers it or has it in hand, nobody covers it, or
        it has gone to the shift lead and he is that. Nobody is signed in, or one who sees to no alarms: all are."""
        return self.is_of(self.grant.operator_id, self.grant.role, alarm)

    def is_of(self, person_id: str, role: Role, alarm: Alarm) -> bool:
        """The same of anybody who sits at a station."""
        if not person_id or role not in AT_WORK or alarm.holder_id == person_id:
            return True
        if alarm.t_escalated_ns and self.coverage.takes_escalated(role):
            return True
        return self.coverage.includes(person_id, alarm)

    def escalated_here(self, alarm: Alarm) -> bool:
        """Nobody has seen to it in time, and it is now for the person here."""
        return alarm.t_escalated_ns > 0 and self.coverage.takes_escalated(self.grant.role)

    def alarm_of_camera(self, camera_id: str) -> Alarm | None:
        """The gravest alarm in whose place this camera looks, None when there is none."""
        return self.book.at_camera(camera_id)

    def camera(self, camera_id: str) -> Camera | None:
        return self._records["cameras"].get(camera_id)

    def camera_by_number(self, number: str) -> Camera | None:
        return next((c for c in self._records["cameras"].values() if c.number == number), None)

    def sensor(self, sensor_id: str) -> Sensor | None:
        return self._records["sensors"].get(sensor_id)

    def reports(self) -> list[Report]:
        return list(self._records["reports"].values())

    def indicators(self) -> list[Indicator]:
        return list(self._records["indicators"].values())

    def operator(self) -> Operator | None:
        """Who is signed in here, as the roster has it."""
        return self._records["roster"].get(self.grant.operator_id)

    def value(self, series: str) -> Value | None:
        """Newest value of a series, with its own quality: whether the feed is alive is `quality`'s to say."""
        value = self.last.get(series)
        if value is None:
            sensor = self.sensor(series)
            value = sensor.last if sensor is not None else None
        return value

    @property
    def feeds(self) -> list[str]:
        """Names of the feeds that there are: one that a hub may leave out counts when it has one."""
        return [name for name, spec in FEEDS.items() if not spec.optional or name in self.statuses]

    def quality(self, feed: str) -> FeedQuality:
        status = self.statuses.get(feed)
        return status.quality if status is not None else FeedQuality.STORED

    def stale_since_ns(self, feeds: Iterable[str]) -> int | None:
        """None when all `feeds` are live; else the session time since which one of them is not."""
        worst: int | None = None
        for name in feeds:
            status = self.statuses.get(name)
            if status is None:
                return 0
            if status.quality in (FeedQuality.STALE, FeedQuality.STORED):
                worst = status.t_fresh_ns if worst is None else min(worst, status.t_fresh_ns)
        return worst

    @property
    def shows_personal_data(self) -> bool:
        """What citizens wrote in their own words may be read on this screen now."""
        return self.grant.sees_personal_data and not self.briefing

    def set_briefing(self, on: bool) -> None:
        """Everything that watches the grant hears of it."""
        if on is not self.briefing:
            self.briefing = on
            self.grantChanged.emit()

    # -- writing -----------------------------------------------------------------------------------

    def apply(self, deliveries: Iterable[Delivery]) -> None:  # noqa: PLR0912  # one case a kind of delivery
        """Take a drain's worth; signals go out once, after all of it is in."""
        changed: set[str] = set()
        health = granted = False
        answers: list[AccessAnswer | Revealed | AccountsTold] = []
        for delivery in deliveries:
            if isinstance(delivery, Changes):
                self._apply_changes(delivery)
                changed.add(delivery.feed)
            elif isinstance(delivery, NewSamples):
                self._apply_samples(delivery.samples)
                changed.add("samples")
            elif isinstance(delivery, FeedStatus):
                before = self.statuses.get(delivery.feed)
                self.statuses[delivery.feed] = delivery
                health = health or before is None or before.quality is not delivery.quality
            elif isinstance(delivery, LinkStatus):
                health = health or _shown(self.link) != _shown(delivery)
                self.link = delivery
            elif isinstance(delivery, ActionStatus):
                self._apply_action(delivery)
                changed.add(delivery.action.feed)
            elif isinstance(delivery, StoreTrouble):
                self.trouble = delivery if delivery.code else None
                health = True
            elif isinstance(delivery, Grant):
                granted = granted or delivery != self.grant
                self.grant = delivery
            elif isinstance(delivery, AccessAnswer | Revealed | AccountsTold):
                answers.append(delivery)
            elif isinstance(delivery, SeriesPart):
                self.seriesArrived.emit(delivery)
            elif isinstance(delivery, FiguresPart):
                self.figuresArrived.emit(delivery)
            elif isinstance(delivery, SmallPicture):
                self.pictureArrived.emit(delivery)
            elif isinstance(delivery, TurnStatus):
                self.turning[delivery.camera_id] = delivery
                self.turnChanged.emit(delivery.camera_id)
        if "roster" in changed:
            self.coverage = Coverage(self._records["roster"].values())
        if self._moved:
            moved, self._moved = self._moved, {}
            self.book.change(moved)
            self.alarmsMoved.emit(moved)
        if changed:
            self.feedsChanged.emit(frozenset(changed))
        if health:
            self.healthChanged.emit()
        if granted:
            self.grantChanged.emit()
        for answer in answers:
            self.accessAnswered.emit(answer)

    def _apply_samples(self, samples: Iterable[Sample]) -> None:
        """A gauge may send afterwards what it had kept: a newer value stays, unless a clock that is ahead left it."""
        now_ns = self.link.now_ns + _AHEAD_NS
        for sample in samples:
            known = self.value(sample.series)
            if known is None or sample.t_ns >= known.t_ns or known.t_ns > now_ns:
                self.last[sample.series] = Value(sample.t_ns, sample.value, Quality(sample.quality))

    def _apply_changes(self, changes: Changes) -> None:
        records = self._records.setdefault(changes.feed, {})
        self._moves[changes.feed] += 1
        alarms = changes.feed in _ALARM_FEEDS
        if changes.reset:
            if alarms:
                self._moved |= dict.fromkeys(records)
            records.clear()
        for record in changes.put:
            records[record.id] = record
            if alarms:
                self._moved[record.id] = record
            if changes.feed == "alarms":
                (self.unstored.discard if changes.stored else self.unstored.add)(record.id)
        for key in changes.deleted:
            records.pop(key, None)
            self.pending.pop((changes.feed, key), None)
            if changes.feed == "alarms":
                self._forget_steps(key)
            if alarms:
                self._moved[key] = None
        if changes.feed == "timeline":
            self.logbook |= {event.id: event for event in changes.put if event.what == LOG_ENTRY}
            _shorten(self.logbook, _LOGBOOK_KEPT)
            _shorten(records, _TIMELINE_KEPT)

    def _apply_action(self, status: ActionStatus) -> None:
        action = status.action
        pending, key = self.pending, (action.feed, action.target)
        if action.verb is Verb.STEP:
            pending, key = self.step_clicks, (action.target, action.args.get("step", ""))
        if status.stage in (Stage.APPLIED, Stage.DUPLICATE):
            current = pending.get(key)
            if current is not None and current.action.aid == action.aid:
                del pending[key]
        else:
            # Conflict, refusal and expiry stay visible on the row until the next click on it.
            pending[key] = status
        if action.feed in _ALARM_FEEDS:
            self._moved[action.target] = self._records[action.feed].get(action.target)
        self.actionChanged.emit(status)

    def _forget_steps(self, alarm_id: str) -> None:
        for key in [key for key in self.step_clicks if key[0] == alarm_id]:
            del self.step_clicks[key]


def _shorten(records: dict[str, Any], most: int) -> None:
    """The oldest go."""
    for key in list(records)[: max(0, len(records) - most)]:
        del records[key]


def _shown(link: LinkStatus) -> tuple[object, ...]:
    """What of the link is news to a window; its clock is not."""
    return (link.state, link.mode, link.t_since_ns, link.server, link.reason, link.queued)
