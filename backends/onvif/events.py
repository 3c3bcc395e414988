"""What a device notices (motion, tampering, lost signals), fetched from it by ONVIF's pull point.

Pulling needs no way from the device to us. The device keeps a subscription for LIFE_S and forgets it unless it is
renewed, so a dead hub leaves nothing behind for long.

The steps of a watch:
1. connect: clock and services;
2. CreatePullPointSubscription: an address to pull from, and how long it lives;
3. SetSynchronizationPoint: how things stand now comes first (devices without it say it unasked, or never);
4. PullMessages again and again, each waits at the device for up to PULL_S; the watch stands when the first (which
   waits for FIRST_PULL_S) is answered, and not before: some devices give a subscription, and then nothing;
5. SetSynchronizationPoint again every ASK_AGAIN_S: what was missed (a full queue, an object of which it was not said
   that it left) is made good when the device says how things stand, and nothing changes where it does not;
6. Renew when less than half of the life is left;
7. at the end Unsubscribe, as good as it goes: devices have few places (often 5 to 10), some keep dead ones.
A loss at any step leads back to 1, after 1 to 30 s; a refused password only after a minute or more.

A camera that floods, or answers at great length, is pulled more rarely: reading it may take COST_SHARE of one core
and no more, whatever it sends. What stays with the device then is not known here; what comes beyond MOST_MESSAGES is
counted.

Sources: ONVIF Core Specification, 9 (event handling); topics: ONVIF's topic namespace (tns1) and what makers have
added, each named where it is used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import msgspec

from backends.domain.device import CameraEvent, EventKind
from backends.onvif.device import Login, OnvifDevice, Service
from backends.onvif.media import channel_of_tokens, profiles
from backends.onvif.soap import DeviceFault, Markup, addressing, copied, tag
from backends.onvif.untrusted import plain, text
from backends.video.backoff import Backoff
from backends.video.faults import Refused, SourceFault

LIFE_S = 60
"""Asked for. Devices may give less; less than LEAST_LIFE_S is taken for that."""
LEAST_LIFE_S = 10.0
PULL_S = 5
"""A pull waits so long at the device where nothing happens: this is also how fast a watch can be ended."""
FIRST_PULL_S = 1
ASK_AGAIN_S = 3600.0
MESSAGES = 100
MOST_MESSAGES = 1000
"""In one answer; what comes beyond is a flood, and is left out."""
COST_SHARE = 0.05
"""Of one core, for one device. A usual answer takes 2 ms: 40 ms later it is asked again."""
COST_MOST_S = 20.0
_PORT = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription"
_MANAGER = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"

_KINDS: tuple[tuple[str, EventKind], ...] = (
    ("CellMotionDetector/Motion", EventKind.MOTION),  # tns1:RuleEngine; ONVIF Analytics Specification, annex A
    ("VideoSource/MotionAlarm", EventKind.MOTION),  # ONVIF Imaging Specification
    ("MotionRegionDetector/Motion", EventKind.MOTION),  # ONVIF Analytics, annex A
    ("TamperDetector/Tamper", EventKind.TAMPER),  # ONVIF Analytics
    ("ImageTooBlurry", EventKind.TAMPER),  # tns1:VideoSource/ImageTooBlurry/...; ONVIF Imaging
    ("ImageTooDark", EventKind.TAMPER),
    ("ImageTooBright", EventKind.TAMPER),
    ("GlobalSceneChange", EventKind.TAMPER),
    ("SignalLoss", EventKind.SIGNAL_LOSS),  # tns1:VideoSource/SignalLoss; ONVIF Imaging
    ("ConnectionFailed", EventKind.SIGNAL_LOSS),  # tns1:VideoSource/ConnectionFailed; ONVIF Recording
    ("LineDetector/Crossed", EventKind.LINE_CROSSED),  # ONVIF Analytics
    ("FieldDetector/ObjectsInside", EventKind.INTRUSION),  # ONVIF Analytics
    ("Trigger/DigitalInput", EventKind.INPUT),  # tns1:Device; ONVIF Device IO
    ("AudioAnalytics", EventKind.SOUND),  # tns1:AudioAnalytics/Audio/DetectedSound; ONVIF Analytics
    ("HardwareFailure/StorageFailure", EventKind.STORAGE),  # tns1:Device; ONVIF Core
)
"""First that stands in the topic."""
_STATES = ("State", "IsMotion", "IsTamper", "IsInside", "LogicalState", "IsSoundDetected", "Failed")
"""Names of the item that says whether it is on, in the order of preference."""
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})


def read_event(message: Element, ours_ns: Callable[[str], int], now_ns: int) -> CameraEvent | None:
    """One NotificationMessage; None where it has neither topic nor content. `ours_ns`: a device's time on our clock,
    0 where it is none; then `now_ns` counts."""
    topic = "/".join(part.rpartition(":")[2] for part in text(message, "Topic").split("/"))
    content = message.find("Message/Message")
    if not topic or content is None:
        return None
    sources, keys, data = (_items(content, part) for part in ("Source", "Key", "Data"))
    kind = next((kind for words, kind in _KINDS if words in topic), EventKind.OTHER)
    active = next((_truth(data[name]) for name in _STATES if name in data), None)
    if content.get("PropertyOperation") == "Deleted":
        active = False
    source = next((name for name in sources if "Token" in name or name == "Source"), "")
    # What a message is of is told by all items of its source and its key; ONVIF Core, 9.5 (properties).
    apart = sorted((name, value) for name, value in (*sources.items(), *keys.items()) if name != source)
    return CameraEvent(
        kind=kind,
        active=active,
        t_ns=ours_ns(content.get("UtcTime", "")) or now_ns,
        source=sources.get(source, ""),
        topic=plain(topic),
        first=content.get("PropertyOperation") == "Initialized",
        instance="/".join(value for _, value in apart)[:128],
    )


def _items(content: Element, part: str) -> dict[str, str]:
    return {
        plain(item.get("Name", ""), 60): plain(item.get("Value", ""), 60)
        for item in content.findall(f"{part}/SimpleItem")[:32]
    }


def _truth(said: str) -> bool | None:
    word = said.lower()
    return True if word in _TRUE else False if word in _FALSE else None


@dataclass(frozen=True, slots=True)
class _Place:
    """A subscription at the device."""

    url: str
    references: Markup


class OnvifEvents:
    """Watches one device. Implements `CameraEvents`."""

    def __init__(
        self,
        login: Login,
        wall: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
        life_s: int = LIFE_S,
        *,
        channels: bool = False,
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        """`channels`: the device is a recorder, its events name one of several. `turned`: called after every answer;
        it may raise SourceFault, which is a loss."""
        self._login = login
        self._channels = channels
        self._turned = turned
        self._tokens: dict[str, int] = {}
        self.left_out = 0
        """Messages beyond MOST_MESSAGES, of all answers. Any thread may read it."""
        self._wall = wall
        self._backoff = backoff or Backoff()
        self._life_s = life_s

    def watch(
        self, stop: threading.Event, deliver: Callable[[CameraEvent], None], say: Callable[[str], None]
    ) -> None:  # fmt: skip
        """Until `stop`, in the caller's thread; ends within PULL_S and a call after it. Raises nothing of the device's.

        `deliver`: each event, in the device's order, from this thread. `say`: a sentence whenever the watch is lost,
        and the empty text when it stands again; in between no event comes, and none may be taken for quiet. The empty
        text comes also without a loss: how things stand is said once more.
        """
        while not stop.is_set():
            began = time.monotonic()
            stood = threading.Event()
            try:
                self._session(stop, deliver, say, stood)
            except Refused as fault:
                say(str(fault))
                stop.wait(self._backoff.after_refusal())
            except SourceFault as fault:
                say(str(fault))
                stop.wait(self._backoff.after_loss(time.monotonic() - began if stood.is_set() else 0.0))

    def _session(
        self,
        stop: threading.Event,
        deliver: Callable[[CameraEvent], None],
        say: Callable[[str], None],
        stood: threading.Event,
    ) -> None:
        device = OnvifDevice(self._login, self._wall)
        device.connect()
        if self._channels:
            self._tokens = channel_of_tokens(profiles(device))
        asked = tag("tev:CreatePullPointSubscription", tag("tev:InitialTerminationTime", f"PT{self._life_s}S"))
        said = device.call(Service.EVENTS, asked)
        place = _place(device, said)
        until = time.monotonic() + _life(device, said)
        try:
            self._ask_how_things_stand(device, place)
            # `waits`: for its answer to that question, when it was asked once more.
            waits, again_s = False, time.monotonic() + ASK_AGAIN_S
            while not stop.is_set():
                cost_s = time.thread_time()
                events = self._pull(device, place, stop, PULL_S if stood.is_set() else FIRST_PULL_S)
                if not stood.is_set() or (waits and any(event.first for event in events)):
                    stood.set()
                    waits = False
                    say("")
                for event in events:
                    deliver(event)
                self._turned()
                cost_s = time.thread_time() - cost_s
                stop.wait(min(COST_MOST_S, cost_s / COST_SHARE))
                if until - time.monotonic() < self._life_s / 2:
                    until = time.monotonic() + self._renew(device, place)
                if time.monotonic() >= again_s:
                    self._ask_how_things_stand(device, place)
                    waits, again_s = True, time.monotonic() + ASK_AGAIN_S
        finally:
            self._call_quietly(device, place, f"{_MANAGER}/UnsubscribeRequest", "wsnt:Unsubscribe")

    def _pull(self, device: OnvifDevice, place: _Place, stop: threading.Event, wait_s: int) -> list[CameraEvent]:
        body = tag("tev:PullMessages", tag("tev:Timeout", f"PT{wait_s}S"), tag("tev:MessageLimit", MESSAGES))
        began = time.monotonic()
        said = self._at(device, place, f"{_PORT}/PullMessagesRequest", body, wait_s + 5.0)
        messages = said.findall("NotificationMessage")
        self.left_out += len(messages[MOST_MESSAGES:])
        messages = messages[:MOST_MESSAGES]
        if not messages and time.monotonic() - began < 0.2:
            # Some devices answer at once where nothing has happened, and would be asked a thousand times a second.
            stop.wait(1.0)
        now_ns = int(self._wall() * 1e9)
        found = (read_event(message, device.ours_ns, now_ns) for message in messages)
        return [self._placed(event) for event in found if event is not None]

    def _placed(self, event: CameraEvent) -> CameraEvent:
        channel = self._tokens.get(event.source, 0)
        return msgspec.structs.replace(event, channel=channel) if channel else event

    def _renew(self, device: OnvifDevice, place: _Place) -> float:
        """How long it lives now, seconds."""
        body = tag("wsnt:Renew", tag("wsnt:TerminationTime", f"PT{self._life_s}S"))
        try:
            return _life(device, self._at(device, place, f"{_MANAGER}/RenewRequest", body))
        except DeviceFault as fault:
            if fault.codes & {"ActionNotSupported", "ActionNotSupportedFault"}:
                return float(self._life_s)  # such devices renew with every pull
            raise

    def _ask_how_things_stand(self, device: OnvifDevice, place: _Place) -> None:
        self._call_quietly(device, place, f"{_PORT}/SetSynchronizationPointRequest", "tev:SetSynchronizationPoint")

    def _call_quietly(self, device: OnvifDevice, place: _Place, action: str, name: str) -> None:
        """What a device may refuse without harm."""
        try:
            self._at(device, place, action, tag(name), 2.0)
        except SourceFault:
            return

    @staticmethod
    def _at(device: OnvifDevice, place: _Place, action: str, body: Markup, seconds: float = 5.0) -> Element:
        headers = addressing(place.url, action, place.references)
        return device.call(Service.EVENTS, body, seconds=seconds, to=place.url, headers=headers)


def _place(device: OnvifDevice, said: Element) -> _Place:
    reference = said.find("SubscriptionReference")
    address = text(reference, "Address")
    if not address:
        raise SourceFault("the camera names no place to fetch its events from")
    kept = [] if reference is None else reference.findall("ReferenceParameters/*")[:16]
    return _Place(device.at_home(address), Markup("".join(map(copied, kept))))


def _life(device: OnvifDevice, said: Element) -> float:
    """Seconds until the device forgets the subscription, by its own clock where it says both ends."""
    ends, now = (device.ours_ns(text(said, name)) for name in ("TerminationTime", "CurrentTime"))
    lives = (ends - now) / 1e9 if ends and now else float(LIFE_S)
    return max(LEAST_LIFE_S, min(lives, 3600.0))
