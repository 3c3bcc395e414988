"""The hub without its sockets: one world, one log, one alarm engine, advanced round by round.

Order of a round: 1. the world's events up to now, 2. the engine, 3. one commit, 4. only then what was
committed is returned to be published. A log that cannot write keeps the round waiting, in memory,
and stops the canary, so that every console sees that alarms are not safe.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from backends.domain.action import Action
from backends.domain.alarm import Alarm
from backends.domain.definition import PLAIN, Definition
from backends.domain.people import Operator
from backends.domain.place import ConfigRecord
from backends.domain.quality import Quality, Value
from backends.domain.sensor import Sample, Sensor
from backends.domain.world import CameraMoved, Condition, Measured, WorldEvent
from backends.hub.actions import ActionDesk, Answer
from backends.hub.air import AirHours
from backends.hub.config_desk import ConfigDesk, over, settings_in
from backends.hub.handover_desk import outdated
from backends.hub.intake import RECORD_FEEDS, Intake
from backends.hub.logbook import entries_of, needed_from
from backends.hub.own_numbers import NUMBERS, OWN, OwnNumbers
from backends.hub.ports import Change, EventLog, LogTrouble, NotLeading, WorldSource
from backends.hub.site_cameras import Device, SiteCameras
from backends.hub.standby import slices
from backends.hub.trend import WINDOW_NS
from backends.process import beat
from backends.protocol.codec import BadMessage, decode_body, encode
from backends.protocol.messages import Canary, Envelope, FeedHead

log = logging.getLogger(__name__)

BEGUN = "begun"
PENDING = "alarms_pending"
"""What is in its on-delay: written with the moment up to which the world has been asked, so that neither is lost."""
START_T = "start_t"
WORLD_T = "world_t"
WALL_T = "wall_t"
WAITING_SAMPLES = 200_000
"""Samples kept in memory while the log cannot write: about three hours of 1,100 series a minute."""
CANARY_EVERY_S = 1.0


class Core:
    """Everything the hub knows. One thread."""

    def __init__(
        self, events: EventLog, world: WorldSource, wall_ns: Callable[[], int] = time.time_ns,
        site: SiteCameras | None = None, define: Callable[[str, Sensor | None], Definition] = lambda *_: PLAIN,
        limits: Callable[[Sensor], Sensor] = lambda sensor: sensor,
        procedures: Sequence[ConfigRecord] = (), air: AirHours | None = None,
    ) -> None:  # fmt: skip
        """`site`: whose cameras, once it names any, stand in the place of the world's. `define`: how an alarm of that
        condition key, or of that sensor, behaves. `limits`: a sensor with the limits that the hub's files give it.
        `procedures`: those of its files, with the telephone lists. `air`: works out the index of air stations."""
        self.log = events
        self._air = air
        self._site = site
        self._procedures = procedures
        self._wall_ns = wall_ns
        self._world = world
        self._intake = Intake(self._restored_alarms(), define, limits)
        self._desk = ActionDesk(events, self._intake)
        self._config = ConfigDesk(self._intake)
        self.own_numbers = OwnNumbers()
        self._waiting: list[Change] = []
        self._waiting_samples: list[Sample] = []
        self._remembered: dict[str, str] = {}
        self._pending = ""
        """What was remembered last of what is in its on-delay."""
        self._skip_to_ns = 0
        self._early: list[WorldEvent] = []
        """What a world that had run ahead gave at the start."""
        self._world_ns = 0
        """How far the world has been asked; later events may be missing from what is committed."""
        self._canary_next_s = 0.0
        self.canary: Canary | None = None
        """The newest test alarm that went through engine and log."""
        self.faults = 0
        """Errors of ours that were survived, and logged."""
        self.trouble = ""
        """Why the log does not write; empty = it does."""

    # --- start -----------------------------------------------------------------------------------

    def start(self, start_ns: int) -> int:
        """Continue from the log, or take the past of a world that starts at `start_ns` into a new one.

        Returns how many samples of the past were loaded. Afterwards the log knows WORLD_T and WALL_T, and to which
        epoch the next of the centre's own numbers belongs.
        """
        if not self.log.meta(BEGUN):
            return self._begin(start_ns)
        self._skip_to_ns = self._world_ns = int(self.log.meta(WORLD_T))
        self._restore(self._skip_to_ns)
        self._pending = self.log.meta(PENDING)
        self._waiting += self._intake.recall(self._pending)
        self._waiting += self._intake.procedures(self._procedures, self._skip_to_ns)
        self._pass_over(start_ns)
        self._list_cameras(self._skip_to_ns)
        if numbers := self._number_own():
            self.log.commit([], self._skip_to_ns, meta=numbers)  # before the first of them is given
        return 0

    def _number_own(self) -> dict[str, str]:
        """What the log has to remember of it; empty = nothing new."""
        highest, epoch = self._intake.highest("reports", OWN), self.log.head("reports").epoch
        text = self.own_numbers.begin(self.log.meta(NUMBERS), highest, epoch)
        return {NUMBERS: text} if text else {}

    def _pass_over(self, start_ns: int) -> None:
        """Take the world to where the log ends, an hour at a time: a log may be years older than this start."""
        for t_ns in slices(start_ns, self._skip_to_ns):
            try:
                self._early += [e for e in self._world.until(t_ns) if e.t_ns > self._skip_to_ns]
            except Exception:  # noqa: BLE001  # logged with its trace in _fault
                self._fault("the world broke")
                return
            beat()  # to whoever started this process: it works

    def _list_cameras(self, now_ns: int) -> None:
        """The site's own cameras; written and published with the next round."""
        if self._site is not None and (listing := self._site.listing) is not None:
            self._waiting += self._intake.cameras(listing.cameras, listing.stay, now_ns)

    def past_of(self, camera: str) -> dict[str, str] | None:
        """See SiteCameras; of the world's own cameras no recorder keeps anything."""
        return self._site.past_of(camera) if self._site is not None else None

    def _restored_alarms(self) -> list[Alarm]:
        return [alarm for _, alarm in self._stored("alarms")]

    def _stored(self, feed: str) -> Iterator[tuple[Envelope, Any]]:
        """Items of the log with their records; one that no longer fits its type is left out, and said."""
        for envelope in self.log.items(feed):
            try:
                yield envelope, decode_body(feed, envelope.body)
            except BadMessage as error:
                log.error("item %s of %s cannot be read: %s", envelope.id, feed, error)

    def _restore(self, now_ns: int) -> None:
        for feed in RECORD_FEEDS:
            for envelope, record in self._stored(feed):
                self._intake.restore(feed, record, envelope.rev)
        from_ns = needed_from(self._intake.records("handovers").values(), now_ns)
        self._desk.logbook.restore(entries_of(self.log, from_ns))
        self._waiting += self._intake.relimit(now_ns)
        self._waiting += self._config.turn(now_ns)
        for sensor in self._intake.records("sensors").values():
            if self._intake.engine.watches(sensor.id):
                self._intake.engine.seed_trend(sensor.id, self._newest_points(sensor.id, now_ns))

    def _newest_points(self, series: str, now_ns: int) -> list[tuple[int, float]]:
        """Good values of the last hour; where there is none, the newest. What came last need not be that: a gauge may
        send afterwards what it had kept."""
        last = self.log.last(series)
        points = self._good(series, now_ns - WINDOW_NS, now_ns)
        if last is None:
            return points
        points = points or self._good(series, last.t_ns, now_ns)
        newest_ns = points[-1][0] if points else -1
        if last.value is not None and last.quality == Quality.GOOD and last.t_ns > newest_ns:
            points.append((last.t_ns, last.value))  # of a clock that is ahead
        return points

    def _good(self, series: str, t0_ns: int, t1_ns: int) -> list[tuple[int, float]]:
        found = self.log.history(series, t0_ns, t1_ns)
        times, values = found if found is not None else ((), ())
        return [(int(t), float(v)) for t, v in zip(times, values, strict=True) if not math.isnan(v)]

    def _begin(self, start_ns: int) -> int:
        """The past: every sample is kept, of records only what stands at its end, all of the timeline."""
        items: dict[tuple[str, str], Change] = {}
        events: list[Change] = []

        def sort_in(changes: list[Change]) -> None:
            for change in changes:
                if change.type == "event":
                    events.append(change)
                elif change.type == "del":
                    items.pop((change.feed, change.id), None)
                else:
                    items[(change.feed, change.id)] = change

        def samples() -> Iterator[Sample]:
            engine = self._intake.engine
            for event in self._world.past():
                if isinstance(event, Measured):
                    for sample in event.samples:
                        if engine.watches(sample.series):
                            sort_in(engine.sample(sample))
                    yield from event.samples
                else:
                    sort_in(self._intake.event(event))

        self._world_ns = start_ns
        directory = self._world.directory()
        if self._site is not None and self._site.listing is not None:
            directory = msgspec.structs.replace(directory, cameras=self._site.listing.cameras)
        if settings := settings_in(self.log):  # of a simulated day before this one
            for setting in settings:
                self._intake.restore("config", setting, setting.rev)
            directory = msgspec.structs.replace(directory, config=over(directory.config, settings, start_ns))
        sort_in(self._intake.directory(directory, start_ns))
        sort_in(self._intake.procedures(self._procedures, start_ns))
        loaded = self.log.load_past(samples())
        self._intake.engine.begin(start_ns)
        sort_in(self._intake.engine.tick(start_ns))
        self.log.seal()
        self._pending = self._intake.engine.memory()
        meta = {BEGUN: "1", START_T: str(start_ns), PENDING: self._pending, **self._times(), **self._number_own()}
        self.log.commit([*items.values(), *events], start_ns, meta=meta)
        return loaded

    # --- rounds ----------------------------------------------------------------------------------

    def round(self, now_ns: int, mono_s: float) -> list[Envelope]:
        """Advance the world to `now_ns`; what is returned is committed. Never raises LogTrouble."""
        advanced = self._advance(now_ns)
        self._waiting += self._intake.tick(now_ns)
        if (pending := self._intake.engine.memory()) != self._pending:
            self._pending = pending
            self.remember(PENDING, pending)
        self._waiting_samples += self._intake.take_samples()
        canary = None
        # A world that stands still raises no alarm: the canary must not say that all is well.
        if advanced and mono_s >= self._canary_next_s:
            self._canary_next_s = mono_s + CANARY_EVERY_S
            try:
                _, canary = self._intake.engine.canary(now_ns)
            except Exception:  # noqa: BLE001  # logged with its trace in _fault
                self._fault("the test alarm did not come through the alarm engine")
        return self._flush(now_ns, canary)

    def _advance(self, now_ns: int) -> bool:
        """One faulty event, or a world that breaks, must not silence the hub: the rest goes on.

        False: the world has not moved.
        """
        for at_ns in [*slices(self._world_ns, now_ns)] or [now_ns]:
            try:
                events = [*self._early, *self._world.until(at_ns)]
            except Exception:  # noqa: BLE001  # logged with its trace in _fault
                self._fault("the world broke")
                return False
            self._early = []
            self._world_ns = at_ns
            for event in events:
                if event.t_ns > self._skip_to_ns:
                    self._take(event)
            if at_ns < now_ns:
                beat()  # to whoever started this process: it works
        return True

    def _take(self, event: WorldEvent) -> None:
        if isinstance(event, CameraMoved) and self._site is not None and self._site.listing is not None:
            return  # the world's cameras are not served
        self._take_in(event)

    def _take_in(self, event: WorldEvent) -> None:
        try:
            self._waiting += self._intake.event(event)
        except Exception:  # noqa: BLE001  # logged with its trace in _fault
            self._fault(f"an event of kind {type(event).__name__} was left out")

    def _fault(self, what: str) -> None:
        self.faults += 1
        if self.faults < 10 or self.faults % 1000 == 0:
            log.exception("%s (fault %d)", what, self.faults)

    def _flush(self, now_ns: int, canary: Canary | None = None) -> list[Envelope]:
        changes = self._waiting
        meta = None
        if changes or self._waiting_samples or canary is not None:
            meta = {**self._remembered, **self._times()}
        try:
            published = self.log.commit(changes, now_ns, samples=self._waiting_samples, meta=meta)
        except LogTrouble as trouble:
            if not self.trouble:
                log.error("%s; %d changes wait in memory", trouble, len(changes))
            self.trouble = str(trouble)
            # Samples are shed first; changes never.
            del self._waiting_samples[:-WAITING_SAMPLES]
            return []
        if self.trouble:
            log.info("the log writes again")
        self.trouble = ""
        self._waiting = []
        self._waiting_samples = []
        if meta is not None:
            self._remembered = {}
        self.canary = canary or self.canary
        return published

    def _times(self) -> dict[str, str]:
        """How far the world has come, and when that was on the wall: a restart goes on from there.

        Not the moment of the commit: one that an action causes comes between two rounds, and what happens
        in the world until the next round is not in it.
        """
        return {WORLD_T: str(self._world_ns), WALL_T: str(self._wall_ns())}

    def act(self, station: str, person: Operator | None, action: Action, now_ns: int) -> Answer:
        """One action of `person` at `station`. What waits is written first, so that order holds. Raises LogTrouble."""
        before = self._flush(now_ns) if self._waiting or self._waiting_samples else []
        if self.trouble:
            raise LogTrouble(self.trouble)
        try:
            answer = self._desk.take(station, person, action, now_ns)
        except LogTrouble:
            # What was flushed must still be published; the action itself comes again.
            return Answer((), tuple(before))
        return Answer(answer.acks, (*before, *answer.published))

    def maintain(self, now_ns: int) -> None:
        """Once a second: the site's cameras, settings whose day has come, the clocks of reports, the index of an air
        station, housekeeping of the log, whose trouble shows at the next round."""
        if self._site is not None and self._site.look():
            self._list_cameras(now_ns)
        self._waiting += self._config.turn(now_ns)
        self._waiting += self._intake.escalate(now_ns)
        self._waiting += self._intake.let_go("handovers", outdated(self._intake.records("handovers")), now_ns)
        handovers, people = (self._intake.records(feed).values() for feed in ("handovers", "roster"))
        self._desk.logbook.forget(needed_from(handovers, now_ns, people))
        self._look_at_air(now_ns)
        try:
            self.log.maintain(now_ns)
        except LogTrouble as trouble:
            log.error("%s", trouble)

    def _look_at_air(self, now_ns: int) -> None:
        """Hours that were missed are kept for plots and histories; only the newest one is judged by its limits."""
        try:
            found = self._air.look(now_ns, self._intake.records("sensors"), self.log) if self._air is not None else None
        except NotLeading:
            raise
        except Exception:  # noqa: BLE001  # logged with its trace in _fault
            self._fault("the index of an air station")
            return
        if found is not None:
            self.put("sensors", found.sensor, now_ns)
            self._waiting_samples += found.samples[:-1]
            self._take_in(Measured(now_ns, found.samples[-1:]))

    # --- what it tells ---------------------------------------------------------------------------

    def heads(self) -> dict[str, FeedHead]:
        """Every feed's end, with the period that consoles may expect of it."""
        heads = self.log.heads()
        periods = [s.period_s for s in self._intake.records("sensors").values() if s.period_s > 0]
        if periods:
            heads["samples"] = msgspec.structs.replace(heads["samples"], period_s=min(periods))
        return heads

    def snapshot(self, feed: str) -> list[Envelope]:
        """A feed's items; sensors come with their newest value, which has no seq of its own."""
        items = self.log.items(feed)
        if feed != "sensors":
            return items
        return [msgspec.structs.replace(e, body=self._with_last(e)) for e in items]

    def sensor(self, series: str) -> Sensor | None:
        """A series' definition."""
        found: Sensor | None = self._intake.records("sensors").get(series)
        return found

    def operator_at(self, station: str, now_ns: int) -> Operator | None:
        """Who is on duty at a seat, as the roster says."""
        return self._intake.operator_at(station, now_ns)

    def records(self, feed: str) -> dict[str, Any]:
        """A feed's records by id. Not to be changed."""
        return self._intake.records(feed)

    def turned_by(self, camera_id: str) -> Device | None:
        """By which device a camera is turned; None: it is not. A drawn one of the simulated city is its own device."""
        listing = self._site.listing if self._site is not None else None
        camera = self.records("cameras").get(camera_id)
        if camera is None or not camera.turns:
            return None
        if listing is not None:
            return listing.devices.get(camera_id)
        drawn = next((stream.uri for stream in camera.streams if stream.uri.startswith("scene:")), "")
        return Device(drawn) if drawn else None

    def put(self, feed: str, record: Any, now_ns: int) -> None:
        """A record of the hub's own making; written and published with the next round."""
        self._waiting += self._intake.put(feed, record, now_ns)

    def happened(self, condition: Condition) -> None:
        """Something that the hub itself has found, or hears of; written and published with the next round."""
        self._take_in(condition)

    def remember(self, key: str, value: str) -> None:
        """Of the hub's own, for whoever goes on with the log; written within a second, published to nobody."""
        self._remembered[key] = value

    def recall(self, key: str) -> str:
        """What was remembered last, in this life or before; empty = nothing."""
        known = self._remembered.get(key)
        return self.log.meta(key) if known is None else known

    def alarms(self, prefix: str) -> dict[str, Alarm]:
        """Alarms in the list whose condition's key begins so, by key."""
        return self._intake.engine.standing(prefix)

    def told(self, prefix: str) -> dict[str, Alarm]:
        """The same, with what is in its on-delay: for the source that goes on telling of it."""
        return self._intake.engine.told(prefix)

    def note(self, change: Change) -> None:
        """An event of the hub's own making; written and published with the next round."""
        self._waiting.append(change)

    def _with_last(self, envelope: Envelope) -> msgspec.Raw:
        sensor = self.sensor(envelope.id)
        last = self.log.last(envelope.id)
        if sensor is None or last is None:
            return envelope.body
        value = Value(last.t_ns, last.value, Quality(last.quality))
        return msgspec.Raw(encode(msgspec.structs.replace(sensor, last=value)))
