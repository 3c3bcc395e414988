"""A device's events over real HTTP: pulled, typed, on our clock, and watched over losses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from helpers import onvif_answers as says
from helpers.onvif_device import PASSWORD, USER, OnvifCamera
from helpers.waiting import wait_for

from backends.domain.device import CameraEvent, EventKind
from backends.domain.device_watch import FromWatcher, Noticed, Stood, WatchDevice
from backends.domain.ports import CameraEvents
from backends.onvif.device import Login
from backends.onvif.events import OnvifEvents, read_event
from backends.onvif.untrusted import parse
from backends.video.backoff import Backoff
from backends.watcher.__main__ import SILENT, SILENT_S
from backends.watcher.__main__ import Watch as WatcherWatch

TAMPER = ("tns1:RuleEngine/TamperDetector/Tamper", "IsTamper")


class Quick(Backoff):
    """Waits a tenth of what cameras are given."""

    def after_loss(self, good_s: float) -> float:
        return super().after_loss(good_s) / 10


class Watch:
    """A watch in a thread of its own, and what it has said."""

    def __init__(self, camera: OnvifCamera, password: str = PASSWORD, life_s: int = 60) -> None:
        self.stop = threading.Event()
        self.got: list[CameraEvent] = []
        self.said: list[str] = []
        events: CameraEvents = OnvifEvents(Login(camera.url, USER, password), backoff=Quick(), life_s=life_s)
        self._thread = threading.Thread(
            target=events.watch, args=(self.stop, self.got.append, self.said.append), name="watch"
        )
        self._thread.start()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.got]


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[OnvifCamera]:
    monkeypatch.setattr("backends.onvif.events.PULL_S", 1)
    with OnvifCamera() as running:
        yield running


def test_events_come_at_once_typed_and_on_our_clock(camera: OnvifCamera) -> None:
    camera.ahead_s = -86_400
    watch = Watch(camera)
    try:
        wait_for("how things stand", lambda: watch.got)
        assert watch.got[0].first
        assert (watch.got[0].kind, watch.got[0].active) == (EventKind.MOTION, False)
        camera.emit(*TAMPER, "true")
        wait_for("tampering", lambda: len(watch.got) > 1, 0.9)
        event = watch.got[1]
        assert (event.kind, event.active, event.source, event.first) == (EventKind.TAMPER, True, "vs_1", False)
        assert event.topic == "RuleEngine/TamperDetector/Tamper"
        assert event.t_ns / 1e9 == pytest.approx(time.time(), abs=3)
        assert watch.said == [""]
    finally:
        watch.end()
    assert camera.subscriptions == set(), "its place is given back"


def test_a_subscription_is_renewed(camera: OnvifCamera) -> None:
    camera.life_s = 12.0
    watch = Watch(camera, life_s=24)
    try:
        wait_for("a renewal", lambda: "Renew" in camera.asked)
        assert "CreatePullPointSubscription" in camera.asked
        assert camera.asked.count("CreatePullPointSubscription") == 1
    finally:
        watch.end()


def test_a_device_that_forgets_is_asked_anew(camera: OnvifCamera) -> None:
    watch = Watch(camera)
    try:
        wait_for("the first", lambda: watch.got)
        camera.forget()
        wait_for("the second subscription", lambda: camera.asked.count("CreatePullPointSubscription") == 2)
        wait_for("that it stands again", lambda: watch.said[-1] == "" and len(watch.said) == 3)
        assert watch.said == ["", "the camera says no: no such subscription", ""]
        camera.emit(*TAMPER, "true")
        wait_for("tampering", lambda: EventKind.TAMPER in watch.kinds())
    finally:
        watch.end()


def test_a_device_that_is_unplugged_comes_back(camera: OnvifCamera) -> None:
    watch = Watch(camera)
    try:
        wait_for("the first", lambda: watch.got)
        camera.close()
        wait_for("a loss", lambda: "connection refused" in watch.said)
        assert watch.said[-1]
        camera.subscriptions.clear()
        camera.start()
        camera.emit(*TAMPER, "true")
        wait_for("tampering", lambda: EventKind.TAMPER in watch.kinds())
        assert watch.said[-1] == ""
    finally:
        watch.end()


def test_a_watch_stands_when_a_pull_was_answered_and_before_its_events(camera: OnvifCamera) -> None:
    refusal = says.fault("ActionNotSupported", "Optional Action Not Implemented", "Receiver")
    camera.do_PullMessages = lambda *_: refusal  # type: ignore[method-assign]
    heard: list[CameraEvent | str] = []
    stop = threading.Event()
    events = OnvifEvents(Login(camera.url, USER, PASSWORD), backoff=Quick())
    thread = threading.Thread(target=events.watch, args=(stop, heard.append, heard.append), name="watch")
    thread.start()
    try:
        wait_for("a third subscription", lambda: camera.asked.count("CreatePullPointSubscription") > 2)
        assert set(heard) == {"the camera says no: Optional Action Not Implemented"}, (
            "it gave a place, and nothing else"
        )
        del camera.do_PullMessages
        wait_for("that it stands", lambda: isinstance(heard[-1], CameraEvent))
        assert "" in heard
        assert all(isinstance(one, str) for one in heard[: heard.index("")])
    finally:
        stop.set()
        thread.join(20)


@pytest.mark.parametrize("answers", [True, False], ids=["answers", "control: takes the question for done"])
def test_how_things_stand_is_asked_again(
    camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:  # fmt: skip
    monkeypatch.setattr("backends.onvif.events.ASK_AGAIN_S", 0.5)
    if not answers:
        camera.do_SetSynchronizationPoint = lambda *_: "<tev:SetSynchronizationPointResponse/>"  # type: ignore[method-assign]
    watch = Watch(camera)
    try:
        wait_for("that it stands", lambda: watch.said)
        camera.emit(*TAMPER, "true")
        wait_for("tampering", lambda: EventKind.TAMPER in watch.kinds())
        with camera._changed:
            camera._states[(*TAMPER, "vs_1")] = "false"  # its word of that is lost
        times = camera.asked.count("SetSynchronizationPoint")
        wait_for("the question", lambda: camera.asked.count("SetSynchronizationPoint") > times + 1)
        if answers:
            wait_for("its end", lambda: [e.active for e in watch.got if e.kind is EventKind.TAMPER][-1] is False)
            assert watch.said.count("") > 1
        assert set(watch.said) == {""}, "no loss"
        assert answers or watch.said == [""]
    finally:
        watch.end()


def test_a_watch_that_was_taken_for_silent_asks_how_things_are(camera: OnvifCamera) -> None:
    watch = WatcherWatch(WatchDevice("cam-014", camera.url, USER, PASSWORD))
    said: list[FromWatcher] = []

    def heard() -> list[FromWatcher]:
        said.extend(watch.outlet.take(time.time_ns(), time.monotonic()))
        return said

    def noticed() -> list[bool | None]:
        return [one.active for one in heard() if isinstance(one, Noticed) and one.kind is EventKind.TAMPER]

    watch.start()
    try:
        wait_for("that it stands", lambda: Stood("cam-014") in heard())
        camera.emit(*TAMPER, "true")
        wait_for("tampering", lambda: noticed() == [True])
        watch.look(time.monotonic() + SILENT_S + 1)
        wait_for("that it stands again", lambda: heard().count(Stood("cam-014")) == 2)
        assert Stood("cam-014", SILENT) in said
        assert camera.asked.count("SetSynchronizationPoint") == 2
        wait_for("how things are", lambda: noticed() == [True, True])
        again = [one for one in said[said.index(Stood("cam-014", SILENT)) :] if one != Stood("cam-014", SILENT)]
        assert again[0] == Stood("cam-014"), "nothing that it says comes before that it stands"
    finally:
        watch.end()
        wait_for("its place is given back", lambda: camera.subscriptions == set())


def test_a_wrong_password_is_tried_once(camera: OnvifCamera) -> None:
    watch = Watch(camera, "wrong")
    try:
        wait_for("the words", lambda: watch.said)
        assert watch.said == ["the camera refuses user name or password"]
        assert not watch.stop.wait(0.3)
        assert camera.refusals == 1
    finally:
        watch.end()


@pytest.mark.parametrize(
    ("topic", "item", "value", "kind", "active"),
    [
        ("tns1:RuleEngine/CellMotionDetector/Motion", "IsMotion", "true", EventKind.MOTION, True),
        ("tns1:VideoSource/MotionAlarm", "State", "0", EventKind.MOTION, False),
        ("tns1:VideoSource/GlobalSceneChange/ImagingService", "State", "1", EventKind.TAMPER, True),
        ("tns1:VideoSource/tnsacme:SignalLoss", "State", "TRUE", EventKind.SIGNAL_LOSS, True),
        ("tns1:RuleEngine/LineDetector/Crossed", "ObjectId", "7", EventKind.LINE_CROSSED, None),
        ("tns1:RuleEngine/FieldDetector/ObjectsInside", "IsInside", "false", EventKind.INTRUSION, False),
        ("tns1:Device/Trigger/DigitalInput", "LogicalState", "true", EventKind.INPUT, True),
        ("tns1:Device/HardwareFailure/StorageFailure", "Failed", "true", EventKind.STORAGE, True),
        ("tns1:RuleEngine/MyRuleDetector/Visitor", "State", "maybe", EventKind.OTHER, None),
    ],
)
def test_topics(topic: str, item: str, value: str, kind: EventKind, active: bool | None) -> None:
    raw = says.envelope(says.notification(topic, item, value, 1000.0))
    message = parse(raw).find("Body/NotificationMessage")
    assert message is not None
    event = read_event(message, lambda said: 77 if said == "1970-01-01T00:16:40Z" else 0, 5)
    assert event is not None
    assert (event.kind, event.active, event.t_ns) == (kind, active, 77)
    assert ":" not in event.topic


def test_a_message_without_a_time_counts_from_when_it_came() -> None:
    raw = says.envelope(says.notification(*TAMPER, "true", 0.0, "Deleted"))
    message = parse(raw).find("Body/NotificationMessage")
    assert message is not None
    event = read_event(message, lambda said: 0, 5)
    assert event is not None
    assert (event.t_ns, event.active) == (5, False)
    assert read_event(ElementTree.fromstring("<NotificationMessage/>"), lambda said: 0, 5) is None


def test_a_rule_and_an_object_tell_messages_of_one_source_apart() -> None:
    def instance(rule: str, object_id: str) -> str:
        items = "".join(
            f'<{part}><SimpleItem Name="{name}" Value="{value}"/></{part}>'
            for part, name, value in (("Key", "ObjectId", object_id), ("Data", "IsInside", "true"))
        )
        event = read_event(
            ElementTree.fromstring(
                "<NotificationMessage><Topic>tns1:RuleEngine/FieldDetector/ObjectsInside</Topic><Message><Message>"
                '<Source><SimpleItem Name="VideoSourceConfigurationToken" Value="v1"/>'
                f'<SimpleItem Name="Rule" Value="{rule}"/></Source>{items}</Message></Message></NotificationMessage>'
            ),
            lambda said: 0,
            5,
        )
        assert event is not None
        assert event.source == "v1"
        return event.instance

    assert instance("north", "7") == "7/north"
    assert len({instance("north", "7"), instance("south", "7"), instance("north", "8")}) == 3
    assert len(instance("n" * 900, "7" * 900)) <= 128
