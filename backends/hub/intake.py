"""World events in, changes out: records to their feeds, samples and conditions to the alarm engine.

The hub owns `rev` and `state_rev` of every record: what a source says about them is not believed.
Pure but for its own memory; no clock, no log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from backends.domain import report_moves
from backends.domain.alarm import Alarm
from backends.domain.camera import Camera
from backends.domain.definition import PLAIN, Definition
from backends.domain.people import Operator, Station
from backends.domain.place import ConfigRecord, SlaRule
from backends.domain.procedure import Phone, Procedure
from backends.domain.report import Report, ReportState
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.setting_agencies import placed
from backends.domain.setting_limits import kind_of, set_limits
from backends.domain.settings import LIMITS, SETTING, Setting
from backends.domain.times import NS_PER_S
from backends.domain.world import (
    CameraMoved,
    Condition,
    CrewAct,
    Directory,
    IndicatorMoved,
    Measured,
    ReportMoved,
    SensorMoved,
    WorldEvent,
)
from backends.hub import timeline
from backends.hub.engine import LIMIT_PREFIX, AlarmEngine
from backends.hub.ports import Change
from backends.hub.silence import PREFIX, Silence

RECORD_FEEDS = ("cameras", "sensors", "indicators", "roster", "stations", "config", "reports", "layouts", "handovers")
MOST_STARS = 5


class Intake:
    """What the hub knows of the city, and how an event changes it."""

    def __init__(
        self, alarms: Iterable[Alarm] = (), define: Callable[[str, Sensor | None], Definition] = lambda *_: PLAIN,
        limits: Callable[[Sensor], Sensor] = lambda sensor: sensor,
    ) -> None:  # fmt: skip
        self._limits = limits
        self.engine = AlarmEngine(alarms, define)
        self._silence = Silence()
        self._know_silence()
        self._records: dict[str, dict[str, Any]] = {feed: {} for feed in RECORD_FEEDS}
        self._revs: dict[tuple[str, str], int] = {}
        self._samples: list[Sample] = []
        self._of_kinds: dict[str, tuple[Setting, tuple[Limit, ...]]] = {}

    # --- what it knows ---------------------------------------------------------------------------

    def restore(self, feed: str, record: Any, rev: int) -> None:
        """An item of the log, at start."""
        self._records[feed][record.id] = record
        self._revs[(feed, record.id)] = rev
        if feed == "sensors":
            self._watch(record)

    def recall(self, memory: str) -> list[Change]:
        """What was in its on-delay when the hub before ended (see AlarmEngine.memory), at start."""
        changes = self.engine.recall(memory)
        self._know_silence()
        return changes

    def _know_silence(self) -> None:
        told = self.engine.told(PREFIX).items()
        # One that has returned, or is about to, is told anew while the series stays silent.
        self._silence.standing(key for key, alarm in told if alarm.active and not alarm.t_clear_ns)

    def records(self, feed: str) -> dict[str, Any]:
        """A feed's records by id. Not to be changed."""
        return self._records[feed]

    def rev(self, feed: str, id_: str) -> int:
        """The newest rev of a record, gone or not; 0 = there never was one."""
        return self._revs.get((feed, id_), 0)

    def highest(self, feed: str, prefix: str) -> int:
        """The highest number of the ids that are `prefix` and digits, gone or not; 0 = there is none."""
        digits = (id_[len(prefix) :] for name, id_ in self._revs if name == feed and id_.startswith(prefix))
        return max((int(one) for one in digits if one.isascii() and one.isdigit()), default=0)

    def operator(self, operator_id: str) -> Operator | None:
        found: Operator | None = self._records["roster"].get(operator_id)
        return found

    def operator_at(self, station_id: str, now_ns: int) -> Operator | None:
        """Who is on duty at a seat: as the seat's record says, else whoever the roster puts there now."""
        seat: Station | None = self._records["stations"].get(station_id)
        if seat is not None and seat.operator_id:
            return self.operator(seat.operator_id)
        there = [o for o in self._records["roster"].values() if o.station_id == station_id]
        on_duty = [o for o in there if o.t_on_ns <= now_ns]
        return max(on_duty or there, key=lambda o: (o.t_on_ns, o.id), default=None)

    # --- what happens ----------------------------------------------------------------------------

    def directory(self, directory: Directory, t_ns: int) -> list[Change]:
        """The city as it is now; only what differs from what is known is written."""
        changes: list[Change] = []
        for feed, records in (
            ("config", directory.config),
            ("roster", directory.operators),
            ("stations", directory.stations),
            ("cameras", directory.cameras),
            ("sensors", directory.sensors),
            ("indicators", directory.indicators),
        ):
            known = {record.id for record in records}
            for id_ in [id_ for id_ in self._records[feed] if id_ not in known]:
                changes += self._forget(feed, id_, t_ns)
            for record in records:
                changes += self.put(feed, record, t_ns)
        return changes

    def cameras(self, cameras: Iterable[Camera], stay: Collection[str], t_ns: int) -> list[Change]:
        """All cameras that there are; others are gone, but for those whose ids are in `stay`."""
        listed = {camera.id: camera for camera in cameras}
        gone = [id_ for id_ in self._records["cameras"] if id_ not in listed and id_ not in stay]
        changes = [change for id_ in gone for change in self._forget("cameras", id_, t_ns)]
        for camera in listed.values():
            changes += self.put("cameras", _as_seen(camera, self._records["cameras"].get(camera.id)), t_ns)
        return changes

    def procedures(self, records: Iterable[ConfigRecord], t_ns: int) -> list[Change]:
        """All procedures and telephone numbers that there are, of the hub's own files; others are gone."""
        listed = {record.id: record for record in records}
        known = self._records["config"].items()
        gone = [id_ for id_, one in known if isinstance(one, Procedure | Phone) and id_ not in listed]
        changes = [change for id_ in gone for change in self._forget("config", id_, t_ns)]
        for record in listed.values():
            changes += self.put("config", record, t_ns)
        return changes

    def put(self, feed: str, record: Any, t_ns: int) -> list[Change]:
        """A record of a state feed; none if nothing but its rev differs."""
        if isinstance(record, Sensor):
            record = self._limited(record)
        old = self._records[feed].get(record.id)
        rev = self._revs.get((feed, record.id), 0)
        record = _with_rev(record, max(1, rev))
        if old is not None and record == old:
            return []
        if isinstance(record, Report):
            moved = old is not None and old.state is not record.state
            state_rev = old.state_rev + moved if old is not None else 1
            record = msgspec.structs.replace(record, state_rev=state_rev)
            if old is not None and record == old:
                return []
        rev += 1
        record = _with_rev(record, rev)
        self._records[feed][record.id] = record
        self._revs[(feed, record.id)] = rev
        changes = [Change(feed, "put", record.id, t_ns, record, rev)]
        if isinstance(record, Sensor):
            self._watch(record)
            changes += self.engine.judge_again(t_ns)
        return changes

    def _limited(self, sensor: Sensor) -> Sensor:
        """With the limits of files, where its source gives it none, and with those that were set at a screen."""
        own = set_limits(self.setting(LIMITS + sensor.id), of_kind=False)
        limits = (*self.given(sensor).limits, *self.of_kind(sensor), *own)
        return sensor if limits == sensor.limits else msgspec.structs.replace(sensor, limits=limits)

    def setting(self, target: str) -> Setting | None:
        """What was changed here of that record; None: nothing ever."""
        found = self._records["config"].get(SETTING + target)
        return found if isinstance(found, Setting) else None

    def of_kind(self, sensor: Sensor) -> tuple[Limit, ...]:
        """What was set for its kind: the same for all of them, and made once."""
        if (setting := self.setting(kind_of(sensor))) is None:
            return ()
        known = self._of_kinds.get(setting.id)
        if known is None or known[0] is not setting:
            known = self._of_kinds[setting.id] = (setting, set_limits(setting, of_kind=True))
        return known[1]

    def given(self, sensor: Sensor) -> Sensor:
        """As its source and the files have it, without what was set at a screen."""
        own = tuple(one for one in sensor.limits if not one.by)
        return self._limits(sensor if own == sensor.limits else msgspec.structs.replace(sensor, limits=own))

    def relimit(self, t_ns: int) -> list[Change]:
        """The files of limits may be others than those that the log's sensors were given theirs by.

        Alarms whose limits, or sensors, have gone while no hub ran end here.
        """
        sensors = list(self._records["sensors"].values())
        changes = [change for sensor in sensors for change in self.put("sensors", sensor, t_ns)]
        for key in self.engine.told(LIMIT_PREFIX):
            if (series := key.removeprefix(LIMIT_PREFIX)) not in self._records["sensors"]:
                changes += self.engine.forget(series, t_ns)
        return changes + self.engine.judge_again(t_ns)

    def _watch(self, sensor: Sensor) -> None:
        self.engine.watch(sensor)
        if not sensor.derived:  # what it is worked out from is missed instead
            self._silence.plan(sensor)

    def let_go(self, feed: str, ids: Iterable[str], t_ns: int) -> list[Change]:
        """These records leave their feed."""
        return [change for id_ in ids for change in self._forget(feed, id_, t_ns)]

    def _forget(self, feed: str, id_: str, t_ns: int) -> list[Change]:
        changes: list[Change] = []
        if feed == "sensors":
            self._silence.forget(id_)
            changes = self.engine.forget(id_, t_ns)
        del self._records[feed][id_]
        rev = self._revs[(feed, id_)] = self._revs[(feed, id_)] + 1
        return [Change(feed, "del", id_, t_ns, None, rev), *changes]

    def event(self, event: WorldEvent) -> list[Change]:
        """One thing that happened. Samples wait for `take_samples`."""
        match event:
            case Measured():
                return self._measured(event)
            case Condition():
                return self.engine.condition(event)
            case CrewAct():
                return self.engine.crew(event, self.operator)
            case ReportMoved(t_ns, report):
                return self._report(t_ns, report)
            case CameraMoved(t_ns, camera):
                return self.put("cameras", _pictured(camera, self._records["cameras"].get(camera.id)), t_ns)
            case IndicatorMoved(t_ns, indicator):
                return self.put("indicators", indicator, t_ns)
            case SensorMoved(t_ns, sensor):
                return self.put("sensors", sensor, t_ns)

    def tick(self, now_ns: int) -> list[Change]:
        """What time alone changes."""
        silent = [change for condition in self._silence.look(now_ns) for change in self.engine.condition(condition)]
        return silent + self.engine.tick(now_ns)

    def take_samples(self) -> list[Sample]:
        """All samples since the last call."""
        taken, self._samples = self._samples, []
        return taken

    def _measured(self, event: Measured) -> list[Change]:
        changes: list[Change] = []
        engine = self.engine
        self._samples += event.samples
        for sample in event.samples:
            self._silence.heard(sample.series, event.t_ns)
            if engine.watches(sample.series):
                changes += engine.sample(sample, event.t_ns)
        return changes

    def _report(self, t_ns: int, report: Report) -> list[Change]:
        old: Report | None = self._records["reports"].get(report.id)
        report = placed(self._due(report), self._records["config"], t_ns)
        changes = self.put("reports", _told(old, report, t_ns), t_ns)
        if changes and (old is None or old.state is not report.state):
            changes.append(timeline.of_report(changes[0].record, t_ns))
        if changes and old is not None and old.t_rated_ns != changes[0].record.t_rated_ns and changes[0].record.rating:
            changes.append(timeline.of_rating(changes[0].record, t_ns))
        return changes

    def _due(self, report: Report) -> Report:
        """A source's report, by the hours that were set here for its category where any were when it came; else by
        those of its source."""
        for setting in self._records["config"].values():
            if isinstance(setting, Setting) and (made := setting.standing(report.t_received_ns)) is not None:
                rule = made.record
                if isinstance(rule, SlaRule) and rule.category == report.category:
                    due_ns = report.t_received_ns + int(rule.hours * 3600 * NS_PER_S)
                    return msgspec.structs.replace(report, t_due_ns=due_ns)
        return report

    def escalate(self, now_ns: int) -> list[Change]:
        """Reports whose time is used up go to the shift lead, then to the leaders."""
        changes: list[Change] = []
        rules = {r.category: r.escalate for r in self._records["config"].values() if isinstance(r, SlaRule)}
        for report in list(self._records["reports"].values()):
            moved = report_moves.escalate(report, now_ns, rules.get(report.category) or report_moves.ESCALATE_AT)
            if moved is not report:
                self.restore("reports", moved, moved.rev)
                put = Change("reports", "put", moved.id, now_ns, moved, moved.rev)
                changes += [put, timeline.of_escalation(moved, now_ns)]
        return changes


def _with_rev(record: Any, rev: int) -> Any:
    """Config records carry no rev of their own; the envelope's is enough."""
    return msgspec.structs.replace(record, rev=rev) if hasattr(record, "rev") else record


def _pictured(moved: Camera, known: Camera | None) -> Camera:
    """With the small picture that was taken of it; the world does not know it."""
    if known is None:
        return moved
    return msgspec.structs.replace(moved, thumbnail=known.thumbnail, t_thumbnail_ns=known.t_thumbnail_ns)


def _told(ours: Report | None, theirs: Report, t_ns: int) -> Report:
    """What a source's whole record makes of ours."""
    said = f"{theirs.state.value} {theirs.agency_id}"
    if ours is None:
        return msgspec.structs.replace(theirs, source_said=said)
    if ours.decided_by:
        moved = _agency_says(ours, theirs, t_ns) if said != ours.source_said else ours
        moved = _citizen_says(moved, theirs)
        return msgspec.structs.replace(moved, source_said=said)
    # Who has it in hand and how high it has gone are the centre's own, whatever a source tells anew.
    held = (ours.holder, ours.holder_id) if theirs.state.open else ("", "")
    return msgspec.structs.replace(
        theirs, source_said=said, holder=held[0], holder_id=held[1], escalated=max(ours.escalated, theirs.escalated)
    )


def _agency_says(ours: Report, theirs: Report, t_ns: int) -> Report:
    """What a source says of a report that the centre has decided about: the agency that has it may say how far it is;
    everything else stands as the centre has it."""
    if theirs.agency_id != ours.agency_id or ours.state not in (ReportState.ASSIGNED, ReportState.IN_PROGRESS):
        return ours
    if theirs.state is ReportState.DONE:
        return report_moves.close(ours, theirs.result, theirs.after, t_ns)
    if theirs.state is ReportState.IN_PROGRESS and ours.state is ReportState.ASSIGNED:
        return report_moves.start(ours)
    if theirs.state is ReportState.RETURNED:
        return report_moves.send_back(ours, theirs.reason, t_ns)
    return ours


def _citizen_says(ours: Report, theirs: Report) -> Report:
    """The citizen's word on the result comes by the source, whoever decided; one on an earlier result is over."""
    if not 1 <= theirs.rating <= MOST_STARS or theirs.t_rated_ns <= max(ours.t_closed_ns, ours.t_rated_ns):
        return ours
    if ours.state is not ReportState.DONE:
        return ours
    return report_moves.rate(ours, theirs.rating, theirs.rating_text, theirs.t_rated_ns)


def _as_seen(listed: Camera, known: Camera | None) -> Camera:
    """With who turns it, and with what the sweep has found out: a table of cameras does not know it. Of other
    addresses nothing is known."""
    if known is not None and listed.turns:
        listed = msgspec.structs.replace(listed, turner=known.turner)
    if known is None or (known.streams, known.restream) != (listed.streams, listed.restream):
        return listed
    return msgspec.structs.replace(
        listed, online=known.online, reason=known.reason, flags=known.flags, t_state_ns=known.t_state_ns,
        thumbnail=known.thumbnail, t_thumbnail_ns=known.t_thumbnail_ns, sights=known.sights,
    )  # fmt: skip
