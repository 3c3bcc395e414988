"""The alarm engine: conditions and samples in, changes of the feeds `alarms` and `timeline` out.

Pure: no sockets, no files, no clock; times are arguments. The transitions are those of backends.domain.alarm; this
module decides when they happen: after on-delays, off-delays and counts, as the definition of the alarm says. An
alarm's id is `KEY@MILLISECONDS`, so a restarted engine finds its keys in the alarms of the log; what is in an
on-delay is in `memory`. Limits are judged in limit_judge, who speaks for whom in alarm_families.
Must not: publish the canary as an alarm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from backends.domain import alarm as alarms
from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused
from backends.domain.coverage import OF_SOURCE
from backends.domain.definition import FLEETING_S, PLAIN, Definition
from backends.domain.limits import day_number
from backends.domain.people import Operator
from backends.domain.sensor import Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_MS, NS_PER_S
from backends.domain.world import Condition, CrewAct
from backends.hub import timeline
from backends.hub.alarm_acts import acted, changes_of
from backends.hub.alarm_course import CHATTER_NS, Course
from backends.hub.alarm_families import Families
from backends.hub.escalation import Escalations
from backends.hub.limit_judge import LimitJudge
from backends.hub.ports import Change
from backends.protocol.messages import Canary

log = logging.getLogger(__name__)

DETAIL_EVERY_NS = 10 * NS_PER_S
"""Figures of an alarm move at most this often, in hub time, unless its state moves."""
TIDY_NS = 60 * NS_PER_S
CANARY_KEY = "canary"
LIMIT_PREFIX = "limit:"
_CANARY_NAME = LocalText("Chim báo", "Canary")
_CANARY = Definition(chatter=0)
_FLEETING_NS = int(FLEETING_S * NS_PER_S)


def _on_shelf(alarm: Alarm) -> bool:
    """Set aside, and coming back by itself."""
    return alarm.state is AlarmState.SHELVED and alarm.shelved_until_ns > 0


class _Pending(msgspec.Struct, frozen=True):
    """What is wrong, and not for long enough to be told."""

    priority: Priority
    fields: dict[str, Any]
    times: int
    due_ns: int


class AlarmEngine:
    """Alarms by key. Restored from the log's alarms at a restart."""

    def __init__(
        self, restored: Iterable[Alarm] = (), define: Callable[[str, Sensor | None], Definition] = lambda *_: PLAIN
    ) -> None:
        """`define`: the definition of a condition key; of a limit alarm, with its sensor."""
        self._define = define
        self._by_key = {a.key: a for a in restored}
        self._key_of_id = {a.id: key for key, a in self._by_key.items()}
        self._limits = LimitJudge()
        self._shown_ns: dict[str, int] = {}
        self._waiting: dict[str, Alarm] = {}
        """Newer figures than the published ones, by key."""
        self._pending: dict[str, _Pending] = {}
        """What is in its on-delay, by key."""
        self._memory: str | None = ""
        """See `memory`; None = it has changed since."""
        self._courses = {k: Course(a.active and not a.t_clear_ns, a.t_raised_ns) for k, a in self._by_key.items()}
        self._shelved: dict[str, int] = {k: a.shelved_until_ns for k, a in self._by_key.items() if _on_shelf(a)}
        """When each shelved alarm comes back, by key."""
        self._unsettled = {k for k, a in self._by_key.items() if a.chattering or a.t_clear_ns}
        """Keys of those that chatter, or are in their off-delay."""
        self._families = Families(self._by_key)
        self._escalations = Escalations(self._by_key.values())
        self._doubted: dict[str, None] = {}
        """Series whose alarm other limits have raised than those that hold now."""
        self._day = 0
        self._tidied_ns = 0
        self._canary_seq = 0

    # --- what it knows ---------------------------------------------------------------------------

    def watch(self, sensor: Sensor) -> None:
        """Take a sensor's definition. An alarm that other limits had raised is judged again with the next tick."""
        if self._limits.watch(sensor):
            self._doubt(sensor.id)

    def watches(self, series: str) -> bool:
        """Has this series limits at all?"""
        return self._limits.watches(series)

    def seed_trend(self, series: str, points: Iterable[tuple[int, float]]) -> None:
        """Samples of the last hour, after a restart."""
        self._limits.seed_trend(series, points)

    def alarm(self, alarm_id: str) -> Alarm | None:
        """The alarm as it stands, newest figures included; None when it has left the list."""
        key = self._key_of_id.get(alarm_id)
        return self._standing(key) if key is not None else None

    def standing(self, prefix: str) -> dict[str, Alarm]:
        """Alarms in the list whose key begins so, by key; newest figures included."""
        return {key: self._standing(key) or alarm for key, alarm in self._by_key.items() if key.startswith(prefix)}

    def told(self, prefix: str) -> dict[str, Alarm]:
        """The same for the source that tells of them, at a restart: what is in its on-delay too, as the alarm that it
        would be. A source that did not know of it would never say that it is over."""
        pending = {
            key: Alarm(
                key, one.priority, AlarmState.UNACKNOWLEDGED, t_raised_ns=self._courses[key].since_ns, **one.fields
            )
            for key, one in self._pending.items()
            if key.startswith(prefix)
        }
        return {**self.standing(prefix), **pending}

    def memory(self) -> str:
        """What is in its on-delay and is not told again by its source: for the engine that goes on."""
        if self._memory is None:
            found = [
                Condition(key, self._courses[key].since_ns, True, one.priority, times=one.times, **one.fields)
                for key, one in self._pending.items()
                if not key.startswith(LIMIT_PREFIX)
            ]
            self._memory = msgspec.json.encode(found).decode() if found else ""
        return self._memory

    def recall(self, memory: str) -> list[Change]:
        """`memory` of the engine before: the delays go on."""
        try:
            found = msgspec.json.decode(memory.encode(), type=list[Condition]) if memory else []
        except msgspec.DecodeError as error:
            log.error("what was in its on-delay when the hub ended cannot be read: %s", error)
            found = []
        return [change for one in found for change in self.condition(one)]

    # --- what happens ----------------------------------------------------------------------------

    def condition(self, c: Condition) -> list[Change]:
        """Something is wrong, still wrong with other words, or no longer wrong."""
        if not c.active:
            return self._gone(c.key, c.t_ns)
        fields: dict[str, Any] = {
            "name": c.name, "detail": c.detail, "place": c.place, "area_id": c.area_id, "lon": c.lon, "lat": c.lat,
            "sensor_id": c.sensor_id, "camera_ids": c.camera_ids, "procedure_id": c.procedure_id, "source": c.source,
            "parent": c.parent,
        }  # fmt: skip
        return self._wrong(c.key, c.t_ns, c.priority, fields, c.times)

    def sample(self, s: Sample, now_ns: int | None = None) -> list[Change]:
        """One value of a watched series. Doubtful, missing and older values move nothing (see LimitJudge.takes).

        `now_ns`: when it came. A time after that is a wrong clock's: the alarm's own times are never in the future.
        """
        if not self._limits.takes(s, now_ns):
            return []
        if now_ns is not None and s.t_ns > now_ns:
            s = msgspec.structs.replace(s, t_ns=now_ns)
        key = LIMIT_PREFIX + s.series
        standing = self._by_key.get(key)
        broken = self._limits.broken(s, standing, holding=self._held_up(key))
        if broken is None:
            return self._gone(key, s.t_ns) if standing is not None or key in self._pending else []
        return self._wrong(key, s.t_ns, *broken)

    def judge_again(self, t_ns: int) -> list[Change]:
        """Alarms whose limits are others than those that raised them: by the newest value, and by what holds at that
        time. A sensor that says nothing any more would never end what no limit holds up."""
        if (day := day_number(t_ns)) != self._day:
            self._day = day
            for key in (*self._by_key, *self._pending):
                if key.startswith(LIMIT_PREFIX):
                    self._doubt(key.removeprefix(LIMIT_PREFIX))
        return [change for series in list(self._doubted) for change in self._judge_again(series, t_ns)]

    def forget(self, series: str, t_ns: int) -> list[Change]:
        """The series is not there any more, and nothing is wrong with it."""
        self._limits.unwatch(series)
        return self._lifted(series, t_ns)

    def crew(self, act: CrewAct, operators: Callable[[str], Operator | None]) -> list[Change]:
        """A simulated colleague; too late is no error."""
        standing = self._standing(act.key)
        operator = operators(act.operator_id)
        if standing is None or operator is None:
            return []
        try:
            moved = acted(standing, act.verb, operator, act.t_ns)
        except TransitionRefused:
            return []
        return self.adopt(moved, act.t_ns, timeline.of_verb(moved, act.verb, operator, act.t_ns))

    def adopt(self, moved: Alarm, t_ns: int, *events: Change, cause: str = "") -> list[Change]:
        """Make `moved` the truth; the changes to write (the caller of `acted` commits them first)."""
        changes = changes_of(moved, t_ns, *events, cause=cause)
        self.keep(moved, t_ns)
        return changes

    def keep(self, moved: Alarm, t_ns: int) -> None:
        """`moved` is committed: it is the truth."""
        key, before, gone = moved.key, self._by_key.get(moved.key), moved.state is AlarmState.NORMAL
        self._waiting.pop(key, None)
        self._shown_ns[key] = t_ns
        self._shelved.pop(key, None)
        if _on_shelf(moved):
            self._shelved[key] = moved.shelved_until_ns
        self._unsettled.discard(key)
        if gone:
            self._by_key.pop(key, None)
            self._key_of_id.pop(moved.id, None)
            self._shown_ns.pop(key, None)
        else:
            self._by_key[key] = moved
            self._key_of_id[moved.id] = key
            if moved.chattering or moved.t_clear_ns:
                self._unsettled.add(key)
        self._families.moved(before, moved, gone=gone)
        self._escalations.moved(moved, t_ns, gone=gone)

    def begin(self, now_ns: int) -> None:
        """A new log begins with a past that nobody has looked at: whoever is to see to it has only now the chance."""
        self._escalations.begin(now_ns)

    def tick(self, now_ns: int) -> list[Change]:
        """What time alone changes: the ends of shelving and delays, quiet after chattering, children and their parents,
        what goes to the shift lead, and figures that have waited long enough."""
        changes = self.judge_again(now_ns)
        for key in [k for k, until_ns in self._shelved.items() if until_ns <= now_ns]:
            moved = alarms.unshelve(self._standing(key) or self._by_key[key])
            changes += self.adopt(moved, now_ns, timeline.of_alarm("alarm_unshelved", moved, now_ns))
        for key, one in [(k, one) for k, one in self._pending.items() if one.due_ns <= now_ns]:
            self._no_longer_pending(key)
            changes += self._tell(key, one.due_ns, one)
        for key in sorted(self._unsettled):
            changes += self._settle(key, now_ns)
        changes += self._gather(now_ns)
        changes += self._escalate(now_ns)
        due = [k for k in self._waiting if now_ns - self._shown_ns.get(k, 0) >= DETAIL_EVERY_NS]
        changes += [change for key in due for change in self.adopt(self._waiting[key], now_ns)]
        if now_ns - self._tidied_ns >= TIDY_NS:
            self._tidied_ns = now_ns
            for key in self._courses.keys() - self._by_key.keys() - self._pending.keys():
                if self._courses[key].past(now_ns, self._definition(key)):
                    del self._courses[key]
        return changes

    def canary(self, now_ns: int) -> tuple[list[Change], Canary]:
        """A test alarm through raise, acknowledge and return; the caller commits before it is shown."""
        self._canary_seq += 1
        raised = self.condition(Condition(CANARY_KEY, now_ns, True, Priority.LOW, name=_CANARY_NAME, source=CANARY_KEY))
        standing = self._by_key[CANARY_KEY]
        seen = alarms.acknowledge(standing, _CANARY_NAME.vi, now_ns)
        changes = [*raised, *self.adopt(seen, now_ns), *self._gone(CANARY_KEY, now_ns)]
        if CANARY_KEY in self._by_key or len(changes) < 3:
            raise AssertionError("the canary alarm did not run its course")
        return changes, Canary(self._canary_seq, now_ns)

    # --- how it decides --------------------------------------------------------------------------

    def _standing(self, key: str) -> Alarm | None:
        """With its newest figures, so that no move of the state loses them."""
        return self._waiting.get(key) or self._by_key.get(key)

    def _definition(self, key: str) -> Definition:
        if key == CANARY_KEY:
            return _CANARY
        if key.startswith(LIMIT_PREFIX):
            series = key.removeprefix(LIMIT_PREFIX)
            return self._limits.delayed(series, self._define(key, self._limits.sensor(series)))
        return self._define(key, None)

    def _doubt(self, series: str) -> None:
        key = LIMIT_PREFIX + series
        if key in self._by_key or key in self._pending:
            self._doubted[series] = None

    def _judge_again(self, series: str, t_ns: int) -> list[Change]:
        key, standing = LIMIT_PREFIX + series, self._by_key.get(LIMIT_PREFIX + series)
        if key not in self._pending and (standing is None or not standing.active):
            del self._doubted[series]
            return []
        said = self._limits.said(series, t_ns)
        if said is None and self._limits.holding(series, t_ns):
            return []  # after a restart: with its first value
        del self._doubted[series]
        if said is not None and (broken := self._limits.broken(said, standing, holding=self._held_up(key))) is not None:
            return self._wrong(key, t_ns, *broken)
        if standing is not None and standing.t_clear_ns and self._limits.holding(series, t_ns):
            return []  # its cause had gone before: the delay runs
        return self._lifted(series, t_ns)

    def _held_up(self, key: str) -> bool:
        """Is a limit of it broken, as far as is known? Then it is left only past its deadband."""
        standing = self._by_key.get(key)
        return key in self._pending or (standing is not None and standing.active and not standing.t_clear_ns)

    def _lifted(self, series: str, t_ns: int) -> list[Change]:
        """Not its cause has gone but what it was judged by: it is over at once, whatever delay runs, and says why."""
        key, why = LIMIT_PREFIX + series, self._limits.why_over(series, t_ns)
        standing = self._standing(key)
        self._no_longer_pending(key)
        self._limits.forget(series)
        if (course := self._courses.get(key)) is not None:
            course.goes(t_ns)
        if standing is None or not standing.active:
            return []
        moved = alarms.return_to_normal(msgspec.structs.replace(standing, detail=why, chattering=False), t_ns)
        return self.adopt(moved, t_ns, timeline.of_alarm("alarm_returned", moved, t_ns, why))

    def _wrong(
        self, key: str, t_ns: int, priority: Priority, fields: dict[str, Any], times: int = 0
    ) -> list[Change]:  # fmt: skip
        course = self._courses.setdefault(key, Course())
        definition = self._definition(key)
        course.comes(t_ns, definition)
        waited = self._pending.get(key)
        due_ns = course.due_ns(definition)
        one = _Pending(priority, fields, times + (waited.times if waited is not None else 0), due_ns)
        standing = self._by_key.get(key)
        if (standing is None or not standing.active) and t_ns < due_ns:
            self._pending[key] = one
            if one != waited and not key.startswith(LIMIT_PREFIX):
                self._memory = None
            return []
        self._no_longer_pending(key)
        return self._tell(key, t_ns, one)

    def _no_longer_pending(self, key: str) -> None:
        if self._pending.pop(key, None) is not None and not key.startswith(LIMIT_PREFIX):
            self._memory = None

    def _tell(self, key: str, t_ns: int, pending: _Pending) -> list[Change]:
        """What is wrong is raised, raised again, or told with newer words."""
        definition, standing = self._definition(key), self._by_key.get(key)
        priority, fields = pending.priority, {**pending.fields, "latching": definition.latching}
        if definition.priority is not None and not key.startswith(LIMIT_PREFIX):
            priority = definition.priority
        if definition.procedure_id:
            fields["procedure_id"] = definition.procedure_id
        if definition.parent:
            fields["parent"] = definition.parent
        fields["sector"] = definition.sector or OF_SOURCE.get(fields["source"], "")
        if standing is None:
            return self._raise(key, t_ns, priority, fields, pending.times)
        latest = self._waiting.get(key, standing)
        newer = msgspec.structs.replace(standing, **fields, count=latest.count, t_clear_ns=latest.t_clear_ns)
        moved = alarms.raise_again(newer, t_ns)
        again, back = moved is not newer, moved.t_clear_ns > 0
        if back:  # within the off-delay, or one turn of the chattering
            moved = msgspec.structs.replace(moved, t_clear_ns=0, count=moved.count + moved.chattering)
        more = max(0, pending.times - (moved.count - newer.count))  # raised again counts as one of them
        moved = msgspec.structs.replace(moved, count=moved.count + more)
        moved = alarms.rise(moved, priority, t_ns)
        what = "alarm_raised"
        if moved.state is AlarmState.SUPPRESSED and not self._families.spoken_for(moved):
            moved = alarms.unsuppress(moved)  # its parent is another one than before
            what = what if again else "alarm_unsuppressed"
        if moved.state_rev != standing.state_rev:
            notes = [timeline.of_alarm(what, moved, t_ns)]
            if again and self._courses[key].chatters(t_ns, definition):
                moved = msgspec.structs.replace(moved, chattering=True)
                notes.append(timeline.of_mark("alarm_chattering", moved, t_ns))
            return self.adopt(moved, t_ns, *notes)
        if priority.rank > moved.priority.rank and moved.state is AlarmState.ACKNOWLEDGED:
            # It has become milder: the list follows once somebody has seen the worst of it.
            moved = msgspec.structs.replace(moved, priority=priority)
        if moved == standing:
            self._waiting.pop(key, None)
            return []
        return self._figures(msgspec.structs.replace(moved, rev=standing.rev + 1), t_ns, at_once=back)

    def _raise(
        self, key: str, t_ns: int, priority: Priority, fields: dict[str, Any], times: int
    ) -> list[Change]:  # fmt: skip
        course = self._courses[key]
        chatters = course.chatters(t_ns, self._definition(key))
        new = Alarm(
            id=f"{key}@{t_ns // NS_PER_MS}",
            priority=priority,
            state=AlarmState.UNACKNOWLEDGED,
            t_raised_ns=t_ns,
            count=max(len(course.raised) if chatters else 1, times),
            chattering=chatters,
            **fields,
        )
        what = "alarm_raised"
        if self._families.spoken_for(new):
            new, what = alarms.suppress(new), "alarm_suppressed"
        notes = [timeline.of_mark("alarm_chattering", new, t_ns)] if chatters else []
        return self.adopt(new, t_ns, timeline.of_alarm(what, new, t_ns), *notes)

    def _figures(self, moved: Alarm, t_ns: int, *, at_once: bool = False) -> list[Change]:
        """Newer words and figures: now, or with the next ones; those of a chattering alarm are never urgent."""
        if (at_once and not moved.chattering) or t_ns - self._shown_ns.get(moved.key, 0) >= DETAIL_EVERY_NS:
            return self.adopt(moved, t_ns)
        self._waiting[moved.key] = moved
        return []

    def _gone(self, key: str, t_ns: int) -> list[Change]:
        self._no_longer_pending(key)
        self._limits.forget(key.removeprefix(LIMIT_PREFIX))
        if (course := self._courses.get(key)) is not None:
            course.goes(t_ns)
        standing = self._standing(key)
        if standing is None or (standing.active and standing.t_clear_ns):
            return []
        if standing.active and (standing.chattering or self._definition(key).off_delay_s > 0):
            clear = msgspec.structs.replace(standing, t_clear_ns=t_ns, rev=self._by_key[key].rev + 1)
            return self._figures(clear, t_ns, at_once=True)
        return self._return(standing, t_ns, t_ns)

    def _return(self, standing: Alarm, gone_ns: int, t_ns: int, *notes: Change) -> list[Change]:
        """`gone_ns`: since when the cause has been away."""
        moved = alarms.return_to_normal(standing, gone_ns)
        if moved is standing:
            return []
        seconds = moved.count == 1 and not standing.chattering and gone_ns - moved.t_raised_ns < _FLEETING_NS
        if seconds and moved.state is AlarmState.RETURNED:
            moved = msgspec.structs.replace(moved, fleeting=True)
        return self.adopt(moved, t_ns, timeline.of_alarm("alarm_returned", moved, t_ns), *notes)

    def _settle(self, key: str, now_ns: int) -> list[Change]:
        """Has it been quiet, or its cause away, for long enough?"""
        standing, course = self._standing(key), self._courses.setdefault(key, Course())
        if standing is None:
            return []
        if not standing.chattering:
            off_ns = int(self._definition(key).off_delay_s * NS_PER_S)
            over = standing.t_clear_ns and standing.t_clear_ns + off_ns <= now_ns
            return self._return(standing, standing.t_clear_ns, now_ns) if over else []
        if course.toggled_ns is None:
            course.toggled_ns = now_ns  # this engine has not seen it come or go
        if now_ns - course.toggled_ns < CHATTER_NS:
            return []
        calm = msgspec.structs.replace(standing, chattering=False, rev=self._by_key[key].rev + 1)
        note = timeline.of_mark("alarm_quiet", calm, now_ns)
        course.raised.clear()
        if calm.t_clear_ns:
            return self._return(calm, calm.t_clear_ns, now_ns, note)
        return self.adopt(calm, now_ns, note)

    def _escalate(self, now_ns: int) -> list[Change]:
        """What nobody has seen to for too long."""
        changes: list[Change] = []
        for key in self._escalations.due(now_ns, lambda k, p: self._definition(k).escalates_after_s(p)):
            if (standing := self._standing(key)) is not None:
                moved = alarms.escalate(standing, now_ns)
                changes += self.adopt(moved, now_ns, timeline.of_mark("alarm_escalated", moved, now_ns))
        return changes

    def _gather(self, now_ns: int) -> list[Change]:
        """Children whose parent has come or gone, and how many each parent speaks for."""
        changes: list[Change] = []
        for _ in range(4):  # a move of a child may be one of a parent; what is left comes with the next tick
            unsure = self._families.take_unsure()
            if not unsure:
                break
            for parent_key, children in unsure:
                changes += self._gather_of(parent_key, children, now_ns)
        return changes

    def _gather_of(self, parent_key: str, children: Iterable[str], now_ns: int) -> list[Change]:
        changes: list[Change] = []
        for key in children:
            child = self._standing(key)
            if child is None:
                continue
            moved = alarms.suppress(child) if self._families.spoken_for(child) else alarms.unsuppress(child)
            if moved is not child:
                what = "alarm_suppressed" if moved.state is AlarmState.SUPPRESSED else "alarm_unsuppressed"
                changes += self.adopt(moved, now_ns, timeline.of_alarm(what, moved, now_ns))
        parent, quiet = self._standing(parent_key), self._families.quiet(parent_key)
        if parent is not None and parent.children != quiet:
            told = msgspec.structs.replace(parent, children=quiet, rev=self._by_key[parent_key].rev + 1)
            changes += self.adopt(told, now_ns)
        return changes
