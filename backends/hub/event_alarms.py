"""From what devices notice to conditions of the alarm engine, and alarms that say that nobody listens.

One alarm for each camera and kind (`event:cam-014:intrusion`; of kind "other" for each topic), so that
1. it is raised when the event begins or happens, unless it was raised within the dead time;
2. what happens meanwhile is counted in it; what happened in a dead time is told at its end, never dropped;
3. it ends when none of the camera's inputs carries it any more and the off-delay has gone.
An input is what the device tells apart: source, topic, instance (two rules, two contacts). Of each that is active we
know two things. Does it carry the alarm: has it begun while the camera was watched, or did it stand so from the first,
which raises nothing and holds nothing? And has the device said it since the watch stands: what it has not said, after
a loss of the watch, is believed until it is said, or the watch has stood for UNSAID_S, never while it is lost. What is
active after a loss and was not before it began meanwhile: it carries, and counts. `memory` is all this, for the hub
that goes on. What a recorder does not say of one of its channels is an alarm of the device, named after the first of
its cameras: `event:cam-201/all:storage`.

Pure: monotonic seconds and UTC nanoseconds are arguments. One thread. Must not: know an address or a password.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from backends.domain.alarm import Alarm, Priority
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


@dataclass(frozen=True, slots=True)
class Watched:
    """A device, by the name that its first camera gives it."""

    cameras: tuple[str, ...]
    """Ids, by channel where that is said."""
    recorder: bool = False
    """Its events are of one of its channels, or of itself."""
    channels: Mapping[int, str] = field(default_factory=dict)
    """Channel -> camera id."""


_At = tuple[str, str, str]
"""Source, topic and instance, by the device's own words."""
_UNKNOWN: _At = ("", "", "")
"""Stands for the inputs of an alarm of the log of which nothing is remembered."""


@dataclass(slots=True)
class _Input:
    """Something that is active, as the device has said last."""

    carries: bool
    """It began while the camera was watched: it raises the alarm, and holds it."""
    said: bool = True
    """Since the watch stands; False: before."""


@dataclass(slots=True)
class _Series:
    """One camera and kind."""

    target: str
    kind: EventKind
    topic: str
    on: bool = False
    """The alarm stands, and has not returned."""
    inputs: dict[_At, _Input] = field(default_factory=dict)
    """Those that are active."""
    held: int = 0
    """What happened and is in no alarm yet."""
    source: str = ""
    raised_s: float = -math.inf
    off_s: float = -math.inf
    """When it ends, where nothing carries it."""
    said: tuple[Priority, LocalText, LocalText] | None = None
    """Priority, name and detail as they were told last."""

    @property
    def key(self) -> str:
        return f"{EVENT}{self.target}:{self.kind.value}" + (f":{self.topic}" if self.topic else "")

    @property
    def camera_id(self) -> str:
        return self.target.removesuffix(ALL)

    def carried(self) -> list[_Input]:
        return [one for one in self.inputs.values() if one.carries]


class _Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    known: list[str] = []
    inputs: list[tuple[str, EventKind, str, str, str, str, bool]] = []
    """Target, kind, topic of the alarm; source, topic, instance; does it carry the alarm."""


class EventAlarms:
    """Give it what comes, and take `conditions`."""

    def __init__(self, standing: Mapping[str, Alarm], now_ns: int, now_s: float, memory: str = "") -> None:
        """`standing`: `AlarmEngine.told` of EVENT; `memory`: what the hub before remembered."""
        self._rules = Rules()
        self._cameras: Mapping[str, Camera] = {}
        self._devices: Mapping[str, Watched] = {}
        self._home: Mapping[str, str] = {}
        """Camera -> its device."""
        self._series: dict[tuple[str, EventKind, str], _Series] = {}
        self._conditions: list[Condition] = []
        self._looks: set[str] = set()
        self._stands: dict[str, float] = {}
        """Devices whose watch stands, and since when."""
        self._known: set[str] = set()
        """Cameras of which it has been said how things are, now or ever before."""
        self._again: set[str] = set()
        """Those that were known when their watch began to stand: what is new began meanwhile."""
        for key, alarm in standing.items():
            on = alarm.active and not alarm.t_clear_ns  # in its off-delay the cause is away
            series = _restored(key)
            if series is None:
                if on:
                    self._conditions.append(Condition(key, now_ns, False))
                continue
            series.on = on
            series.raised_s = now_s - max(0.0, (now_ns - alarm.t_raised_ns) / NS_PER_S)
            series.said = alarm.priority, alarm.name, alarm.detail
            if series.kind is EventKind.INPUT:
                series.source = alarm.detail.vi  # which contact it was
            self._series[series.target, series.kind, series.topic] = series
        self._recall(memory)
        for series in self._series.values():
            if series.on and not series.carried():
                series.inputs[_UNKNOWN] = _Input(carries=True, said=False)

    def _recall(self, memory: str) -> None:
        try:
            known = msgspec.json.decode(memory or "{}", type=_Memory)
        except msgspec.DecodeError as error:
            log.error("what was remembered of cameras' events cannot be read: %s", error)
            return
        self._known |= set(known.known)
        for target, kind, topic, source, at, instance, carries in known.inputs:
            series = self._series.setdefault((target, kind, topic), _Series(target, kind, topic))
            series.inputs[source, at, instance] = _Input(carries, said=False)

    def memory(self) -> str:
        """Cameras that have been watched, and what is active there: small, new with an alarm, and seldom else."""
        inputs = [
            (series.target, series.kind, series.topic, *at, one.carries)
            for series in self._series.values()
            for at, one in series.inputs.items()
        ]
        return msgspec.json.encode(_Memory(sorted(self._known), sorted(inputs))).decode()

    # --- what it is told -------------------------------------------------------------------------

    def plan(self, cameras: Mapping[str, Camera], devices: Mapping[str, Watched], rules: Rules) -> None:
        """What there is now: the directory, the devices that are watched, and the rules.

        A device whose cameras or channels are others than before has to be watched anew: it counts as lost.
        """
        changed = [name for name, before in self._devices.items() if devices.get(name) != before]
        self._cameras, self._devices, self._rules = cameras, devices, rules
        self._home = {camera_id: name for name, device in devices.items() for camera_id in device.cameras}
        self._known &= self._home.keys()
        for name in changed:
            self.lost(name)

    def stands(self, device: str, now_s: float) -> None:
        """The watch of a device stands (again): what it says next is how things are."""
        known = self._devices.get(device)
        if known is None:
            return
        self.lost(device)
        self._stands[device] = now_s
        self._again = (self._again - set(known.cameras)) | (self._known & set(known.cameras))

    def lost(self, device: str) -> None:
        """Nobody listens to it: nothing that is active ends before it has been asked again."""
        self._stands.pop(device, None)
        for series in self._series.values():
            if self._home.get(series.camera_id) == device:
                for one in series.inputs.values():
                    one.said = False

    def noticed(self, told: Noticed, now_ns: int, now_s: float) -> None:
        """What a device has noticed. Of one that is not watched: nothing."""
        device = self._devices.get(told.device)
        if device is None:
            return
        self._known.update(device.cameras)
        series = self._find(device, told)
        if series is None:
            return
        verdict = self._verdict(series)
        if verdict is None:
            return
        at = (told.source, told.topic, told.instance)
        known = series.inputs.get(at)
        times = told.times
        if told.active:
            unknown = _UNKNOWN in series.inputs  # then this may be what the alarm of the log is about
            carries = known.carries if known is not None else unknown or series.camera_id in self._again
            if known is None and carries and not unknown:
                times = times or 1  # it began while the watch was lost
            if known is not None or len(series.inputs) < MOST_INPUTS:
                series.inputs[at] = _Input(carries or bool(times))
        else:
            series.inputs.pop(at, None)
            if told.times or (known is not None and known.carries):
                series.off_s = now_s + verdict.off_delay_s
        if times and verdict.counts_at(self._rules.minute(now_ns)):
            series.held += times
            series.source = told.source
        self._consider(series, verdict, now_ns - int(told.age_s * NS_PER_S), now_ns, now_s)

    def tick(self, now_ns: int, now_s: float) -> None:
        """What time, rules and directory change; once a second."""
        settled = {name for name, since_s in self._stands.items() if now_s >= since_s + UNSAID_S}
        for name in settled:
            self._known.update(self._devices[name].cameras)
        for at, series in list(self._series.items()):
            verdict = self._verdict(series)
            if verdict is None:  # the camera has gone, or is not watched any more
                if series.on:
                    self._end(series, now_ns)
                del self._series[at]
                continue
            if self._home[series.camera_id] in settled:
                series.inputs = {at: one for at, one in series.inputs.items() if one.said}
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
        began = any(one.said for one in series.carried())
        if not series.on and (series.held or began) and now_s >= series.raised_s + verdict.dead_s:
            series.on, series.raised_s = True, now_s
            self._tell(series, verdict, t_ns, max(1, series.held))
            series.off_s = max(series.off_s, now_s)
            if words.picture_counts(series.kind):
                self._looks.add(series.camera_id)
        elif series.on and series.held:
            self._tell(series, verdict, t_ns, series.held)
        elif series.on and series.said != self._words(series, verdict):
            self._tell(series, verdict, now_ns, 0)
        if series.on and not series.carried() and now_s >= series.off_s:
            self._end(series, now_ns)

    def _tell(self, series: _Series, verdict: Verdict, t_ns: int, times: int) -> None:
        series.held, series.said = 0, self._words(series, verdict)
        priority, name, detail = series.said
        about = condition(series.key, t_ns, self._cameras_of(series), priority, name, detail)
        self._conditions.append(msgspec.structs.replace(about, times=times))

    def _end(self, series: _Series, now_ns: int) -> None:
        series.on = False
        self._conditions.append(Condition(series.key, now_ns, False))

    def _cameras_of(self, series: _Series) -> list[Camera]:
        if not series.target.endswith(ALL):
            return [self._cameras[series.camera_id]]
        device = self._devices[self._home[series.camera_id]]
        return [self._cameras[id_] for id_ in device.cameras if id_ in self._cameras]

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
