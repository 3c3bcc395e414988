"""From what devices notice to conditions of the alarm engine, and alarms that say that nobody listens.

One alarm for each camera and kind (`event:cam-014:intrusion`; of kind "other" for each topic), so that
1. it is raised when the event begins or happens, unless it was raised within the dead time;
2. what happens meanwhile is counted in it; what happened in a dead time is told at its end, never dropped;
3. it ends when all of the camera's sources of it are over and the off-delay has gone;
4. after a loss of the watch, or a restart of the hub, it stays until the device says how things stand; a device that
   does not say it within UNSAID_S of a watch that stands has nothing to say.
How things stood when a device was first watched raises nothing; but what is active after a loss or a restart and was
not before it began meanwhile, and counts: `memory` is what a restarted hub needs for that, beside the alarms. What a
recorder does not say of one of its channels is an alarm of the device: `event:cam-201/all:storage`, cam-201 being the
first of its cameras.

Pure: monotonic seconds and UTC nanoseconds are arguments. One thread. Must not: know an address or a password.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.camera import Camera
from backends.domain.device import EventKind
from backends.domain.device_watch import Noticed
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition
from backends.hub import event_words as words
from backends.hub.event_rules import Rules, Verdict

log = logging.getLogger(__name__)

EVENT = "event:"
MEMORY = "events"
UNSAID_S = 60.0
MOST_INPUTS = 512
MOST_TOPICS = 16
"""Alarms of kind "other" of one camera: their names come from the device."""
ALL = "/all"
CAMERAS_TOLD = 16
"""Of a recorder, in one alarm."""
_OVER = (AlarmState.RETURNED, AlarmState.NORMAL)


@dataclass(frozen=True, slots=True)
class Watched:
    """A device, by the name that its first camera gives it."""

    cameras: tuple[str, ...]
    """Ids, by channel where that is said."""
    recorder: bool = False
    """Its events are of one of its channels, or of itself."""
    channels: Mapping[int, str] = field(default_factory=dict)
    """Channel -> camera id."""


@dataclass(slots=True)
class _Series:
    """One camera and kind."""

    target: str
    kind: EventKind
    topic: str
    on: bool = False
    """The alarm stands, and has not returned."""
    inputs: dict[tuple[str, str], bool] = field(default_factory=dict)
    """(source, topic) that are active -> True: that they began was seen."""
    before: frozenset[tuple[str, str]] = frozenset()
    """The inputs of before the watch was lost."""
    restored: bool = False
    """It is on by the log's word: by which inputs is not known, until one watch has stood and been lost."""
    held: int = 0
    """What happened and is in no alarm yet."""
    source: str = ""
    raised_s: float = -math.inf
    off_s: float = math.inf
    """When it ends, where nothing is active."""
    said: tuple[Priority, LocalText, LocalText] | None = None
    """Priority, name and detail as they were told last."""

    @property
    def key(self) -> str:
        return f"{EVENT}{self.target}:{self.kind.value}" + (f":{self.topic}" if self.topic else "")

    @property
    def camera_id(self) -> str:
        return self.target.removesuffix(ALL)


class _Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stood: list[str] = []
    first: list[tuple[str, EventKind, str, str, str]] = []
    """Target, kind, topic of the alarm, source, topic."""


class EventAlarms:
    """Give it what comes, and take `conditions`."""

    def __init__(self, standing: Mapping[str, Alarm], now_ns: int, now_s: float, memory: str = "") -> None:
        """`standing`: alarms of the log whose keys begin with EVENT; `memory`: what the hub before remembered."""
        self._rules = Rules()
        self._cameras: Mapping[str, Camera] = {}
        self._devices: Mapping[str, Watched] = {}
        self._home: Mapping[str, Watched] = {}
        self._series: dict[tuple[str, EventKind, str], _Series] = {}
        self._conditions: list[Condition] = []
        self._looks: set[str] = set()
        self._stood: set[str] = set()
        self._again: set[str] = set()
        """Devices whose watch has stood before, in the life of this hub."""
        for key, alarm in standing.items():
            series = _restored(key)
            if series is None:
                continue
            series.on = series.restored = alarm.state not in _OVER and not alarm.t_returned_ns
            series.raised_s = now_s - max(0.0, (now_ns - alarm.t_raised_ns) / NS_PER_S)
            series.said = alarm.priority, alarm.name, alarm.detail
            self._series[series.target, series.kind, series.topic] = series

        self._recall(memory)

    def _recall(self, memory: str) -> None:
        try:
            known = msgspec.json.decode(memory or "{}", type=_Memory)
        except msgspec.DecodeError as error:
            log.error("what was remembered of cameras' events cannot be read: %s", error)
            return
        self._stood |= set(known.stood)
        for target, kind, topic, source, at in known.first:
            series = self._series.setdefault((target, kind, topic), _Series(target, kind, topic))
            series.inputs[source, at] = False

    def memory(self) -> str:
        """Devices that have been watched, and what has been active since they were first: small, and seldom new."""
        first = [
            (series.target, series.kind, series.topic, *at)
            for series in self._series.values()
            for at, began in series.inputs.items()
            if not began and not series.on
        ]
        return msgspec.json.encode(_Memory(sorted(self._stood), sorted(first))).decode()

    # --- what it is told -------------------------------------------------------------------------

    def plan(self, cameras: Mapping[str, Camera], devices: Mapping[str, Watched], rules: Rules) -> None:
        """What there is now: the directory, the devices that are watched, and the rules."""
        self._cameras, self._devices, self._rules = cameras, devices, rules
        self._stood &= devices.keys()
        self._again &= devices.keys()
        self._home = {camera_id: device for device in devices.values() for camera_id in device.cameras}

    def stands(self, device: str, now_s: float) -> None:
        """The watch of a device stands (again): what it says next is how things are."""
        if device in self._stood:
            self._again.add(device)
        self._stood.add(device)
        for series in self._of(device):
            series.before = frozenset(series.inputs)
            series.restored = series.restored and series.off_s == math.inf and not series.inputs
            if series.inputs or series.off_s == math.inf:
                series.inputs.clear()
                series.off_s = now_s + UNSAID_S

    def noticed(self, told: Noticed, now_ns: int, now_s: float) -> None:
        """What a device has noticed. Of one that is not watched: nothing."""
        device = self._devices.get(told.device)
        if device is None:
            return
        series = self._find(device, told)
        if series is None:
            return
        verdict = self._verdict(series)
        if verdict is None:
            return
        at = (told.source, told.topic)
        times = told.times
        if told.active:
            if told.device in self._again and at not in series.inputs and at not in series.before:
                times = times or int(not series.restored)  # it began while the watch was lost
            if at in series.inputs or len(series.inputs) < MOST_INPUTS:
                series.inputs[at] = bool(times) or series.inputs.get(at, False)
        elif series.inputs.pop(at, None) is not None or told.times or series.off_s > now_s + verdict.off_delay_s:
            series.off_s = now_s + verdict.off_delay_s
        if times and verdict.counts_at(self._rules.minute(now_ns)):
            series.held += times
            series.source = told.source
        self._consider(series, verdict, now_ns - int(told.age_s * NS_PER_S), now_ns, now_s)

    def tick(self, now_ns: int, now_s: float) -> None:
        """What time, rules and directory change; once a second."""
        for at, series in list(self._series.items()):
            verdict = self._verdict(series)
            if verdict is None:  # the camera has gone, or is not watched any more
                if series.on:
                    self._end(series, now_ns)
                del self._series[at]
                continue
            self._consider(series, verdict, now_ns, now_ns, now_s)
            if not series.on and not series.held and not series.inputs and now_s > series.raised_s + verdict.dead_s:
                del self._series[at]

    def take(self) -> list[Condition]:
        """For the engine, in their order."""
        taken, self._conditions = self._conditions, []
        return taken

    def take_looks(self) -> set[str]:
        """Cameras that the sweep should look at."""
        taken, self._looks = self._looks, set()
        return taken

    # --- how it decides --------------------------------------------------------------------------

    def _of(self, device: str) -> list[_Series]:
        known = self._devices.get(device)
        ids = set(known.cameras) if known is not None else set[str]()
        return [series for series in self._series.values() if series.camera_id in ids]

    def _find(self, device: Watched, told: Noticed) -> _Series | None:
        target: str | None = device.cameras[0]
        if device.recorder:
            # Of a channel that is none of the site's cameras nothing is told.
            target = device.channels.get(told.channel) if told.channel else device.cameras[0] + ALL
        if target is None:
            return None
        topic = words.plain(told.topic, 120) if told.kind is EventKind.OTHER else ""
        at = (target, told.kind, topic)
        series = self._series.get(at)
        if series is None:
            if topic and sum(one.target == target for one in self._series.values()) >= MOST_TOPICS:
                return None
            camera = self._cameras.get(target.removesuffix(ALL))
            if camera is None or self._rules.of(camera, told.kind, topic).priority is None:
                return None  # of no interest at any hour
            series = self._series[at] = _Series(target, told.kind, topic)
        return series

    def _verdict(self, series: _Series) -> Verdict | None:
        """None: its camera has gone."""
        camera = self._cameras.get(series.camera_id)
        if camera is None or series.camera_id not in self._home:
            return None
        return self._rules.of(camera, series.kind, series.topic)

    def _consider(self, series: _Series, verdict: Verdict, t_ns: int, now_ns: int, now_s: float) -> None:
        """Raise it, count in it, or end it, as things stand. `t_ns`: when the newest began."""
        if not verdict.counts_at(self._rules.minute(now_ns)):
            series.held = 0
            if series.on:
                self._end(series, now_ns)
            return
        began = any(series.inputs.values())
        if not series.on and (series.held or began) and now_s >= series.raised_s + verdict.dead_s:
            series.on, series.raised_s = True, now_s
            self._tell(series, verdict, t_ns, max(1, series.held))
            if not series.inputs:
                series.off_s = max(min(series.off_s, now_s + verdict.off_delay_s), now_s)
            if words.picture_counts(series.kind):
                self._looks.add(series.camera_id)
        elif series.on and series.held:
            self._tell(series, verdict, t_ns, series.held)
        elif series.on and series.said != self._words(series, verdict):
            self._tell(series, verdict, now_ns, 0)
        if series.on and not series.inputs and now_s >= series.off_s:
            self._end(series, now_ns)

    def _tell(self, series: _Series, verdict: Verdict, t_ns: int, times: int) -> None:
        series.held, series.said = 0, self._words(series, verdict)
        priority, name, detail = series.said
        about = condition(series.key, t_ns, self._cameras_of(series), priority, name, detail)
        self._conditions.append(msgspec.structs.replace(about, times=times))

    def _end(self, series: _Series, now_ns: int) -> None:
        series.on, series.off_s, series.restored = False, math.inf, False
        self._conditions.append(Condition(series.key, now_ns, False))

    def _cameras_of(self, series: _Series) -> list[Camera]:
        if not series.target.endswith(ALL):
            return [self._cameras[series.camera_id]]
        return [self._cameras[id_] for id_ in self._home[series.camera_id].cameras if id_ in self._cameras]

    def _words(self, series: _Series, verdict: Verdict) -> tuple[Priority, LocalText, LocalText]:
        cameras = self._cameras_of(series)
        camera = None if series.target.endswith(ALL) else cameras[0]
        return (
            verdict.priority or Priority.LOW,
            words.told(verdict.name, series.kind, cameras),
            words.figures(series.kind, series.topic, series.source, camera),
        )


def condition(
    key: str, t_ns: int, cameras: list[Camera], priority: Priority, name: LocalText, detail: LocalText
) -> Condition:  # fmt: skip
    """Something is wrong at these cameras; the place is that of the first."""
    first = cameras[0]
    return Condition(
        key, t_ns, True, priority, name=name, detail=detail, place=first.name, area_id=first.area_id, lon=first.lon,
        lat=first.lat, camera_ids=tuple(camera.id for camera in cameras[:CAMERAS_TOLD]), source="camera",
    )  # fmt: skip


def _restored(key: str) -> _Series | None:
    _, target, kind, topic = [*key.split(":", 3), "", ""][:4]
    try:
        return _Series(target, EventKind(kind), topic)
    except ValueError:
        return None
